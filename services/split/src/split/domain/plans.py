"""The plan of one refund: what every party bears of it, what is taken where, and what has to be moved for it.

A plan is one ledger transaction: the buyer's money is reserved, and everybody who bears a part of it has given it up.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from shared.messages import Breakdown, SplitRequested
from split.domain.anatomy import Anatomy, Body, Borne
from split.domain.funding import ADVANCE, Left, Purse, Rules, Standing
from split.domain.items import Item, held_breakdown
from split.domain.ledger import Entries
from split.domain.orders import Order
from split.domain.pots import MERCHANT
from split.domain.refunds import WHOLE, FundingKind, FundingPart, PaymentPart, Refund, given
from split.domain.reversals import COMMISSION, MARKETING, TAX, borne
from split.domain.shares import FREIGHT_OF, REFUNDING, Share

SHORT: Final = "short"
"""Nobody's: what the platform adds to a pot that is taken apart while it is held."""


class Plan(msgspec.Struct, frozen=True):
    """The refund with its plan, the order's shares and what marketing still owes it, entries, changed standings."""

    refund: Refund
    shares: tuple[Share, ...]
    subsidy_due_minor: int
    entries: dict[str, int]
    standings: dict[str, Standing]


def plan(
    order: Order,
    request: SplitRequested,
    whole: Anatomy,
    refund: Refund,
    standings: Mapping[str, Standing],
    rules: Rules,
) -> Plan:
    """Plan a refund whose parts are stated and can be undone."""
    before = [line for it in order.known_refunds if it.planned for line in it.lines]
    old, new = borne(whole.parts, before), borne(whole.parts, [*before, *refund.lines])
    bears = _by_party(new, old)
    entries, shares, left = Entries(), list(order.shares), Left({}, {})
    for body in whole.bodies:
        for party, amount in _take_held(shares, body, whole, old, new, left, entries).items():
            bears[party] = bears.get(party, 0) - amount
    short = bears.pop(SHORT, 0)
    kept = dict(standings)
    purse = Purse(refund.refund_id, rules, shares, left, kept, entries, _asked(order))
    fundings: list[FundingPart] = []
    marketing = bears.pop(MARKETING, 0)
    for party, amount in sorted(bears.items()):
        if amount and party.startswith(MERCHANT):
            purse.take(party.removeprefix(MERCHANT), amount)
        elif amount := amount - purse.take_kept(party, amount):
            entries.add(party, -amount)
            fundings.append(funding(refund, "marketing", party, amount))
    if purse.advanced_minor:
        fundings.append(funding(refund, "advance", ADVANCE, purse.advanced_minor))
    entries.add(MARKETING, -marketing)
    due = order.subsidy_due_minor + marketing + short
    asked = due if due < 0 else max(0, due - sum(it.amount_minor for it in shares if it.state == "held"))
    if asked:
        fundings.append(funding(refund, "marketing" if asked > 0 else "marketing_back", MARKETING, abs(asked)))
    payments = _payments(order, request, refund)
    entries.add(REFUNDING, refund.amount_minor)
    nothing_to_ask = refund.kind != "refund" and not purse.returns and not fundings
    planned = msgspec.structs.replace(
        refund,
        state="succeeded" if nothing_to_ask else "requested",
        reason="",
        revision=refund.revision + 1,
        returns=tuple(purse.returns),
        fundings=tuple(fundings),
        payments=payments,
        given=given(refund.given, entries.closed()),
    )
    changed = {name: it for name, it in kept.items() if it != standings.get(name)}
    return Plan(planned, tuple(shares), due - asked, entries.closed(), changed)


def _asked(order: Order) -> Counter[str]:
    """Return how many returns were asked for, by payout."""
    return Counter(part.payout_id for it in order.known_refunds for part in it.returns)


def _by_party(new: Borne, old: Borne) -> dict[str, int]:
    """Return what each party bears more than before."""
    bears: dict[str, int] = {}
    for found, sign in ((new, 1), (old, -1)):
        for (_, party), amount in found.items():
            bears[party] = bears.get(party, 0) + sign * amount
    return bears


def _take_held(
    shares: list[Share],
    body: Body,
    whole: Anatomy,
    old: Borne,
    new: Borne,
    left: Left,
    entries: Entries,
) -> dict[str, int]:
    """Take from a pot that is held what its refunded lines hold; return how much of it was whose."""
    merchant = body.pot.merchant
    taken = _take_freight(shares, body, whole, old, new, entries)
    held = body.held
    if held is None or body.earned is None:
        return taken
    lines = body.lines_held
    items = [it for it in body.items if it.line_id in lines]
    was, now = ([whole.left_of(body, it, borne_) for it in items] for borne_ in (old, new))
    owing = 0 if held.owing_minor is msgspec.UNSET else held.owing_minor
    own, owing, left.own[merchant] = _less(sum(it.own_minor for it in was), sum(it.own_minor for it in now), owing)
    kept_owing, left.kept[merchant] = dict[str, int](), dict[str, int]()
    for party, before, after in (
        (COMMISSION, sum(it.kept_minor for it in was), sum(it.kept_minor for it in now)),
        (TAX, sum(it.tax_minor for it in was), sum(it.tax_minor for it in now)),
    ):
        given, kept_owing[party], left.kept[merchant][party] = _less(
            before, after, (held.kept_owing or {}).get(party, 0)
        )
        taken[party] = taken.get(party, 0) + given
    for party, amount in (
        (MERCHANT + merchant, own),
        *_passed_on(body, was, now),
        *_chained(whole, was, old, new),
    ):
        taken[party] = taken.get(party, 0) + amount
    of_all = any(key == WHOLE and party != MARKETING for key, party in new)
    if was == now and held.lines is msgspec.UNSET and not of_all:
        return taken
    if held.lines is msgspec.UNSET:
        # Taken apart, its items are worth what fee and discounts lack more than it holds: the platform adds that now.
        short = body.earned.short_minor - body.pot.short_minor
        entries.add(MARKETING, -short)
        taken[SHORT] = -short
    untouched = {it.line_id for it, after in zip(was, now, strict=True) if it == after}
    stay = tuple(
        line
        for line in _in_order(body, lines)
        if line in untouched or any(it.held_minor for it in now if it.line_id == line)
    )
    kept = [it for it in now if it.line_id in stay]
    owed = {party: amount for party, amount in kept_owing.items() if amount}
    share = msgspec.structs.replace(
        held, lines=stay, owing_minor=owing or msgspec.UNSET, kept_owing=owed or msgspec.UNSET
    )
    amount = sum(it.held_minor for it in kept) - share.owed_minor
    entries.add(f"merchant:held/{merchant}", amount - held.amount_minor)
    figures = held_breakdown(kept, share.owed_minor)
    shares[shares.index(held)] = _what_is_left(share, amount, figures)
    return taken


def _less(was_minor: int, now_minor: int, owing_minor: int) -> tuple[int, int, int]:
    """Return what lines give of a part of theirs that was taken before in part, what stays taken, and what is left."""
    given = min(was_minor - now_minor, max(0, was_minor - owing_minor))
    owing = owing_minor + given - (was_minor - now_minor)
    return given, owing, now_minor - owing


def _what_is_left(share: Share, amount_minor: int, why: Breakdown) -> Share:
    """Return the share of the lines left. Without any it holds nothing, but says what was decided about the pot."""
    share = msgspec.structs.replace(share, amount_minor=amount_minor, breakdown=why)
    if share.lines:
        return share
    nothing = msgspec.UNSET
    return msgspec.structs.replace(share, state="paid", reason="refunded", owing_minor=nothing, kept_owing=nothing)


def _take_freight(
    shares: list[Share], body: Body, whole: Anatomy, old: Borne, new: Borne, entries: Entries
) -> dict[str, int]:
    """Take refunded freight from what rests for the logistics chain of lines that are released already."""
    path = FREIGHT_OF + body.pot.merchant
    place = next((at for at, it in enumerate(shares) if it.path == path and it.state == "held"), None)
    if place is None:
        return {}
    lines = body.lines_held
    released = [it for it in body.items if it.chain_minor and it.line_id not in lines]
    taken: dict[str, int] = {}
    for party, amount in _chained(whole, released, old, new):
        taken[party] = taken.get(party, 0) + amount
    if total := sum(taken.values()):
        share = shares[place]
        left = share.amount_minor - total
        figures = msgspec.structs.replace(share.breakdown, freight_minor=left)
        shares[place : place + 1] = [msgspec.structs.replace(share, amount_minor=left, breakdown=figures)] * bool(left)
        entries.add(f"merchant:held/{body.pot.merchant}", -total)
    return taken


def _passed_on(body: Body, was: Sequence[Item], now: Sequence[Item]) -> list[tuple[str, int]]:
    return [
        (MERCHANT + receiver, sum(it.passed_on[at] for it in was) - sum(it.passed_on[at] for it in now))
        for at, receiver in enumerate(body.receivers)
    ]


def _chained(whole: Anatomy, items: Sequence[Item], old: Borne, new: Borne) -> list[tuple[str, int]]:
    """Return what the logistics chain gives back of the freight of these items."""
    return [
        (party, min(amount, new.get((it.key, party), 0)) - min(amount, old.get((it.key, party), 0)))
        for it in items
        if it.freight
        for party, amount in whole.chains.get(it.line_id, {}).items()
    ]


def _in_order(body: Body, lines: frozenset[str]) -> list[str]:
    return [line for line in dict.fromkeys(it.line_id for it in body.pot.lines) if line in lines]


def funding(refund: Refund, kind: FundingKind, account: str, amount_minor: int) -> FundingPart:
    """Return a funding of the next revision of a plan; its id says what it is for."""
    name = f"{refund.refund_id}/{kind}/{account}/{refund.revision + 1}"
    return FundingPart(funding_id=name, kind=kind, account=account, amount_minor=amount_minor)


def _payments(order: Order, request: SplitRequested, refund: Refund) -> tuple[PaymentPart, ...]:
    """Return what goes back of each payment, in the order in which the payments are stated."""
    if refund.kind != "refund":
        return refund.payments
    gone: dict[str, int] = {}
    for part in (part for it in order.known_refunds for part in it.payments):
        gone[part.channel_payment_id] = gone.get(part.channel_payment_id, 0) + part.amount_minor
    found: list[PaymentPart] = []
    left = refund.amount_minor
    for payment in request.payments:
        amount = min(left, payment.amount_minor - gone.get(payment.channel_payment_id, 0))
        if amount > 0:
            left -= amount
            found.append(PaymentPart(channel_payment_id=payment.channel_payment_id, amount_minor=amount))
    return tuple(found)
