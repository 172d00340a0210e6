"""The end of a channel's freeze, as the channel tells of it: the rest of a payment went to the seller who collects.

What of it was to be split off is the seller's debt from then on (money.md 2). Nobody waits for a trigger any more.
"""

from collections.abc import Collection

import msgspec

from shared.messages import Breakdown, SplitRequested
from split.domain.collectors import Collecting
from split.domain.judgements import Judgement
from split.domain.movements import UNFREEZE, Movement
from split.domain.orders import Order, Unfrozen
from split.domain.pots import MERCHANT
from split.domain.receivers import Divided
from split.domain.shares import CLEARING, UNFROZEN, Share, account
from split.domain.tallies import Tally


def ended(order: Order, request: SplitRequested) -> tuple[Movement, ...]:
    """Return the ends of freezes that are not booked yet: those that gave the rest to one of the order's sellers."""
    if not order.known_facts.moved:
        return ()
    sellers = {MERCHANT + line.merchant for line in request.lines}
    booked = {it.movement_id for it in order.known_freeze.unfrozen}
    told = (it for it in order.known_facts.moved if it.kind == UNFREEZE and it.movement_id not in booked)
    found = (msgspec.structs.replace(it, receiver=_receiver(it, request)) for it in told)
    return tuple(it for it in found if it.receiver in sellers)


def _receiver(end: Movement, request: SplitRequested) -> str:
    """Return who got the rest of a payment: who is said to have, else whose payment it was, else who sells at all."""
    sellers = {line.merchant for line in request.lines}
    payments = [it for it in request.payments if end.payment_id in ("", it.channel_payment_id)]
    whose = {it.merchant for it in payments if isinstance(it.merchant, str)} or sellers
    return end.receiver or (MERCHANT + whose.pop() if len(whose) == 1 else "")


def closed(order: Order, collecting: Collecting | None, ends: Collection[Movement]) -> Order:
    """Return an order of which nothing can be split off any more, if so."""
    if not ends or collecting is None or collecting.profile.split_after_release:
        return order
    return msgspec.structs.replace(order, freeze=msgspec.structs.replace(order.known_freeze, closed=True))


def at_once(judgement: Judgement) -> Judgement:
    """Return a judgement that waits for nothing, as the money did not. Without an agreement it waits to be divided."""
    if judgement.earned is None:
        return judgement
    divided = judgement.divided or Divided(judgement.earned.net_minor)
    return msgspec.structs.replace(judgement, reason="", lines=None, rest_reason="", next_at=None, divided=divided)


def book(pass_: Tally, end: Movement) -> None:
    """Book what the channel gave to a collecting merchant by itself, once all that was held is divided.

    Its own that waits for a finish is paid by it. Whatever is left is not its own: it was to be split off, or was split
    off in vain, and the merchant owes it. Where the channel still splits, that is split off later, and nothing is owed.
    """
    order, merchant, left = pass_.order, end.receiver.removeprefix(MERCHANT), end.amount_minor
    clearing = f"{CLEARING}/{order.channel_account}"
    for shares in (pass_.shares, pass_.due):
        for place, share in enumerate(tuple(shares)):
            waits = share.rests or (share.state == "available" and pass_.is_own(share.receiver, share.merchant))
            if not waits or share.receiver != end.receiver:
                continue
            paid = min(left, share.amount_minor)
            left -= paid
            if paid < share.amount_minor:
                shares.append(_rest(pass_, share, share.amount_minor - paid))
            shares[place] = _paid(share, paid)
            pass_.entries.move(account(share, share.state, order.channel_account), clearing, paid)
    owed = left if order.known_freeze.closed else 0
    if owed:
        pass_.owe(merchant, owed, pass_.gate.now)
        pass_.entries.add(clearing, owed)
    done = Unfrozen(movement_id=end.movement_id, merchant=merchant, amount_minor=end.amount_minor, owed_minor=owed)
    freeze = msgspec.structs.replace(order.known_freeze, unfrozen=(*order.known_freeze.unfrozen, done))
    pass_.order = msgspec.structs.replace(order, freeze=freeze)


def _paid(share: Share, amount_minor: int) -> Share:
    """Return a collector's own as far as the channel has given it by itself."""
    figures, less = share.breakdown, share.amount_minor - amount_minor
    if less:
        figures = msgspec.structs.replace(figures, passed_on_minor=figures.passed_on_minor + less)
    paid = msgspec.structs.replace(share, state="paid", reason=UNFROZEN, amount_minor=amount_minor, breakdown=figures)
    return msgspec.structs.replace(paid, since=msgspec.UNSET)


def _rest(pass_: Tally, share: Share, amount_minor: int) -> Share:
    """Return what is still to come of a collector's own: the platform's subsidy of it is not in the payment yet."""
    part, figures = pass_.next_part(share.path), Breakdown(adjustments_minor=amount_minor)
    return Share(
        path=share.path,
        receiver=share.receiver,
        merchant=share.merchant,
        amount_minor=amount_minor,
        state=share.state,
        reason=share.reason,
        part=part,
        agreement_version=share.agreement_version,
        breakdown=figures,
        since=share.since,
        payment=share.payment,
    )


def give_up(pass_: Tally, place: int) -> None:
    """Write off what came back of the platform's own: the collector has it, and owes it."""
    share = pass_.shares[place]
    gone = msgspec.structs.replace(share, state="written_off", since=msgspec.UNSET)
    pass_.shares[place] = gone
    giver, taker = (account(it, it.state, pass_.order.channel_account) for it in (share, gone))
    pass_.entries.move(giver, taker, share.amount_minor)
