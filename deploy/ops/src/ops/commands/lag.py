"""`weir lag`: how far behind each consumer group is."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer
from rich.live import Live
from rich.table import Table

from ops import addresses, lag, reach
from ops.output import AsJson, emit, screen

COLUMNS = ("group", "records", "seconds", "partitions behind", "remark")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("lag")(show)


def show(
    *,
    once: Annotated[bool, typer.Option("--once", help="Print one table and end.")] = False,
    every: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 2.0,
    as_json: AsJson = False,
) -> None:
    """Show how far behind each consumer group is: records, and the age of the oldest of them.

    Live until Ctrl-C; with --once or --json one look, and its answer.
    """
    bootstrap, wanted = reach.run(_address()), lag.groups(reach.topics())
    if as_json:
        found = reach.run(lag.measure(bootstrap, wanted))
        emit({"groups": lag.by_group(found), "partitions": [asdict(it) for it in found]})
    elif once:
        screen.print(drawn(reach.run(lag.measure(bootstrap, wanted))))
    else:
        try:
            reach.run(_live(bootstrap, wanted, every))
        except KeyboardInterrupt:
            return


async def _address() -> str:
    return addresses.load().found("kafka")


async def _live(bootstrap: str, wanted: dict[str, str], every: float) -> None:
    with Live(console=screen, auto_refresh=False) as live:
        while True:
            live.update(drawn(await lag.measure(bootstrap, wanted)), refresh=True)
            await asyncio.sleep(every)


def drawn(found: list[lag.Lag]) -> Table:
    """Return one row a group."""
    drawing = Table(title="Lag", title_justify="left")
    for number, column in enumerate(COLUMNS):
        drawing.add_column(column, justify="right" if number in (1, 2, 3) else "left", no_wrap=number == 0)
    for row in lag.by_group(found):
        behind = sum(1 for it in found if it.group == row["group"] and it.records)
        remark = "never committed" if row["never_committed"] else ""
        drawing.add_row(str(row["group"]), f"{row['records']:,}", f"{row['seconds']:.1f}", str(behind), remark)
    return drawing
