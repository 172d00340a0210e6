"""Progress, cases, refunds, chargebacks: keep what happened to an order, and have it judged again."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final, cast

import msgspec

from shared.ids import event_id
from shared.messages import CaseChanged, ChannelMoved, OrderProgressed, RefundApproved, body_hash
from shared.record import Batch, Received
from shared.work import Work
from split.domain.holds import NO_FACTS, Facts, Freeze, Progress, approved, frozen, moved, progressed
from split.domain.movements import Moved, Movement
from split.domain.refunds import Approval, ApprovedLine
from split.handlers.reviews import Beside, Occasion, Reviews
from split.store.orders import Held, Orders

FUTURE_MAX: Final = timedelta(minutes=5)
"""How far ahead of the server's clock an event may have happened; as for paid_at (architecture.md)."""

type News = OrderProgressed | CaseChanged | RefundApproved | ChannelMoved


class FactHandlers:
    """What split does with news of goods and cases."""

    def __init__(self, orders: Orders, reviews: Reviews) -> None:
        self._orders = orders
        self._reviews = reviews

    async def progress_orders(self, batch: Batch[OrderProgressed], work: Work) -> None:
        """Keep each event once; what it makes due is released, at once or when its days are over."""
        latest = self._reviews.moments.now() + FUTURE_MAX

        def apply(event: OrderProgressed, facts: Facts) -> Facts | str:
            if event.occurred_at > latest:
                return "occurred_in_future"
            return progressed(facts, _progress(event))

        await self._take(batch, work, apply)

    async def freeze_orders(self, batch: Batch[CaseChanged], work: Work) -> None:
        """Keep the newest state of each case; while it is open, what is held of its lines stays held."""

        def apply(event: CaseChanged, facts: Facts) -> Facts | str:
            return frozen(facts, _freeze(event))

        await self._take(batch, work, apply)

    async def approve_refunds(self, batch: Batch[RefundApproved], work: Work) -> None:
        """Keep each approved refund once; from then on nothing of its lines goes out, and its money is looked for."""

        def apply(event: RefundApproved, facts: Facts) -> Facts | str:
            return approved(facts, _approval(event))

        await self._take(batch, work, apply)

    async def move_orders(self, batch: Batch[ChannelMoved], work: Work, beside: Beside | None = None) -> None:
        """Keep each movement of an order's money that the channel made by itself, and have it borne.

        `beside`: what else the unit books, which may belong to no order.
        """

        def apply(event: ChannelMoved, facts: Facts) -> Facts | str:
            return moved(facts, _movement(event))

        await self._take(batch, work, apply, beside)

    async def _take[E: News](
        self, batch: Batch[E], work: Work, apply: Callable[[E, Facts], Facts | str], beside: Beside | None = None
    ) -> None:
        """Add each event to what is known of its order; an order that is not there yet gets a stub that knows it."""
        known = await self._orders.whole([received.event.key for received in batch], work.session)
        occasions: dict[str, Occasion] = {}
        stubs: dict[str, tuple[E, Facts]] = {}
        for received in batch:
            event = received.event
            held = known.get(event.key)
            before = self._facts(event.key, held, occasions, stubs)
            after = apply(event, before)
            if isinstance(held, Held) and set(_named(event)) - {line.line_id for line in held.request.lines}:
                after = "line_unknown"
            if isinstance(held, Held) and isinstance(event, ChannelMoved) and event.currency != held.order.currency:
                after = "currency_differs"
            if isinstance(after, str):
                work.reject(received, "contract", after)
            elif after is not before and isinstance(held, Held):
                occasions[event.key] = _occasion(held, received, after, occasions.get(event.key))
            elif after is not before:
                stubs[event.key] = (event, after)
        for key, (event, facts) in stubs.items():
            self._orders.note_facts(work, event.marketplace, event.order_id or "", facts, exists=key in known)
        if occasions or beside is not None:
            await self._reviews.review(list(occasions.values()), work, beside=beside)

    def _facts[E: News](
        self, key: str, held: Held | Facts | None, occasions: dict[str, Occasion], stubs: dict[str, tuple[E, Facts]]
    ) -> Facts:
        if isinstance(held, Held):
            return (occasions[key].order if key in occasions else held.order).known_facts
        return stubs[key][1] if key in stubs else held or NO_FACTS


def _occasion[E: News](held: Held, received: Received[E], facts: Facts, before: Occasion | None) -> Occasion:
    order = msgspec.structs.replace(before.order if before else held.order, facts=facts)
    return Occasion(held, order, received.event_id, received)


def _progress(event: OrderProgressed) -> Progress:
    return Progress(
        kind=event.kind,
        progress_id=event.progress_id,
        line_ids=event.line_ids,
        occurred_at=_stored(event.occurred_at),
        hash=body_hash(event).hex(),
    )


def _freeze(event: CaseChanged) -> Freeze:
    return Freeze(
        owner=f"case:{event.case_id}",
        revision=event.revision,
        open=event.state != "closed",
        reason=event.reason,
        line_ids=event.line_ids,
        expires_at=_stored(event.expires_at) if event.expires_at else None,
        hash=body_hash(event).hex(),
    )


def _approval(event: RefundApproved) -> Approval:
    return Approval(
        refund_id=event.refund_id,
        hash=body_hash(event).hex(),
        cause=event_id(event.topic, event.marketplace, event.identity),
        currency=event.currency,
        lines=tuple(ApprovedLine(it.line_id, it.amount_minor, it.freight_minor) for it in event.lines),
        mode=None if event.bearer == "policy" else event.bearer,
        bearing=event.bearing_merchant or "",
        approved_at=_stored(event.approved_at),
    )


def _movement(event: ChannelMoved) -> Movement:
    return Movement(
        movement_id=event.movement_id,
        kind=cast("Moved", event.kind),
        currency=event.currency,
        amount_minor=event.amount_minor,
        payment_id=event.channel_payment_id or "",
        reverses=event.reverses or "",
        receiver=event.receiver or "",
        moved_at=_stored(event.moved_at),
        cause=event_id(event.topic, event.marketplace, event.identity),
        hash=body_hash(event).hex(),
    )


def _named(event: News) -> Collection[str]:
    """Return the lines that an event must find in its order. A refund of another line is answered, not put aside."""
    return () if isinstance(event, RefundApproved | ChannelMoved) else event.line_ids


def _stored(moment: datetime) -> datetime:
    """Return a moment as MongoDB keeps it, so that what is read back is the same."""
    return moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)
