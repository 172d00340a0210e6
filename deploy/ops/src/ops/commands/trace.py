"""`weir trace`: the way of one order's money through the services."""

from dataclasses import asdict
from typing import Annotated

import typer

from ops import addresses, reach
from ops.institution import Institution
from ops.output import AsJson, Code, emit, note, stop, table
from ops.stores import opened
from ops.trace import Trace, find
from ops.trace import trace as trace_order


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("trace")(trace)


def trace(
    order: Annotated[
        str, typer.Argument(help="An order id, or <marketplace>/<order id>, or <marketplace>/charges/<charge id>.")
    ],
    *,
    marketplace: Annotated[str | None, typer.Option(help="Whose order, where several have that id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the way of one order's money: what each service and the institution recorded, with times and reasons.

    Exit code 1 when no service knows the order.
    """
    found = reach.run(_trace(order, marketplace))
    if found is None:
        stop(Code.FAILED, f"payments and split have never seen {order}; is it in `weir dlq list`?")
    if as_json:
        steps = [asdict(step) | {"at": step.at and step.at.isoformat()} for step in found.steps]
        emit({"order": found.order, "place": found.place.name, "detail": found.place.detail, "steps": steps})
        return
    rows = [(f"{step.at:%H:%M:%S.%f}"[:-3] if step.at else "", step.part, step.what, step.text) for step in found.steps]
    day = next((f", {step.at:%Y-%m-%d} UTC" for step in found.steps if step.at), "")
    table(f"{found.order}{day}", ("at", "part", "what", "how"), rows)
    note(f"It is {found.place.name}{f': {found.place.detail}' if found.place.detail else ''}.")


async def _trace(order: str, marketplace: str | None) -> Trace | None:
    reached = addresses.load()
    async with (
        opened(reached.found("mongo"), reached.prefix) as stores,
        Institution(reached.found("institution")) as institution,
    ):
        keys = await find(stores, order, marketplace)
        if len(keys) > 1:
            stop(Code.USAGE, f"several marketplaces have it; name one of: {', '.join(keys)}")
        return await trace_order(stores, institution, keys[0]) if keys else None
