"""Remembering what was sent."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ops.send.manifest import Manifest, keys, marketplaces

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def written(folder: Path, at: datetime, *batches: list[str]) -> None:
    manifest = Manifest(at, folder)
    for batch in batches:
        manifest.add(batch)
    manifest.close()


def test_runs_add_up_by_marketplace_in_the_order_of_sending(tmp_path: Path) -> None:
    written(tmp_path, NOW + timedelta(seconds=1), ["demo-x/c"])
    written(tmp_path, NOW, ["demo-x/a", "demo-y/a"], ["demo-x/b"])
    assert marketplaces(tmp_path) == ["demo-x", "demo-y"]
    assert list(keys("demo-x", tmp_path)) == ["demo-x/a", "demo-x/b", "demo-x/c"]
    assert list(keys("demo-y", tmp_path)) == ["demo-y/a"]


def test_what_was_never_sent_has_no_keys(tmp_path: Path) -> None:
    assert marketplaces(tmp_path / "none") == []
    assert list(keys("demo-x", tmp_path)) == []


def test_keys_are_on_disk_before_the_run_ends(tmp_path: Path) -> None:
    manifest = Manifest(NOW, tmp_path)
    manifest.add(["demo-x/a"])
    assert list(keys("demo-x", tmp_path)) == ["demo-x/a"]
    manifest.close()


def test_half_a_line_of_a_killed_run_is_no_order(tmp_path: Path) -> None:
    written(tmp_path, NOW, ["demo-x/a", "demo-x/b"])
    (file,) = (tmp_path / "demo-x").iterdir()
    file.write_text(file.read_text()[:-5])
    assert list(keys("demo-x", tmp_path)) == ["demo-x/a"]
