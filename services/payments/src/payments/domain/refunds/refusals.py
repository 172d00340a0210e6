"""What stands against a plan: mistakes, for which it is refused as a whole, and what a profile does not let be. Pure.

Money.md 5 and 2: a refund never exceeds what was paid, a return never what its leg paid; number and age limits belong
to the profile, and what it lacks is a refusal with a reason, never a silent skip.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from payments.domain.lifecycles import HELD
from payments.domain.payouts import Payout
from payments.domain.reasons import RefundLimit, RefundReason
from payments.domain.refunds.plans import Name, name_of, wanted
from payments.domain.refunds.refund import Part, Refund
from shared.messages import LegOutcome, RefundRequested
from shared.money import AMOUNT_MINOR_MAX
from shared.profiles import Profile, shipped

type Refusal = tuple[RefundReason, str]


class RefundedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What a refund of an order is judged by. `payments`: what was paid with each, in minor units."""

    accepted: bool
    channel_profile: str
    channel_account: str
    currency: str
    paid_at: datetime
    payments: Mapping[str, int]


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beside a plan: its order, its refund so far, the other refunds of the order, and payouts by id."""

    order: RefundedOrder | None
    refund: Refund | None
    others: tuple[Refund, ...]
    payouts: Mapping[str, Payout]


def numbers(event: RefundRequested, around: Around) -> dict[str, str]:
    """Return the numbers of the legs that a plan's returns take back, by return id."""
    found = ((it.return_id, _leg(around, it.payout_id, it.leg_id)) for it in event.returns)
    return {name: leg.channel_number for name, leg in found if leg is not None}


def refusal(event: RefundRequested, around: Around) -> Refusal | None:
    """Return why a plan must not be carried out, or None. The first rule that is broken is named."""
    order, refund = around.order, around.refund
    if refund is not None and refund.order_id != event.order_id:
        return "refund_conflict", f"refund {event.refund_id} is of order {refund.order_id}"
    if event.refused is not None:
        return None
    if order is None or not order.accepted:
        return "order_not_accepted", f"order {event.key}"
    paid_in = (order.channel_profile, order.channel_account, order.currency)
    if (event.channel_profile, event.channel_account, event.currency) != paid_in:
        return "refund_account_differs", f"order {event.key} was paid in {paid_in}"
    return _part_refusal(event, refund) or _above_paid(event, order, around) or _above_leg(event, around)


def limits(event: RefundRequested, around: Around, now: datetime) -> dict[Name, RefundLimit]:
    """Return the parts of a plan that the profile does not let be, or no longer; each with the reason."""
    profile = shipped().find(event.channel_profile)
    if profile is None or around.order is None:
        return {}
    age = now - around.order.paid_at
    found: dict[Name, RefundLimit] = {}
    asked = _asked(around)
    for it in event.returns:
        leg = _leg(around, it.payout_id, it.leg_id)
        reason = _return_limit(profile, leg, age, asked[leg.channel_number if leg else ""])
        if reason is not None:
            found["return", it.return_id] = reason
    for part, _ in wanted(event, {}):
        reason = None
        match part.kind:
            case "refund":
                reason = _refund_limit(profile, age, _refunds_of(around))
            case "advance" if not profile.has("advance"):
                reason = "advance_not_possible"
            case "subsidy" | "marketing_back" if not profile.has("subsidy"):
                reason = "subsidy_not_possible"
        if reason is not None:
            found[name_of(part)] = reason
    return found


def _part_refusal(event: RefundRequested, refund: Refund | None) -> Refusal | None:
    known = {name_of(it): it for it in refund.parts} if refund else {}
    seen = set[Name]()
    for part, _ in wanted(event, {}):
        name = name_of(part)
        if name in seen:
            return "part_twice", part.name
        seen.add(name)
        if not 0 <= part.amount_minor <= AMOUNT_MINOR_MAX:
            return "part_amount_invalid", f"{part.name}: {part.amount_minor}"
        before = known.get(name)
        if before is not None and _body(before) != _body(part):
            return "part_changed", f"{part.name} is {before.amount_minor}, a later plan says {part.amount_minor}"
    return None


def _body(part: Part) -> tuple[str, str, int, str]:
    return part.kind, part.receiver, part.amount_minor, part.leg_id


def _above_paid(event: RefundRequested, order: RefundedOrder, around: Around) -> Refusal | None:
    gone = Counter[str]()
    for part in _held(event, around):
        if part.kind == "refund":
            gone[part.name] += part.amount_minor
    for it in event.refunds:
        paid_minor = order.payments.get(it.channel_payment_id)
        if paid_minor is None:
            return "payment_unknown", it.channel_payment_id
        if gone[it.channel_payment_id] + it.amount_minor > paid_minor:
            detail = f"{it.channel_payment_id}: {it.amount_minor} asked, {gone[it.channel_payment_id]} of {paid_minor}"
            return "refund_above_paid", detail
    return None


def _above_leg(event: RefundRequested, around: Around) -> Refusal | None:
    back = Counter[str]()
    for part in _held(event, around):
        if part.kind == "return":
            back[part.leg_id] += part.amount_minor
    for it in event.returns:
        leg = _leg(around, it.payout_id, it.leg_id)
        if leg is None:
            return "leg_unknown", f"{it.leg_id} in {it.payout_id}"
        if leg.receiver != it.receiver:
            return "return_receiver_differs", f"{it.leg_id} was paid to {leg.receiver}, not {it.receiver}"
        back[it.leg_id] += it.amount_minor
        if back[it.leg_id] > leg.amount_minor:
            return "return_above_leg", f"{it.leg_id}: {back[it.leg_id]} of {leg.amount_minor}"
    return None


def _held(event: RefundRequested, around: Around) -> Iterable[Part]:
    """Give the parts of the order's refunds that are done or under way, but for those that the plan has again."""
    again = {name_of(part) for part, _ in wanted(event, {})}
    own = around.refund.parts if around.refund else ()
    yield from (it for it in own if it.state in HELD and name_of(it) not in again)
    yield from (it for other in around.others for it in other.parts if it.state in HELD)


def _leg(around: Around, payout_id: str, leg_id: str) -> LegOutcome | None:
    payout = around.payouts.get(payout_id)
    return next((it for it in payout.legs if it.leg_id == leg_id), None) if payout else None


def _asked(around: Around) -> Counter[str]:
    """Return how many returns were asked for, by the number of what they take back."""
    every = (*around.others, *((around.refund,) if around.refund else ()))
    parts = (it for refund in every for it in refund.parts if it.kind == "return")
    return Counter(it.of or "" for it in parts if it.state in HELD)


def _refunds_of(around: Around) -> int:
    """Return how many other refunds of the order have sent the buyer something."""
    return sum(any(it.kind == "refund" and it.state in HELD for it in other.parts) for other in around.others)


def _return_limit(profile: Profile, leg: LegOutcome | None, age: timedelta, asked: int) -> RefundLimit | None:
    returns = profile.returns
    if returns is None or not profile.has("return"):
        return "return_not_possible"
    if leg is not None and leg.state != "succeeded":
        return "return_leg_not_paid"
    if returns.days is not None and age > timedelta(days=returns.days):
        return "return_too_late"
    return "returns_too_many" if returns.per_payout_max is not None and asked >= returns.per_payout_max else None


def _refund_limit(profile: Profile, age: timedelta, before: int) -> RefundLimit | None:
    terms = profile.refunds
    if terms.days is not None and age > timedelta(days=terms.days):
        return "refund_too_late"
    return "refunds_too_many" if terms.partial_max is not None and before >= terms.partial_max else None
