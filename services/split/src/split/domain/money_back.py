"""Money back: which approved refunds can be planned now, who bears them, and from which money (money.md 5).

A refund first stops its lines, then calls off what is not sent, waits for what is, and only then takes the money.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from shared.messages import SplitRequested
from split.domain import chargebacks, pots
from split.domain.anatomy import Anatomy, anatomy
from split.domain.backs import Back, Booking, with_refund
from split.domain.funding import Rules, Standing
from split.domain.holds import Facts, chargeback_until
from split.domain.orders import Order
from split.domain.plans import plan
from split.domain.refunds import LEGS_WAITED_MAX, Approval, Mode, Refund, Refunded
from split.domain.requests import cancel, refund_requested
from split.domain.shares import Share


def process(order: Order, request: SplitRequested, standings: Mapping[str, Standing], rules: Rules) -> Back:
    """Plan every approved refund that can be planned now. Running it again changes nothing."""
    back = Back(order=order)
    # A reversal may be heard of first: it is decided about after what it reverses.
    for movement in sorted(order.known_facts.moved, key=lambda it: it.kind == "chargeback_reversed"):
        back = _and(back, chargebacks.step(back.order, request, movement, {**standings, **back.standings}, rules))
    for approval in _waiting(order):
        back = _and(back, _step(back.order, request, approval, {**standings, **back.standings}, rules))
    return back


def _and(one: Back, other: Back) -> Back:
    """Return what two decisions, one after the other, come to."""
    given = dict(one.credits)
    for party, amount in other.credits.items():
        given[party] = given.get(party, 0) + amount
    return Back(
        order=other.order,
        bookings=one.bookings + other.bookings,
        cancels=one.cancels + other.cancels,
        requests=one.requests + other.requests,
        standings={**one.standings, **other.standings},
        credits=given,
        next_at=_earlier(one.next_at, other.next_at),
    )


def stopped_lines(order: Order) -> frozenset[str]:
    """Return the lines of which nothing is paid out, because a refund of them waits to be planned."""
    return frozenset(line.line_id for approval in _waiting(order) for line in approval.lines)


def waits(order: Order) -> bool:
    """Tell whether a refund of it, or what its channel took, is still to be decided about."""
    return bool(_waiting(order)) or any(chargebacks.waits(order, it) for it in order.known_facts.moved)


def concerned(order: Order, request: SplitRequested) -> set[str]:
    """Return the merchants whose standing a plan may need; none when no refund waits."""
    facts = order.known_facts
    moved = tuple(it for it in facts.moved if chargebacks.waits(order, it))
    return payees(request, msgspec.structs.replace(facts, approved=tuple(_waiting(order)), moved=moved))


def payees(request: SplitRequested, facts: Facts) -> set[str]:
    """Return the merchants whose standing planning these refunds may need; none when there are none."""
    if not facts.approved and not facts.moved:
        return set()
    found = {line.merchant for line in request.lines} | {it.receiver for it in request.receivers}
    return found | {it.bearing for it in facts.approved if it.bearing}


def _waiting(order: Order) -> list[Approval]:
    known = {it.refund_id: it for it in order.known_refunds}
    return [it for it in order.known_facts.approved if _waits(known.get(it.refund_id))]


def _waits(refund: Refund | None) -> bool:
    return refund is None or refund.state == "waiting"


def _step(
    order: Order, request: SplitRequested, approval: Approval, standings: Mapping[str, Standing], rules: Rules
) -> Back:
    """Refuse, let wait, or plan one refund."""
    whole = anatomy(order, request, pots.facts(request))
    known = next((it for it in order.known_refunds if it.refund_id == approval.refund_id), None)
    refund = known or Refund(refund_id=approval.refund_id, cause=approval.cause)
    lines = _refunded(approval, request, whole)
    if until := chargeback_until(order.known_facts, rules.now):
        waits = msgspec.structs.replace(refund, reason="chargeback_open")
        return Back(order=with_refund(order, waits), next_at=until)
    if refused := _refusal(order, request, approval, whole, lines, rules):
        told = msgspec.structs.replace(refund, state="refused", reason=refused)
        return Back(order=with_refund(order, told), requests=(refund_requested(order, told),))
    concerned_by = _concerned_by(request, lines)
    if waits_for := sorted(concerned_by & whole.undecided):
        return Back(order=with_refund(order, msgspec.structs.replace(refund, reason=f"undecided:{waits_for[0]}")))
    under_way = _under_way(order, concerned_by, lines)
    until = rules.now + LEGS_WAITED_MAX if refund.waits_until is msgspec.UNSET else refund.waits_until
    if under_way and rules.now < until:
        return _stop(order, refund, under_way, until)
    planned = plan(order, request, whole, msgspec.structs.replace(refund, lines=lines), standings, rules)
    after = msgspec.structs.replace(
        with_refund(order, planned.refund), shares=planned.shares, subsidy_due_minor=planned.subsidy_due_minor
    )
    return Back(
        order=after,
        bookings=(Booking(refund.kind, refund.cause, planned.entries),),
        requests=(refund_requested(after, planned.refund),),
        standings=planned.standings,
    )


def _refunded(approval: Approval, request: SplitRequested, whole: Anatomy) -> tuple[Refunded, ...]:
    """Return the parts that a refund concerns, each with who bears it."""
    terms = {body.pot.merchant: body.terms for body in whole.bodies}
    merchants = {line.line_id: line.merchant for line in request.lines}
    found: list[Refunded] = []
    for line in approval.lines:
        policy: Mode = terms[merchants[line.line_id]].bearer if line.line_id in merchants else "original_payee"
        for freight, amount in ((False, line.amount_minor), (True, line.freight_minor)):
            if amount:
                found.append(
                    Refunded(
                        line_id=line.line_id,
                        freight=freight,
                        amount_minor=amount,
                        mode=approval.mode or policy,
                        bearing=approval.bearing,
                    )
                )
    return tuple(found)


def _refusal(
    order: Order,
    request: SplitRequested,
    approval: Approval,
    whole: Anatomy,
    lines: Sequence[Refunded],
    rules: Rules,
) -> str:
    """Return why a refund is not carried out; nothing when it may be."""
    if approval.currency != order.currency:
        return "currency_differs"
    if any(it.amount_minor < 0 for it in lines) or not lines:
        return "amount_out_of_range"
    if {it.line_id for it in approval.lines} - {line.line_id for line in request.lines}:
        return "line_unknown"
    limits = rules.profile.refunds if rules.profile else None
    planned = [it for it in order.known_refunds if it.planned and it.kind == "refund"]
    if limits is not None and limits.partial_max is not None and len(planned) >= limits.partial_max:
        return "refunds_too_many"
    if limits is not None and limits.days is not None and (approval.approved_at - request.paid_at).days >= limits.days:
        return "refund_too_late"
    parts = {part.key: part.paid_minor for part in whole.parts}
    sums: dict[str, int] = {}
    for it in [*lines, *(line for refund in order.known_refunds if refund.planned for line in refund.lines)]:
        sums[it.key] = sums.get(it.key, 0) + it.amount_minor
    exceeded = any(amount > parts[key] for key, amount in sums.items() if key in parts)
    missing = any(it.key not in parts and it.freight for it in lines if not whole.undecided)
    gone = sum(it.amount_minor for it in order.known_refunds if it.planned or it.kind != "refund")
    exceeded |= gone + sum(it.amount_minor for it in lines) > sum(it.amount_minor for it in request.payments)
    return "refund_exceeds_paid" if exceeded or missing else ""


def _concerned_by(request: SplitRequested, lines: Sequence[Refunded]) -> set[str]:
    """Return the merchants that must be decided about first: those of the lines, or all where all may bear of it.

    Freight for the logistics chain is divided once for all merchants.
    """
    refunded = {it.line_id for it in lines}
    everybody = any(it.freight or it.mode == "proportional" for it in lines)
    return {line.merchant for line in request.lines if everybody or line.line_id in refunded}


def _under_way(order: Order, merchants: Iterable[str], lines: Sequence[Refunded]) -> list[Share]:
    """Return the shares that are on their way to who may bear of these lines: of freight, the logistics chain too."""
    concerned_by, refunded = set(merchants), {it.line_id for it in lines}
    all_bear = any(it.mode == "proportional" for it in lines)
    if all_bear or any(it.freight for it in lines):
        concerned_by.add("")
    return [
        share
        for share in order.shares
        if share.state == "in_transit"
        and share.payout_id
        and share.receiver.startswith(pots.MERCHANT)
        and share.merchant in concerned_by
        and (all_bear or share.lines is msgspec.UNSET or refunded & set(share.lines))
    ]


def _stop(order: Order, refund: Refund, under_way: Sequence[Share], until: datetime) -> Back:
    """Call off once what is not sent of each payout, and wait for what is."""
    new = [payout for payout in dict.fromkeys(share.payout_id for share in under_way) if payout not in refund.stopped]
    cancels = tuple(
        cancel(order, payout, [share for share in under_way if share.payout_id == payout]) for payout in new
    )
    after = msgspec.structs.replace(refund, reason="legs_under_way", stopped=(*refund.stopped, *new), waits_until=until)
    return Back(order=with_refund(order, after), cancels=cancels, next_at=until)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)
