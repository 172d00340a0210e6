"""Split a paid order, and look again at what is held of it: from facts and merchants' copies to a decision."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from shared.messages import MerchantChanged, SplitRequested
from split.domain import judgements, pots
from split.domain.holds import Facts
from split.domain.judgements import Judgement, Moment, Terms
from split.domain.orders import Order
from split.domain.pots import Pot
from split.domain.receivers import Trees
from split.domain.rounds import Decision, Round

NO_TREES: Final = Trees((), ())

type Merchants = Mapping[str, MerchantChanged]
"""The copies read in this unit's own snapshot, by merchant id."""


def split(request: SplitRequested, merchants: Merchants, known: Facts, moment: Moment) -> Decision | str:
    """Decide about a paid order for the first time; a reason if it cannot be booked at all.

    `known` is what had happened to its goods and cases before it came.
    """
    if mistake := pots.mistake(request):
        return mistake
    facts = pots.facts(request)
    terms = _terms(request, facts.pots, known, moment)
    payment = request.payments[0]
    order = Order(
        marketplace=request.marketplace,
        order_id=request.order_id,
        currency=request.currency,
        channel_profile=payment.channel_profile,
        channel_account=payment.channel_account,
        facts=known if known.progress or known.freezes else msgspec.UNSET,
    )
    pass_ = Round(order)
    pass_.take(facts.pooled_minor, facts.subsidy_minor, facts.surcharge_minor)
    verdicts = [judgements.first(pot, merchants.get(pot.merchant), terms) for pot in facts.pots]
    for verdict in verdicts:
        pass_.settle(verdict, None)
    pass_.freight(terms.trees, outstanding=_outstanding(verdicts))
    return pass_.close()


def review(order: Order, request: SplitRequested, merchants: Merchants, moment: Moment) -> Decision | None:
    """Decide again about all that is held of an order, by what is known now; None when nothing changes."""
    facts = pots.facts(request)
    terms = _terms(request, facts.pots, order.known_facts, moment)
    held = {share.path: share for share in order.shares if share.state == "held"}
    pass_ = Round(order)
    verdicts = []
    for pot in facts.pots:
        share = held.get(pots.MERCHANT + pot.merchant)
        if share is None:
            continue
        verdict = judgements.again(pot, share, merchants.get(pot.merchant), terms)
        pass_.settle(verdict, share)
        verdicts.append(verdict)
    pass_.freight(terms.trees, outstanding=_outstanding(verdicts))
    decision = pass_.close()
    return None if decision.order == order else decision


def _terms(request: SplitRequested, parts: Iterable[Pot], facts: Facts, moment: Moment) -> Terms:
    trees = Trees(request.receivers, [pot.merchant for pot in parts]) if request.receivers else NO_TREES
    return Terms(request.currency, request.paid_at, trees, facts, moment)


def _outstanding(verdicts: Iterable[Judgement]) -> bool:
    """Tell whether freight that goes, or may go, to the chain is still with a merchant who is held."""
    return any(
        (verdict.reason or verdict.rest_reason)
        and verdict.pot.freight_minor
        and (verdict.earned is None or verdict.earned.chain)
        for verdict in verdicts
    )
