"""How every command answers: tables for people, one JSON object for machines, and what its exit code means.

Standard output carries the answer and nothing else; progress and remarks go to standard error. No command logic here.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import IntEnum
from typing import Annotated, Final, NoReturn

import typer
from rich.console import Console
from rich.table import Table


class Code(IntEnum):
    """Exit codes of every command, so that a script can tell a failed check from a cluster that is down."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]

PLAIN_WIDTH: Final = 120
screen: Final = Console()
if not screen.is_terminal:  # in a file or a pipe nothing says how wide it may be
    screen.width = PLAIN_WIDTH
notes: Final = Console(stderr=True)


def emit(answer: Mapping[str, object]) -> None:
    """Print the one JSON object of a command: keys snake_case, amounts `*_minor`."""
    typer.echo(json.dumps(answer, ensure_ascii=False, default=_plain))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; a column of nothing but integers stands to the right, and the first is never broken in two."""
    drawn = Table(title=title, title_justify="left")
    for number, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[number], int) for row in rows)
        drawn.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=number == 0)
    for row in rows:
        drawn.add_row(*(f"{cell:,}" if type(cell) is int else str(cell) for cell in row))
    screen.print(drawn)


def moment(at: datetime | str | None) -> str:
    """Return a time for a table: UTC, to the second."""
    if at is None:
        return ""
    known = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{known.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def counted(count: int, noun: str) -> str:
    """Return `1 order`, `2 orders`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def note(text: str) -> None:
    """Say on standard error what is being done."""
    notes.print(text, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def told(*faults: type[Exception], code: Code = Code.FAILED) -> Iterator[None]:
    """End the command with `code` and the fault's own words when one of `faults` is raised."""
    try:
        yield
    except faults as fault:
        stop(code, str(fault))


def stop(code: Code, message: str) -> NoReturn:
    """End the command with `code`, having said why on standard error."""
    notes.print(message, style="red" if code else "", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(code)
