"""What is fetched once appears whole or not at all."""

from pathlib import Path

import pytest

from ops.runtime import cache


class BrokenError(Exception):
    """A fetch that fails half-way."""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_CACHE", str(tmp_path))


def test_an_entry_is_made_once(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(target: Path) -> None:
        made.append(target)
        target.write_text("jar")

    assert cache.keep("kafka/libs", make) == cache.keep("kafka/libs", make) == tmp_path / "kafka" / "libs"
    assert len(made) == 1


def test_half_of_an_entry_is_never_seen(tmp_path: Path) -> None:
    def make(target: Path) -> None:
        target.mkdir()
        (target / "half").write_text("")
        raise BrokenError

    with pytest.raises(BrokenError):
        cache.keep("kafka/libs", make)
    assert list((tmp_path / "kafka").iterdir()) == []
