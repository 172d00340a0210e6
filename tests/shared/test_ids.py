"""Identifiers: shapes from outside, and the deterministic ones."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import ids

text = st.text(max_size=20)


@pytest.mark.parametrize("identity", ["a", "A-1_b.c:d~!", "x" * 64])
def test_visible_ascii_is_an_external_id(identity: str) -> None:
    assert re.search(ids.EXTERNAL_ID_PATTERN, identity)


@pytest.mark.parametrize("identity", ["", " ", "a b", "a/b", "a\n", "\na", "a\x00", "a\x7f", "é", "x" * 65])
def test_blanks_slashes_and_control_characters_are_no_external_id(identity: str) -> None:
    assert not re.search(ids.EXTERNAL_ID_PATTERN, identity)


@pytest.mark.parametrize("pattern", [ids.WEIR_ID_PATTERN, ids.DOCUMENT_PATTERN])
def test_weirs_own_ids_may_have_slashes_up_to_200_characters(pattern: str) -> None:
    assert re.search(pattern, "o:" + "a/" * 99)
    assert not re.search(pattern, "o:" + "a/" * 99 + "a")
    assert not re.search(pattern, "o:a\n")


@pytest.mark.parametrize("document", ["", "o", "o:", "p:1", "O:1", "xo:1"])
def test_a_document_says_what_it_is(document: str) -> None:
    assert not re.search(ids.DOCUMENT_PATTERN, document)


@pytest.mark.parametrize("label", ["家电/小家电", "Caf\N{LATIN SMALL LETTER E WITH ACUTE}", "a b", "x" * 128])
def test_a_label_is_anything_printable(label: str) -> None:
    assert re.search(ids.LABEL_PATTERN, label)


@pytest.mark.parametrize("label", ["", "a\n", "a\tb", "\x85", "\u2028", "x" * 129])
def test_a_label_has_no_control_characters_and_an_end(label: str) -> None:
    assert not re.search(ids.LABEL_PATTERN, label)


def test_an_event_keeps_its_id_for_ever() -> None:
    assert ids.event_id("order-paid", "demo", "o-1") == "905a874f-2583-5cb4-82e3-0e2b1a68f3ae"


@given(text, text, text)
def test_events_of_different_topics_have_different_ids(topic: str, marketplace: str, identity: str) -> None:
    assert ids.event_id(topic, marketplace, identity) == ids.event_id(topic, marketplace, identity)
    assert ids.event_id(topic, marketplace, identity) != ids.event_id(topic + "x", marketplace, identity)


def test_an_attempt_keeps_its_channel_number_for_ever() -> None:
    number = ids.channel_number("payout", "demo", "o:o-1", "demo/o:o-1/merchant:a/1", 1)
    assert number == "9EC7E2520CA83BA421622A10D6"


@given(text, text, text, text, st.integers(1, 1_000))
def test_each_attempt_has_a_channel_number_of_26_digits(
    kind: str, marketplace: str, document: str, instruction: str, attempt: int
) -> None:
    number = ids.channel_number(kind, marketplace, document, instruction, attempt)
    assert re.fullmatch(r"[0-9A-F]{26}", number)
    assert number == ids.channel_number(kind, marketplace, document, instruction, attempt)
    others = (
        ids.channel_number(kind, marketplace, document, instruction, attempt + 1),
        ids.channel_number(kind, marketplace, document, f"{instruction}x", attempt),
        ids.channel_number(f"{kind}x", marketplace, document, instruction, attempt),
    )
    assert len({number, *others}) == 4
    assert {other[:7] for other in others} == {number[:7]}, "the numbers of a document are neighbours"


@given(text, text, text)
def test_numbers_of_other_documents_and_marketplaces_begin_with_other_digits(
    marketplace: str, document: str, instruction: str
) -> None:
    places = ((marketplace, document), (marketplace, f"{document}x"), (f"{marketplace}x", document))
    numbers = [ids.channel_number("payout", *place, instruction, 1) for place in places]
    assert len({number[:7] for number in numbers}) == 3
    # The rest alone tells marketplaces apart, and instructions carry their document in their id.
    assert numbers[0][7:] != numbers[2][7:]
