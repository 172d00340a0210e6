"""`weir refunds`: the refunds that somebody has to look after."""

from enum import StrEnum
from typing import Annotated, Final

import typer

from ops import addresses, reach
from ops.output import AsJson, emit, moment, table, told
from ops.stops import Json, RefusedError, opened


class State(StrEnum):
    """Where refunds stand."""

    WAITING = "waiting"
    REQUESTED = "requested"
    WAITING_FUNDS = "waiting_funds"
    FAILED = "failed"
    REFUSED = "refused"
    SUCCEEDED = "succeeded"


STUCK: Final = (State.WAITING_FUNDS, State.FAILED)


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help="Show the refunds that somebody has to look after.", no_args_is_help=True)
    group.callback()(_group)
    group.command("list")(list_refunds)
    app.add_typer(group, name="refunds")


def _group() -> None:
    """Keep the group one of commands while it has a single one."""


def list_refunds(
    marketplace: Annotated[str, typer.Argument(help="The marketplace.")],
    *,
    state: Annotated[
        State | None,
        typer.Option(help="Where they stand. Default: waiting_funds, then failed."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List refunds by their state, the longest in it first: what waits for the platform's money, and what has failed.

    A failed one is tried again over split's HTTP API, by two people. `weir trace` shows what pays one.
    """
    found = reach.run(_listed(marketplace, (state,) if state else STUCK))
    if as_json:
        emit({"marketplace": marketplace, "refunds": found})
        return
    fields = ("state", "order_id", "refund_id", "amount_minor", "currency", "since", "reason")
    rows = [tuple(moment(it[name]) if name == "since" else it[name] for name in fields) for it in found]
    table("Refunds", ("state", "order", "refund", "minor units", "currency", "since (UTC)", "reason"), rows)


async def _listed(marketplace: str, states: tuple[State, ...]) -> list[Json]:
    with told(RefusedError):
        async with opened(addresses.load().found("split"), marketplace) as split:
            return [it for state in states async for it in split.all("refunds", state=state.value)]
