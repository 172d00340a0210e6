"""Split a paid order, and look again at what is held of it: from facts and merchants' copies to a decision."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from shared.messages import MerchantChanged, SplitRequested
from shared.profiles import shipped
from split.domain import collectors, corrections, judgements, money_back, pots, unfreezes
from split.domain.backs import Back
from split.domain.collectors import collecting_of
from split.domain.funding import Rules, Standing
from split.domain.gates import Gate
from split.domain.holds import NO_FACTS, Facts
from split.domain.judgements import Judgement, Moment, Terms
from split.domain.limits import limits_of
from split.domain.orders import Order
from split.domain.receivers import Trees
from split.domain.resting import Deed, resume
from split.domain.rounds import Decision, Round
from split.domain.sources import Sources, sources_of
from split.domain.tallies import NOBODY_OWES
from split.domain.tariff import Sale
from split.domain.undoing import undoing

NO_TREES: Final = Trees((), ())

type Merchants = Mapping[str, MerchantChanged]
"""The copies read in this unit's own snapshot, by merchant id."""


def split(
    request: SplitRequested,
    merchants: Merchants,
    known: Facts,
    moment: Moment,
    standings: Mapping[str, Standing] = NOBODY_OWES,
) -> Decision | str:
    """Decide about a paid order for the first time; a reason if it cannot be booked at all.

    `known` is what had happened to its goods and cases before it came. Its refunds are planned by the review that
    follows; until then nothing of their lines goes out.
    """
    if mistake := pots.mistake(request):
        return mistake
    facts = pots.facts(request)
    payment = request.payments[0]
    order = Order(
        marketplace=request.marketplace,
        order_id=request.order_id,
        currency=request.currency,
        channel_profile=payment.channel_profile,
        channel_account=payment.channel_account,
        facts=known if known != NO_FACTS else msgspec.UNSET,
    )
    terms = _terms(request, facts, order, moment)
    pass_ = Round(order, gate_of(order, moment), standings)
    pass_.sources = _sources(terms, request, facts)
    pass_.take(facts.pooled_minor, facts.subsidy_minor, facts.surcharge_minor)
    verdicts = [judgements.first(pot, merchants.get(pot.merchant), terms) for pot in facts.pots]
    for verdict in verdicts:
        pass_.settle(verdict, None)
    pass_.freight(terms.trees, outstanding=_outstanding(verdicts))
    return _closed(pass_, terms, request)


def review(
    order: Order,
    request: SplitRequested,
    merchants: Merchants,
    moment: Moment,
    standings: Mapping[str, Standing] = NOBODY_OWES,
    deed: Deed | None = None,
) -> Decision | None:
    """Decide again about an order by what is known now: its refunds, then all that is held, then what came back.

    `deed` is what two people have decided about it. None: nothing changes.
    """
    facts = pots.facts(request)
    back = _money_back(order, request, standings, moment)
    whole, ends = order if back is None else back.order, unfreezes.ended(order, request)
    stand = standings if back is None else {**standings, **back.standings}
    terms = _terms(request, facts, whole, moment)
    whole = unfreezes.closed(whole, terms.collecting, ends)
    held = {share.path: share for share in whole.shares if share.state == "held"}
    verdicts = [
        judgements.again(pot, share, merchants.get(pot.merchant), terms)
        for pot in facts.pots
        if (share := held.get(pots.MERCHANT + pot.merchant)) is not None
    ]
    if ends and whole.known_freeze.closed:
        freed = {it.receiver for it in ends}
        verdicts = [unfreezes.at_once(it) if pots.MERCHANT + it.pot.merchant in freed else it for it in verdicts]
    pass_ = Round(whole, gate_of(whole, moment), stand, undoing(_decided(whole, verdicts), request, facts))
    pass_.sources, pass_.unfreezing = _sources(terms, request, facts), bool(ends)
    for verdict in verdicts:
        pass_.settle(verdict, held[pots.MERCHANT + verdict.pot.merchant])
    pass_.freight(terms.trees, outstanding=_outstanding(verdicts))
    for end in ends if terms.collecting is not None else ():
        unfreezes.book(pass_, end)
    if back is not None:
        pass_.give_back(back.credits)
        pass_.look(back.next_at)
    if whole.late is not msgspec.UNSET:
        _correct(pass_, whole, request, merchants, moment)
    resume(pass_, shipped().find(order.channel_profile), terms.stopped, deed)
    decision = _closed(pass_, terms, request)
    if decision.order == order:
        return None
    changed = {**(back.standings if back else {}), **decision.standings}
    return msgspec.structs.replace(decision, back=back, standings=changed)


def _closed(pass_: Round, terms: Terms, request: SplitRequested) -> Decision:
    """End a pass. Where the seller collects, note what the end of its freeze asks for, and finish what is all split."""
    collecting = terms.collecting
    if collecting is None:
        return pass_.close()
    left, acts_at = any(it.state == "held" for it in pass_.shares), collecting.acts_at
    held = left or any(it.state == "held" for it in pass_.order.shares)
    near = acts_at is not None and acts_at <= terms.moment.now
    if acts_at is not None and not near and left:
        pass_.look(acts_at)
    decision = pass_.close()
    if near and held and not decision.order.known_freeze.acted:
        freeze = msgspec.structs.replace(decision.order.known_freeze, acted=True)
        after = msgspec.structs.replace(decision.order, freeze=freeze)
        decision = msgspec.structs.replace(decision, order=after, freeze_ending=True)
    done = collectors.finished(decision.order, collecting, pass_.gate, request) if decision.payout is None else None
    return decision if done is None else msgspec.structs.replace(decision, order=done[0], payout=done[1])


def _sources(terms: Terms, request: SplitRequested, facts: pots.Facts) -> Sources | None:
    return None if terms.collecting is None else sources_of(request, facts.surcharge_minor)


def _correct(pass_: Round, order: Order, request: SplitRequested, merchants: Merchants, moment: Moment) -> None:
    """Post the corrections that can be posted; those that a release of this very pass lets go are looked at soon."""
    if lates := corrections.due(order):
        copies = [merchants.get(it.merchant) for it in lates]
        stopped = any(moment.stops.reason(order.channel_account, it.merchant) for it in lates)
        if stopped or any(it is not None and it.blocked for it in copies):
            pass_.look(moment.now + corrections.RETRY)
        else:
            pass_.correct(lates, corrections.differences(order, request, lates), moment.now)
    elif corrections.pending(order) and not any(share.state == "held" for share in pass_.shares):
        pass_.look(moment.now)


def gate_of(order: Order, moment: Moment) -> Gate:
    """Return the gate that shares of an order pass on their way out."""
    return Gate(order.channel_account, order.currency, moment.now, moment.calendar, moment.stops, moment.payees)


def _money_back(
    order: Order, request: SplitRequested, standings: Mapping[str, Standing], moment: Moment
) -> Back | None:
    if not order.known_facts.approved and not order.known_facts.moved:
        return None
    rules = Rules(shipped().find(order.channel_profile), request.paid_at, moment.now)
    return money_back.process(order, request, standings, rules)


def sale_of(request: SplitRequested, moment: Moment) -> Sale:
    """Return what rules ask of an order, with the marketplace's that were in force when it was paid."""
    size, profile = sum(line.amount_minor for line in request.lines), request.payments[0].channel_profile
    return Sale(request.currency, profile, size, moment.rules.at(request.paid_at))


def _decided(order: Order, verdicts: Iterable[Judgement]) -> Order:
    """Return an order with what was decided about its pots just now, so that it can be taken apart as it is paid."""
    by_path = {pots.MERCHANT + it.pot.merchant: it for it in verdicts if it.earned is not None}
    shares = tuple(
        msgspec.structs.replace(
            share, agreement_version=it.version, earning=it.earned, refund=it.refund or msgspec.UNSET
        )
        if share.state == "held" and (it := by_path.get(share.path)) is not None
        else share
        for share in order.shares
    )
    return msgspec.structs.replace(order, shares=shares) if order.known_refunds else order


def _terms(
    request: SplitRequested,
    facts: pots.Facts,
    order: Order,
    moment: Moment,
) -> Terms:
    trees = Trees(request.receivers, [pot.merchant for pot in facts.pots]) if request.receivers else NO_TREES
    limits = limits_of(request, facts, moment.registry) if moment.registry else None
    if limits is not None and order.payouts:
        limits.made(collectors.requests_made(order, limits.size))
    payment, known, stopped = request.payments[0], order.known_facts, money_back.stopped_lines(order)
    collecting = collecting_of(payment.channel_profile, request.paid_at)
    sale, account = sale_of(request, moment), payment.channel_account
    return Terms(sale, account, request.paid_at, trees, known, moment, limits, stopped, collecting)


def _outstanding(verdicts: Iterable[Judgement]) -> bool:
    """Tell whether freight that goes, or may go, to the chain is still with a merchant who is held."""
    return any(
        (verdict.reason or verdict.rest_reason)
        and verdict.pot.freight_minor
        and (verdict.earned is None or verdict.earned.chain)
        for verdict in verdicts
    )
