"""What an institution moved by itself: whose it is, when it can be told, and what it does to its order. Pure."""

from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from shared.messages import ChannelMoved, decode

WAITS_S_MAX: Final = 86_400
"""How long a movement waits for the order of its payment to be proved; then it is told without one."""

AGAIN_S: Final = 30
"""How often is looked whether the order of a movement that waits is proved by now."""

UNOWNED_AGAIN_S: Final = 3_600
"""The same for a movement of nobody's account: whose it is, the marketplaces file says, which is read at a start."""

State = Literal["waiting", "unowned", "unreadable", "published"]

UNFREEZE: Final = "auto_unfreeze"
GIVES_BACK: Final = "chargeback_reversed"
TAKES: Final = frozenset({"chargeback", "console_refund", UNFREEZE})
"""What leaves the pool, or the frozen payment, so that it cannot be paid out any more."""


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """A movement as the institution has told it. `place`: behind how many of its account it happened."""

    profile: str
    account: str
    place: int
    movement_id: str
    kind: str
    currency: str
    amount_minor: int
    moved_at: datetime
    payment_id: str | None = None
    receiver: str | None = None
    reference: str | None = None
    reverses: str | None = None
    seen_at: datetime

    @property
    def key(self) -> str:
        """What makes it one movement: the institution's own number, of this account and kind."""
        return f"{self.account}/{self.kind}/{self.movement_id}"

    @property
    def claim(self) -> str | None:
        """The payment that it is about, as orders claim payments."""
        return None if self.payment_id is None else f"{self.account}/{self.payment_id}"


class Kept(msgspec.Struct, frozen=True):
    """What is done about a movement now; `event` is what is told of it, `again_at` when it is looked at again."""

    state: State
    marketplace: str | None = None
    order: str | None = None
    event: ChannelMoved | None = None
    again_at: datetime | None = None
    detail: str = ""


class Order(msgspec.Struct, frozen=True):
    """The order that has claimed a payment: `<marketplace>/<order>`, and by which profile it was paid."""

    key: str
    profile: str


def judged(it: Movement, order: Order | None, owner: str | None, now: datetime) -> Kept:
    """Return what is done about a movement. `order` has claimed its payment.

    `owner` is the marketplace whose account it is. A payment whose order is not proved yet may be so soon; what
    is never proved is told all the same, for the money has moved.
    """
    if order is None and it.payment_id is not None:
        waited = now - it.seen_at >= timedelta(seconds=WAITS_S_MAX)
        if not waited or it.kind == UNFREEZE:  # of no order of ours, a freeze is none of ours
            again_s = UNOWNED_AGAIN_S if waited else AGAIN_S
            return Kept("waiting", owner, again_at=now + timedelta(seconds=again_s))
    marketplace = order.key.split("/", 1)[0] if order else owner
    if marketplace is None:
        return Kept("unowned", again_at=now + timedelta(seconds=UNOWNED_AGAIN_S))
    try:
        event = _told(it, marketplace, order)
    except msgspec.DecodeError as error:
        return Kept("unreadable", marketplace, order.key if order else None, detail=str(error)[:200])
    return Kept("published", marketplace, order.key if order else None, event)


def came_minor(it: Movement) -> int:
    """Return what a movement added to what may be paid out of its order, in minor units; less than 0: it took that."""
    if it.kind == GIVES_BACK:
        return it.amount_minor
    return -it.amount_minor if it.kind in TAKES else 0


def _told(it: Movement, marketplace: str, order: Order | None) -> ChannelMoved:
    """Return what is told of a movement; what an institution says may break the contract, and is read as one reads."""
    fields = {
        "marketplace": marketplace,
        "movement_id": it.movement_id,
        "kind": it.kind,
        "order_id": order.key.split("/", 1)[1] if order else None,
        "channel_profile": order.profile if order else it.profile,
        "channel_account": it.account,
        "channel_payment_id": it.payment_id,
        "currency": it.currency,
        "amount_minor": it.amount_minor,
        "receiver": it.receiver,
        "reference": it.reference,
        "reverses": it.reverses,
        "moved_at": it.moved_at,
    }
    if it.amount_minor <= 0:
        message = "a movement of nothing, or less"
        raise msgspec.ValidationError(message)
    return decode(ChannelMoved, msgspec.json.encode(fields))
