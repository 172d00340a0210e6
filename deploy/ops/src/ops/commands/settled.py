"""`weir settled`: wait until everything sent is in its final place, and say which."""

from collections.abc import Iterator
from typing import Annotated

import typer

from ops import addresses, places, reach
from ops.letters import topics_of
from ops.output import AsJson, Code, emit, notes, stop, table
from ops.places import Tally
from ops.send import manifest
from ops.settled import Look, finished, wait
from ops.stores import opened


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("settled")(settled)


def settled(
    *,
    timeout: Annotated[float, typer.Option(min=0, help="Wait up to this many seconds.")] = 60.0,
    allow_held: Annotated[
        bool, typer.Option("--allow-held", help="Orders that are held are as good as settled.")
    ] = False,
    marketplace: Annotated[str | None, typer.Option(help="Only what was sent to this marketplace.")] = None,
    as_json: AsJson = False,
) -> None:
    """Wait until everything sent from here is settled, and say where each order is.

    Exit code 0 only when all are settled (or held, with --allow-held); 1 when some are elsewhere.
    """
    marketplaces = [marketplace] if marketplace else manifest.marketplaces()
    if not marketplaces or not any(True for it in marketplaces for _ in manifest.keys(it)):
        stop(Code.FAILED, "nothing was sent from here: see `weir send`")
    tally = reach.run(_wait(marketplaces, timeout, allow_held=allow_held))
    fine = finished(tally, allow_held=allow_held)
    if as_json:
        emit({"finished": fine, **tally.answer(), "reasons": tally.reasons()})
    else:
        rows = [(place.name, place.detail, count) for place, count in sorted(tally.counts.items())]
        table(f"Orders sent: {tally.orders:,}", ("place", "why", "orders"), rows)
    raise typer.Exit(Code.OK if fine else Code.FAILED)


async def _wait(marketplaces: list[str], timeout_s: float, *, allow_held: bool) -> Tally:
    found = addresses.load()
    async with opened(found.found("mongo"), found.prefix) as stores:
        look = Look(stores, found.found("kafka"), tuple(topics_of(list(reach.topics()))))
        with notes.status("") as status:

            def tell(tally: Tally) -> None:
                status.update(f"{tally.of('settled'):,} of {tally.orders:,} orders settled")

            return await wait(look, _sent(marketplaces), timeout_s=timeout_s, allow_held=allow_held, tell=tell)


def _sent(marketplaces: list[str]) -> Iterator[str]:
    return places.sent_keys(key for marketplace in marketplaces for key in manifest.keys(marketplace))
