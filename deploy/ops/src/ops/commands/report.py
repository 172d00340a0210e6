"""`weir report`: figures for finance, from the stores."""

from dataclasses import asdict, astuple
from typing import Annotated

import typer

from ops import addresses, payout_report, reach
from ops.output import AsJson, emit, table
from ops.stores import opened

COLUMNS = ("marketplace", "receiver", "currency", "count", "paid_minor", "returned_minor", "net_minor")


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help="Figures for finance.", no_args_is_help=True)
    group.command("payouts")(payouts)
    app.add_typer(group, name="report")


def payouts(
    *,
    marketplace: Annotated[str | None, typer.Option(help="Only this marketplace.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what each receiver was paid, by marketplace, receiver and currency, in minor units."""
    rows = reach.run(_payouts(marketplace))
    if as_json:
        emit({"payouts": [asdict(row) for row in rows]})
    else:
        table("Payouts", COLUMNS, [astuple(row) for row in rows])


async def _payouts(marketplace: str | None) -> list[payout_report.Row]:
    found = addresses.load()
    async with opened(found.found("mongo"), found.prefix) as stores:
        return [row async for row in payout_report.rows(stores, marketplace)]
