"""`weir park`: orders that wait behind a record which their service could not take."""

import getpass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ops import addresses, parks, reach
from ops.addresses import MONGO_FOR_REQUESTS
from ops.output import AsJson, Code, emit, moment, note, stop, table
from ops.stores import SERVICES, opened

Service = Annotated[str | None, typer.Option(help="Only parks of this service.")]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(
        help="Orders that wait behind a record which their service could not take.", no_args_is_help=True
    )
    group.command("list")(listed)
    group.command("release")(release)
    app.add_typer(group, name="park")


def listed(*, service: Service = None, as_json: AsJson = False) -> None:
    """Show what is parked: service, order, records, since when, why."""
    found = reach.run(_listed(_checked(service)))
    if as_json:
        emit({"parks": found})
        return
    rows = [(it["order"], it["service"], it["records"], moment(it["since"]), it["reason"], it["state"]) for it in found]
    table("Parked", ("order", "service", "records", "since (UTC)", "reason", "state"), rows)


def release(
    order: Annotated[str, typer.Argument(help="The parked key, <marketplace>/<order_id>.")],
    *,
    reason: Annotated[str, typer.Option(help="Why it can be taken now; recorded.")],
    service: Service = None,
    actor: Annotated[str, typer.Option(default_factory=getpass.getuser, help="Who releases; recorded.")],
    as_json: AsJson = False,
) -> None:
    """Ask the service to replay what is parked for an order, in arrival order. It does so within seconds.

    Exit code 1 when nothing is parked under that key.
    """
    done = reach.run(_release(order, _checked(service), actor, reason))
    if as_json:
        emit({"order": order, "services": done})
    if not done:
        stop(Code.FAILED, f"nothing is parked under {order}")
    note(f"{order}: release asked of {', '.join(done)}; see `weir park list`")


def _checked(service: str | None) -> tuple[str, ...]:
    if service is not None and service not in SERVICES:
        stop(Code.USAGE, f"{service!r} is no service; there are {', '.join(SERVICES)}")
    return SERVICES if service is None else (service,)


async def _listed(services: tuple[str, ...]) -> list[dict[str, Any]]:
    found = addresses.load()
    async with opened(found.found("mongo"), found.prefix) as stores:
        return [it async for it in parks.listed(stores, services)]


async def _release(order: str, services: tuple[str, ...], actor: str, reason: str) -> list[str]:
    found = addresses.load()
    async with opened(found.found(MONGO_FOR_REQUESTS), found.prefix) as stores:
        now = datetime.now(UTC)
        return await parks.ask_release(stores, services, order, actor=actor, reason=reason, now=now)
