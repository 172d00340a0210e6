"""Stops: payouts that somebody has paused, of a marketplace, of a channel account or to a merchant (money.md 3.10).

A stop is read in the snapshot of every unit of work, so that it holds for all that is decided after it was made.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

import msgspec

from split.domain.refusals import Refused

Scope = Literal["marketplace", "channel", "merchant"]

PAUSED: Final = "paused:"
"""Begins the reason of what is held by a stop; its scope follows."""
STOP: Final = "stop/"
"""Begins the name by which orders wait for a stop to end. No merchant's id has a `/`."""
DEBTS: Final = "weir/debts"
"""Who stands beside the stops of merchants that owe too much."""
STOPS_MAX: Final = 1_000
"""Of one marketplace at a time: each unit of work reads them all. A merchant may be blocked instead."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What is stopped. `subject` is the channel account or the merchant, and empty for the whole marketplace."""

    marketplace: str
    scope: Scope
    subject: str = ""

    @property
    def name(self) -> str:
        """By which orders wait for it, within their marketplace."""
        return f"{STOP}{self.scope}/{self.subject}" if self.subject else f"{STOP}{self.scope}"

    @property
    def key(self) -> str:
        """Its `_id`."""
        return f"{self.marketplace}/{self.name}"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One pause or resumption, for ever: who, why, when. `change_id` is made of the caller's idempotency key."""

    change_id: str
    target: Target
    paused: bool
    actor: str
    reason: str
    at: datetime


class Stops(msgspec.Struct, frozen=True):
    """What is paused in one marketplace."""

    whole: bool = False
    channels: frozenset[str] = frozenset()
    merchants: frozenset[str] = frozenset()
    debtors: frozenset[str] = frozenset()

    def reason(self, channel_account: str, merchant: str) -> str:
        """Return why nothing of a merchant's is released out of an account, the widest reason first; empty when it is.

        Of a debtor it is: what it earns pays off its debt.
        """
        if self.whole:
            return PAUSED + "marketplace"
        if channel_account in self.channels:
            return PAUSED + "channel"
        return PAUSED + "merchant" if merchant in self.merchants else ""

    def paying(self, channel_account: str, merchant: str) -> str:
        """Return why a merchant is paid nothing out of an account; empty when it may be."""
        return self.reason(channel_account, merchant) or (PAUSED + "merchant" if merchant in self.debtors else "")


NO_STOPS: Final = Stops()


def stops_of(targets: Iterable[Target], debtors: Iterable[Target] = ()) -> Stops:
    """Return what these targets, paused in one marketplace, come to; `debtors` are stopped for what they owe."""
    found = list(targets)
    return Stops(
        whole=any(it.scope == "marketplace" for it in found),
        channels=frozenset(it.subject for it in found if it.scope == "channel"),
        merchants=frozenset(it.subject for it in found if it.scope == "merchant"),
        debtors=frozenset(it.subject for it in debtors),
    )


def name_of(reason: str, channel_account: str, merchant: str) -> str:
    """Return the name by which an order waits that is held for this reason; empty where it waits for no stop."""
    match reason.removeprefix(PAUSED) if reason.startswith(PAUSED) else "":
        case "marketplace":
            return f"{STOP}marketplace"
        case "channel":
            return f"{STOP}channel/{channel_account}"
        case "merchant":
            return f"{STOP}merchant/{merchant}"
        case _:
            return ""


def refusal(change: Change, *, paused_by: str | None, paused_now: int) -> Refused | None:
    """Return why a stop cannot be changed so; `paused_now` counts the marketplace's stops.

    People may pause whom a debt has stopped: then it is for them to say when it is over.
    """
    is_paused = paused_by is not None
    if change.paused and paused_by == DEBTS and change.actor != DEBTS:
        return None
    if change.paused and is_paused:
        return Refused("already_paused", f"{change.target.name} is paused already")
    if not change.paused and not is_paused:
        return Refused("not_paused", f"{change.target.name} is not paused")
    if change.paused and paused_now >= STOPS_MAX:
        return Refused("stops_too_many", f"a marketplace has at most {STOPS_MAX} stops at a time")
    return None
