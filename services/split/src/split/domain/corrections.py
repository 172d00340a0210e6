"""What a version that came too late would have made of an order that an older one has divided: the difference, posted.

Nothing that was decided is edited. Each party gets, or owes, what the order would have brought it under the version in
force when it was paid, less what it has brought it, refunds on both sides counted (architecture, `late_version`).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.messages import Agreement, Breakdown, MerchantChanged, SplitRequested
from split.domain.agreements import in_force, refund_terms
from split.domain.anatomy import Anatomy, anatomy
from split.domain.earnings import earning
from split.domain.funding import ADVANCE
from split.domain.orders import Late, Order
from split.domain.pots import MERCHANT, Facts, facts
from split.domain.refunds import Refunded, RefundTerms
from split.domain.reversals import borne
from split.domain.shares import Share
from split.domain.tallies import Tally
from split.domain.tariff import Sale

RETRY: Final = timedelta(minutes=10)
"""How long a correction waits where its merchant may not be paid, before it is looked at again."""


def late_versions(
    order: Order, request: SplitRequested, copies: Mapping[str, MerchantChanged], sale: Sale
) -> tuple[Late, ...]:
    """Return the pots that an older version decided about than the one that was in force when the order was paid.

    A pot that the newer version would divide in the same way is left alone, and so is one of which it cannot say how.
    """
    newer: dict[str, Agreement] = {}
    for merchant, copy in copies.items():
        agreement = in_force(copy.agreements, request.paid_at)
        if agreement is not None and 0 < _decided(order, merchant) < agreement.version:
            newer[merchant] = agreement
    found: list[Late] = []
    for body in anatomy(order, request, facts(request)).bodies if newer else ():
        merchant = body.pot.merchant
        if merchant not in newer or body.earned is None or body.undivided:
            continue
        agreement = newer[merchant]
        earned, terms = earning(body.pot, agreement, sale), refund_terms(agreement)
        known = next((it for it in reversed(order.known_late) if it.merchant == merchant), None)
        before = (known.earning, known.refund or RefundTerms()) if known else (body.earned, body.terms)
        if not isinstance(earned, str) and (earned, terms or RefundTerms()) != before:
            rules = sale.rules.version if sale.rules and agreement.price_mode == "commission" else msgspec.UNSET
            found.append(
                Late(
                    merchant=merchant,
                    version=agreement.version,
                    rules_version=rules,
                    earning=earned,
                    refund=terms or msgspec.UNSET,
                )
            )
    return tuple(found)


def due(order: Order) -> tuple[Late, ...]:
    """Return the corrections that can be posted now: an order is corrected once nothing of it is held any more."""
    waiting = pending(order)
    return () if any(share.state == "held" for share in order.shares) else waiting


def pending(order: Order) -> tuple[Late, ...]:
    """Return the corrections that have not been posted."""
    if not order.known_late:
        return ()
    done = {(share.path, share.merchant) for share in order.shares if share.earning is not None}
    return tuple(it for it in order.known_late if (it.path, it.merchant) not in done)


def differences(order: Order, request: SplitRequested, lates: Iterable[Late]) -> dict[str, int]:
    """Return what each merchant or receiver gets (positive) or owes once these corrections are posted, minor units.

    What they come to together the platform pays, or gets back as a debt is paid off.
    """
    parts = facts(request)
    refunded = [line for it in order.known_refunds if it.planned for line in it.lines]
    had = brought(order, request, parts, refunded)
    has = brought(corrected(order, lates), request, parts, refunded)
    changed = {party: has.get(party, 0) - had.get(party, 0) for party in sorted({*had, *has})}
    return {party: amount for party, amount in changed.items() if amount}


def corrected(order: Order, lates: Iterable[Late]) -> Order:
    """Return an order as it will be taken apart once these corrections are posted."""
    return msgspec.structs.replace(order, shares=(*order.shares, *(share_of(it, Breakdown()) for it in lates)))


def share_of(late: Late, figures: Breakdown) -> Share:
    """Return the share that posts a correction to its merchant: what the version decided stays with it."""
    return Share(
        path=late.path,
        receiver=MERCHANT + late.merchant,
        merchant=late.merchant,
        amount_minor=0,
        state="paid",
        agreement_version=late.version,
        rules_version=late.rules_version,
        breakdown=figures,
        earning=late.earning,
        refund=late.refund,
    )


def brought(order: Order, request: SplitRequested, parts: Facts, refunded: Iterable[Refunded]) -> dict[str, int]:
    """Return what an order has brought each merchant and receiver, less what refunds took of it."""
    whole = anatomy(order, request, parts)
    sums: dict[str, int] = {}
    for party, amount in _shares_of(whole):
        sums[party] = sums.get(party, 0) + amount
    for (_, party), amount in borne(whole.parts, refunded).items():
        sums[party] = sums.get(party, 0) - amount
    return {party: amount for party, amount in sums.items() if party.startswith(MERCHANT)}


def post(pass_: Tally, lates: Sequence[Late], changed: Mapping[str, int], now: datetime) -> int:
    """Add the shares that post corrections to a pass over their order; return what marketing adds for them.

    Who gets more is paid it now; who gets less owes it, and has a share of nothing that says so on the statement.
    """
    left, added = dict(changed), 0
    for late in lates:
        own = MERCHANT + late.merchant
        added += _post(pass_, late, own, left.pop(own, 0), now)
        stays = {name: getattr(late, name) for name in ("earning", "refund", "rules_version")}
        pass_.due[-1] = msgspec.structs.replace(pass_.due[-1], **stays)
    return added + sum(_post(pass_, lates[0], party, amount, now) for party, amount in sorted(left.items()))


def _post(pass_: Tally, late: Late, party: str, amount_minor: int, now: datetime) -> int:
    owed = max(0, -amount_minor)
    if owed:
        pass_.owe(party.removeprefix(MERCHANT), owed, now)
        pass_.entries.add(ADVANCE, owed)
    figures = Breakdown(adjustments_minor=amount_minor, netted_minor=-owed if owed else msgspec.UNSET)
    pass_.pay(late.path, party, late.merchant, max(0, amount_minor), figures, late.version)
    return max(0, amount_minor)


def _shares_of(whole: Anatomy) -> Iterable[tuple[str, int]]:
    for body in whole.bodies:
        for item in body.items:
            yield MERCHANT + body.pot.merchant, item.own_minor
            yield from zip((MERCHANT + name for name in body.receivers), item.passed_on, strict=True)
            if item.chain_minor:
                yield from whole.chains[item.line_id].items()


def _decided(order: Order, merchant: str) -> int:
    """Return the newest version that has decided about a merchant's pot, or will have; 0: none has."""
    own = [it.agreement_version for it in order.shares if it.path == MERCHANT + merchant]
    return max([*own, *(it.version for it in order.known_late if it.merchant == merchant)], default=0)
