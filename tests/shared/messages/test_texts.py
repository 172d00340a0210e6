"""Strings checked for a whole record at once. That this is the contract is held by tests/contracts/test_twins.py."""

import re
from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from shared import ids
from shared.messages import EVENTS
from shared.messages.texts import Texts, text

ROOT = Path(__file__).parents[3]

Id = Annotated[str, text(ids.EXTERNAL_ID_PATTERN, 64)]
Word = Annotated[str, text(ids.LABEL_PATTERN, 128)]


class Inner(msgspec.Struct):
    """A part with an id."""

    id: Id


class Outer(msgspec.Struct):
    """Strings in every kind of place."""

    word: Word | None = None
    late: Word | msgspec.UnsetType = msgspec.UNSET
    ids: Annotated[tuple[Id, ...], msgspec.Meta(max_length=9)] = ()
    one: Inner | None = None
    parts: tuple[Inner, ...] = ()


TEXTS = Texts(Outer)


def check(value: bytes) -> None:
    TEXTS.check(value, msgspec.json.decode(value, type=Outer))


@pytest.mark.parametrize(
    "value",
    [
        b"{}",
        b'{"word":null,"ids":[],"one":null}',
        b'{"word":"a/b","ids":["a"],"one":{"id":"b"},"parts":[{"id":"c"}]}',
        '{"word": "caf\u00e9 au lait", "late": "a/b"}'.encode(),
        b'{"unknown":"a b/c"}',
    ],
)
def test_what_keeps_its_pattern_passes(value: bytes) -> None:
    check(value)


@pytest.mark.parametrize("blank", [b"", b" "])
@pytest.mark.parametrize(
    ("value", "place"),
    [
        (b'{"ids":["a","a/b"]}', "$.ids"),
        (b'{"one":{"id":"a/b"}}', "$.one[...].id"),
        (b'{"parts":[{"id":"a"},{"id":"a/b"}]}', "$.parts[...].id"),
        (b'{"word":"\\u0007"}', "$.word"),
        (b'{"late":"\x7f"}', "$.late"),
        ('{"parts":[{"id":"\u00e9"}]}'.encode(), "$.parts[...].id"),
    ],
)
def test_what_breaks_it_is_named_by_its_place(value: bytes, place: str, blank: bytes) -> None:
    with pytest.raises(msgspec.ValidationError, match=re.escape(f"at `{place}`")):
        check(blank + value)


def test_a_pattern_of_which_nothing_is_known_is_refused() -> None:
    with pytest.raises(ValueError, match="which strings of visible ASCII"):
        text(r"^[a-z]{1,9}$", 9)


def test_nothing_reads_an_event_without_its_patterns() -> None:
    names = "|".join([*(event.__name__ for event in EVENTS), "MerchantDraft"])
    around = re.compile(rf"json\.(?:Decoder\(|decode\([^)]*type=)(?:{names})\b")
    sources = [path for part in ("shared", "services", "deploy") for path in (ROOT / part).rglob("*.py")]
    assert len(sources) > 100
    assert [str(path) for path in sources if around.search(path.read_text())] == []
