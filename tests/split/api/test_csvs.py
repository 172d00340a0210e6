"""CSV: what a spreadsheet reads is what was meant, and nothing in it is a formula."""

import csv
import io
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from split.api.csvs import FORMULA, answer, decimals, lines, preferred

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)


def read(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))


@given(st.lists(st.lists(TEXT, min_size=2, max_size=4), max_size=5))
def test_every_text_is_read_back_and_no_cell_is_a_formula(rows: list[list[str]]) -> None:
    found = read(lines(rows))
    assert [[it.removeprefix("'") for it in row] for row in found] == [
        [it.removeprefix("'") for it in row] for row in rows
    ]
    assert [it for row in found for it in row if it.startswith(FORMULA)] == []
    assert all(
        it == other
        for one, two in zip(rows, found, strict=True)
        for it, other in zip(one, two, strict=True)
        if not it.startswith(FORMULA)
    )


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_an_id_that_would_be_a_formula_is_made_a_text(start: str) -> None:
    assert read(lines([[f"{start}1+1", "x"]])) == [[f"'{start}1+1", "x"]]


def test_lines_are_as_rfc_4180_has_them() -> None:
    rows = [("a", 'say "b", c', "", -5), ("ü\n", decimals(-1_205, "BRL"), "'", 7)]
    assert lines(rows) == 'a,"say ""b"", c",,-5\r\n"ü\n",-12.05,\',7\r\n'.encode()


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (-1_205, "BRL", "-12.05"),
        (5, "BRL", "0.05"),
        (-5, "KWD", "-0.005"),
        (0, "BRL", "0.00"),
        (-12, "JPY", "-12"),
        (0, "JPY", "0"),
        (10**18 + 1, "BRL", "10000000000000000.01"),
    ],
)
def test_an_amount_has_the_decimal_places_of_its_currency(amount: int, currency: str, text: str) -> None:
    assert decimals(amount, currency) == text


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (None, False),
        ("*/*", False),
        ("application/json", False),
        ("text/csv", True),
        ("Text/CSV; charset=utf-8", True),
        ("text/csv, application/json", False),
        ("text/csv, application/json;q=0.9", True),
        ("text/csv;q=0.1, */*", True),
        ("text/csv;q=0", False),
        ("text/csv;q=x", False),
        (",;=", False),
    ],
)
def test_csv_is_sent_where_it_is_preferred(accept: str | None, *, wanted: bool) -> None:
    assert preferred(accept) is wanted


async def test_the_name_of_a_file_breaks_no_header() -> None:
    async def nothing() -> AsyncIterator[bytes]:
        yield b""

    headers = answer(nothing(), 'statement-merchant:held/m"1\r\n;ü').headers
    assert headers["content-disposition"] == 'attachment; filename="statement-merchant-held-m-1----.csv"'
    assert headers["content-type"] == "text/csv; charset=utf-8"
