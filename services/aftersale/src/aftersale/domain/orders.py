"""Aftersale's copy of an order, out of two topics that may overtake each other: order-paid and order-rejected.

A claim is one body of an order with the time its order-paid was emitted; a rejection names the claim that it refuses by
that time (its origin). So each event finds its place in whatever order the two topics are read, and however often.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

State = Literal["new", "stub", "paid", "rejected"]
Happening = Literal["claimed", "claimed_late", "rejected", "corrected"]

LIFECYCLE: Final[dict[State, dict[Happening, State]]] = {
    "new": {"claimed": "paid", "rejected": "stub"},
    "stub": {"claimed": "paid", "claimed_late": "rejected", "rejected": "stub"},
    "paid": {"rejected": "rejected", "corrected": "paid"},
    "rejected": {"claimed": "paid", "claimed_late": "rejected", "rejected": "rejected"},
}
"""`stub`: its rejection came before its body. `claimed_late`: the body of a claim that is known to be rejected.
`corrected`: the rejection of a claim, when a later body was there already. What is not here changes nothing."""

OTHERS_MAX: Final = 4
"""Bodies kept beside the one that stands. Each may have 1 MiB, and a document at most 16 MB."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One body of an order, as an order-paid claims it."""

    hash: bytes
    body: bytes
    claimed_at: datetime


@dataclass(frozen=True, slots=True)
class Rejection:
    """Payments' refusal of the claim that was made at `claimed_at`, and of all before it."""

    claimed_at: datetime
    rejected_at: datetime
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What aftersale knows of an order. `others` are later bodies, which stand if the first is rejected after all."""

    state: State = "new"
    standing: Claim | None = None
    rejection: Rejection | None = None
    others: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another body under the id of an order that stands: the first stands, the other goes to the dead letters."""

    order: Order


NEW: Final = Order()


def after(state: State, happening: Happening) -> State:
    """Return the next state; the same one where the table has no such step."""
    return LIFECYCLE[state].get(happening, state)


def claim(order: Order, claimed: Claim) -> Order | Conflict:
    """Return the order after an order-paid; the same order where it says nothing new."""
    late = order.rejection is not None and claimed.claimed_at <= order.rejection.claimed_at
    standing = order.standing
    if standing is not None:
        if late and claimed.claimed_at <= standing.claimed_at:
            return order  # delivered again, after it was refused and perhaps corrected
        if order.state == "paid":
            kept = _kept(order, standing, claimed)
            return kept if claimed.hash == standing.hash else Conflict(kept)
        if claimed.hash == standing.hash:
            return order  # payments has refused this body and does not judge it again
    return replace(order, state=after(order.state, "claimed_late" if late else "claimed"), standing=claimed)


def reject(order: Order, rejection: Rejection) -> Order:
    """Return the order after an order-rejected; the same order where it refuses what no longer stands."""
    if order.rejection is not None and rejection.claimed_at <= order.rejection.claimed_at:
        return order
    if order.standing is not None and rejection.claimed_at < order.standing.claimed_at:
        return order
    # A body emitted after the refusal is its correction; one emitted before may have been refused as a conflict.
    later = tuple(it for it in order.others if it.claimed_at > rejection.rejected_at)
    if later:
        return Order(after(order.state, "corrected"), later[0], rejection, later[1:])
    return Order(after(order.state, "rejected"), order.standing, rejection)


def _kept(order: Order, standing: Claim, claimed: Claim) -> Order:
    """Keep a later body beside the one that stands: the refusal of what stands may be on its way."""
    newest = order.others[-1] if order.others else standing
    if claimed.claimed_at <= newest.claimed_at or claimed.hash == newest.hash or len(order.others) >= OTHERS_MAX:
        return order
    return replace(order, others=(*order.others, claimed))
