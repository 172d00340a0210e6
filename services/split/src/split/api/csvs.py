"""CSV as RFC 4180 has it, in pieces: nothing here holds more than the rows of one piece.

A spreadsheet takes a cell that begins with one of = + - @ for a formula, and ids from outside may begin so. Such a text
gets an apostrophe before it, which says that it is text. Numbers are Weir's own, and stand as they are.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

from fastapi.responses import StreamingResponse

from shared.money import CURRENCY_DECIMALS

CSV_TYPE: Final = "text/csv"
JSON_TYPE: Final = "application/json"
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")

type Row = Sequence[str | int | Decimals]


class Decimals(str):
    """A number as text: no cell of it is a formula."""

    __slots__ = ()


def decimals(amount_minor: int, currency: str) -> Decimals:
    """Return an amount in the currency's own unit, with its decimal places: `-12.05`; of a yen, `-12`."""
    places = CURRENCY_DECIMALS.get(currency, 2)
    digits = str(abs(amount_minor)).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return Decimals(f"-{text}" if amount_minor < 0 else text)


def lines(rows: Iterable[Row]) -> bytes:
    """Return rows as lines that end in CR LF; a cell is quoted where it must be."""
    held = io.StringIO(newline="")
    csv.writer(held, lineterminator="\r\n").writerows([_cell(it) for it in row] for row in rows)
    return held.getvalue().encode()


def answer(pieces: AsyncIterator[bytes], name: str) -> StreamingResponse:
    """Return an answer that is sent piece by piece, as fast as the reader takes them. `name`: of the file, no suffix.

    Where it fails underway the connection is cut: the last row is not there, nor the end of the answer.
    """
    disposition = f'attachment; filename="{_file_name(name)}.csv"'
    return StreamingResponse(pieces, media_type=CSV_TYPE, headers={"content-disposition": disposition})


def preferred(accept: str | None) -> bool:
    """Tell whether an Accept header would rather have CSV than JSON (RFC 9110)."""
    weights = {CSV_TYPE: 0.0, JSON_TYPE: 0.0}
    for part in (accept or "").split(","):
        kind, *parameters = (it.strip().lower() for it in part.split(";"))
        weight = next((it[2:] for it in parameters if it.startswith("q=")), "1")
        if kind in weights:
            weights[kind] = _number(weight)
    return weights[CSV_TYPE] > weights[JSON_TYPE]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _cell(value: str | int) -> str | int:
    if isinstance(value, int | Decimals) or not value.startswith(FORMULA):
        return value
    return f"'{value}"


def _file_name(name: str) -> str:
    """Return a name without what a header or a file system would take for something else."""
    return "".join(it if it.isascii() and (it.isalnum() or it in "-._") else "-" for it in name)[:150]
