"""What the channel took for an order, and gave back: booked when it is heard of, borne as soon as that can be said.

Everybody who was paid for the order bears a chargeback in proportion, unless all its agreements say the platform does.
A reversal gives back to each what it bore: it is held again where it was held, else a new share of the order, so that
a debt is paid off first.
"""

from collections.abc import Mapping, Sequence

import msgspec

from shared.messages import Breakdown, SplitRequested
from split.domain import pots
from split.domain.anatomy import Anatomy, anatomy
from split.domain.backs import Back, Booking, with_refund
from split.domain.funding import Rules, Standing
from split.domain.movements import SUSPENSE, UNFREEZE, Movement
from split.domain.orders import Order
from split.domain.plans import plan
from split.domain.pots import MERCHANT
from split.domain.refunds import Mode, PaymentPart, Refund, Refunded
from split.domain.requests import refund_requested
from split.domain.reversals import MARKETING, borne
from split.domain.shares import CLEARING, REFUNDING, REVERSAL
from split.domain.tallies import Tally


def waits(order: Order, movement: Movement) -> bool:
    """Tell whether a movement is still to be decided about. The end of a freeze is not borne by anybody."""
    if movement.kind == UNFREEZE:
        return False
    if movement.kind == "chargeback_reversed":
        taken = _of(order, movement.reverses)
        return taken is None or movement.movement_id not in taken.reversed
    known = next((it for it in order.known_refunds if it.refund_id == movement.refund_id), None)
    return known is None or known.state == "waiting"


def step(
    order: Order, request: SplitRequested, movement: Movement, standings: Mapping[str, Standing], rules: Rules
) -> Back:
    """Book a movement once, and have it borne; running it again changes nothing."""
    if not waits(order, movement):
        return Back(order=order)
    if movement.kind == "chargeback_reversed":
        return _reverse(order, request, movement)
    known = next((it for it in order.known_refunds if it.refund_id == movement.refund_id), None)
    refund = known or _heard_of(movement, request)
    bookings: tuple[Booking, ...] = ()
    if known is None:
        account = f"{CLEARING}/{order.channel_account}"
        entries = {account: movement.amount_minor, REFUNDING: -movement.amount_minor}
        bookings = (Booking("movement", movement.cause, entries),)
    whole = anatomy(order, request, pots.facts(request))
    if whole.undecided:
        waiting = msgspec.structs.replace(refund, reason=f"undecided:{min(whole.undecided)}")
        return Back(order=with_refund(order, waiting), bookings=bookings)
    mode: Mode = "platform" if _platform_bears(whole) else "proportional"
    lines = (Refunded(line_id="", amount_minor=movement.amount_minor, mode=mode),)
    planned = plan(order, request, whole, msgspec.structs.replace(refund, lines=lines), standings, rules)
    after = msgspec.structs.replace(
        with_refund(order, planned.refund), shares=planned.shares, subsidy_due_minor=planned.subsidy_due_minor
    )
    asks = planned.refund.state != "succeeded"
    return Back(
        order=after,
        bookings=(*bookings, Booking(refund.kind, refund.cause, planned.entries)),
        requests=(refund_requested(after, planned.refund),) if asks else (),
        standings=planned.standings,
    )


def _heard_of(movement: Movement, request: SplitRequested) -> Refund:
    """Return a movement as it is kept from when it is heard of. What it took of a payment is refunded no more."""
    left, parts = movement.amount_minor, list[PaymentPart]()
    wanted = [it for it in request.payments if movement.payment_id in ("", it.channel_payment_id)]
    for payment in wanted or request.payments:
        if amount := min(left, payment.amount_minor):
            left -= amount
            parts.append(
                PaymentPart(channel_payment_id=payment.channel_payment_id, amount_minor=amount, state="succeeded")
            )
    return Refund(
        refund_id=movement.refund_id,
        kind="console_refund" if movement.kind == "console_refund" else "chargeback",
        cause=movement.cause,
        movement=movement.movement_id,
        payments=tuple(parts),
    )


def _reverse(order: Order, request: SplitRequested, movement: Movement) -> Back:
    """Take a chargeback back, or part of it. A reversal that is heard of first waits for what it reverses."""
    taken = _of(order, movement.reverses)
    if taken is None or not taken.planned:
        return Back(order=order)
    account, back = f"{CLEARING}/{order.channel_account}", movement.amount_minor
    known = min(back, taken.amount_minor)
    before = [line for it in order.known_refunds if it.planned for line in it.lines]
    lines = tuple(msgspec.structs.replace(it, amount_minor=max(0, it.amount_minor - back)) for it in taken.lines)
    reversed_ = msgspec.structs.replace(
        taken, lines=lines, payments=_less(taken.payments, known), reversed=(*taken.reversed, movement.movement_id)
    )
    after = with_refund(order, reversed_)
    whole = anatomy(order, request, pots.facts(request))
    old = borne(whole.parts, before)
    new = borne(whole.parts, [line for it in after.known_refunds if it.planned for line in it.lines])
    given: dict[str, int] = {}
    for found, sign in ((old, 1), (new, -1)):
        for (_, party), amount in found.items():
            given[party] = given.get(party, 0) + sign * amount
    entries = {account: -back, REFUNDING: known, f"{SUSPENSE}/{order.channel_account}": back - known}
    return Back(
        order=after,
        bookings=(Booking("movement", movement.cause, {name: it for name, it in entries.items() if it}),),
        credits={party: amount for party, amount in given.items() if amount},
    )


def give_back(pass_: Tally, given: Mapping[str, int]) -> int:
    """Give each party what a reversed chargeback gives back to it, in a pass over its order; return marketing's.

    What its receiver owes is paid off first. What had been taken from what is held is held again, and the rest is paid
    unless the gate stops it.
    """
    marketing = 0
    for party, amount in sorted(given.items()):
        pass_.entries.add(REFUNDING, -amount)
        if party == MARKETING:
            marketing += amount
        elif left := amount - _held_again(pass_, party, amount - min(amount, pass_.debt_minor(party))):
            path = f"{REVERSAL}{party}" if party.startswith(MERCHANT) else party
            merchant = party.removeprefix(MERCHANT) if party.startswith(MERCHANT) else ""
            pass_.pay(path, party, merchant, left, Breakdown(adjustments_minor=left))
    return marketing


def _held_again(pass_: Tally, party: str, amount_minor: int) -> int:
    """Put back what was taken from held shares for a party; return how much that was."""
    left = amount_minor
    for place, share in enumerate(pass_.shares):
        if share.state != "held" or share.path != MERCHANT + share.merchant:
            continue
        owing, kept = share.owing_minor or 0, dict(share.kept_owing or {})
        back = min(left, owing if party == share.path else kept.get(party, 0))
        if back <= 0:
            continue
        left -= back
        if party == share.path:
            owing -= back
        else:
            kept[party] -= back
        kept = {account: owed for account, owed in kept.items() if owed}
        pass_.shares[place] = msgspec.structs.replace(
            share,
            amount_minor=share.amount_minor + back,
            owing_minor=owing or msgspec.UNSET,
            kept_owing=kept or msgspec.UNSET,
        )
        pass_.entries.add(f"merchant:held/{share.merchant}", back)
    return amount_minor - left


def _less(payments: Sequence[PaymentPart], back_minor: int) -> tuple[PaymentPart, ...]:
    """Return what is still taken of each payment; what came back may be refunded again, the last payment's first."""
    kept: list[PaymentPart] = []
    for part in reversed(payments):
        back = min(back_minor, part.amount_minor)
        back_minor -= back
        if left := part.amount_minor - back:
            kept.append(msgspec.structs.replace(part, amount_minor=left))
    return tuple(reversed(kept))


def _of(order: Order, movement_id: str) -> Refund | None:
    return next((it for it in order.known_refunds if it.kind == "chargeback" and it.movement == movement_id), None)


def _platform_bears(whole: Anatomy) -> bool:
    return all(body.terms.bearer == "platform" for body in whole.bodies)
