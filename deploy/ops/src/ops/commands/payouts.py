"""`weir payouts`: pause payouts, let them go on, and show what stands still."""

import getpass
import uuid
from typing import Annotated, Literal

import typer

from ops import addresses, reach
from ops.output import AsJson, Code, emit, moment, note, stop, table, told
from ops.stops import Json, RefusedError, Target, opened

Marketplace = Annotated[str, typer.Argument(help="The marketplace.")]
Channel = Annotated[str | None, typer.Option(help="Only what is paid out of this channel account.")]
Merchant = Annotated[str | None, typer.Option(help="Only what is paid to this merchant.")]
Reason = Annotated[str, typer.Option(help="Why; recorded.")]
Actor = Annotated[str, typer.Option(default_factory=getpass.getuser, help="Who does it; recorded.")]
Key = Annotated[
    str | None, typer.Option(help="A name for this request: the same again is done once. Default: a new one.")
]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help="Pause payouts, let them go on, and show what stands still.", no_args_is_help=True)
    group.command("pause")(pause)
    group.command("resume")(resume)
    group.command("status")(status)
    app.add_typer(group, name="payouts")


def pause(
    marketplace: Marketplace,
    *,
    reason: Reason,
    channel: Channel = None,
    merchant: Merchant = None,
    actor: Actor,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Pause payouts of a marketplace, of one channel account or to one merchant.

    No payout is requested from then on; orders are split and held meanwhile. What was requested before is carried out.
    """
    _change("pause", marketplace, _target(channel, merchant), {"actor": actor, "reason": reason}, key, as_json=as_json)


def resume(
    marketplace: Marketplace,
    *,
    reason: Reason,
    channel: Channel = None,
    merchant: Merchant = None,
    actor: Actor,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Let payouts go on; what was held by this very stop is released behind the command, page by page."""
    _change("resume", marketplace, _target(channel, merchant), {"actor": actor, "reason": reason}, key, as_json=as_json)


def status(marketplace: Marketplace, *, as_json: AsJson = False) -> None:
    """Show what is paused, by whom, why, since when and how many orders it holds, and the legs for an operator."""
    stops, legs = reach.run(_status(marketplace))
    if as_json:
        emit({"marketplace": marketplace, "stops": stops, "legs": legs})
        return
    rows = [
        (it["scope"], it["subject"], it["orders_held"], moment(it["at"]), it["actor"], it["reason"]) for it in stops
    ]
    table("Paused", ("scope", "of", "orders held", "since (UTC)", "by", "why"), rows)
    waiting = [
        (it["leg_id"], it["amount_minor"], it["currency"], it["attempt"], moment(it["since"]), it["reason"])
        for it in legs
    ]
    table("Legs for an operator", ("leg", "minor units", "currency", "attempts", "since (UTC)", "reason"), waiting)


def _target(channel: str | None, merchant: str | None) -> Target:
    target = Target.of(channel, merchant)
    if target is None:
        stop(Code.USAGE, "name a channel account or a merchant, not both")
    return target


def _change(
    verb: Literal["pause", "resume"], marketplace: str, target: Target, who: Json, key: str | None, *, as_json: bool
) -> None:
    with told(RefusedError):
        done = reach.run(_changed(verb, marketplace, target, who, key or uuid.uuid4().hex))
    if as_json:
        emit(done)
    note(f"{marketplace}: payouts {verb}d ({target}) by {done['actor']}: {done['reason']}")


async def _changed(verb: Literal["pause", "resume"], marketplace: str, target: Target, who: Json, key: str) -> Json:
    async with opened(addresses.load().found("split"), marketplace) as split:
        return await split.change(verb, target, who, key)


async def _status(marketplace: str) -> tuple[list[Json], list[Json]]:
    with told(RefusedError):
        async with opened(addresses.load().found("split"), marketplace) as split:
            return [it async for it in split.all("payouts/stops")], [it async for it in split.all("operator/legs")]
