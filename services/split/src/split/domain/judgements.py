"""Whether a merchant's pot, or which of its lines, can be paid now, and if not, why: the reasons for holding money."""

from datetime import datetime
from typing import Final

import msgspec

from shared.messages import MerchantChanged
from split.domain import compliance
from split.domain.agreements import hold, in_force, refund_terms
from split.domain.calendars import Calendar
from split.domain.collectors import Collecting, with_clock
from split.domain.compliance import NOTHING_OWN, Own
from split.domain.earnings import Earning, earning
from split.domain.gates import NO_PAYEES, Payees
from split.domain.holds import AT_ONCE, Facts, Hold
from split.domain.limits import Limits, Registry
from split.domain.pots import MERCHANT, Pot
from split.domain.readiness import AWAITING, Readiness, readiness
from split.domain.receivers import Divided, Trees
from split.domain.refunds import RefundTerms
from split.domain.rulesets import NO_RULES, RuleSets
from split.domain.shares import AGREEMENT_MISSING, BLOCKED, MERCHANT_UNKNOWN, TOO_EARLY, Share
from split.domain.stops import NO_STOPS, Stops
from split.domain.tariff import RULE_MISSING, Sale

LET_GO: Final = "let_go"
"""Why lines are held for which the freeze of their channel is about to end, and whose agreement leaves them to it."""


class Judgement(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What is to become of one pot. No reason: `earned` and `divided` are there, and it is paid.

    Version 0: no agreement has decided yet, a later one may. `rules_version` is that of the marketplace's rules that
    were asked as well, where there were any. `lines`: only these are paid (None: all that is left), the
    rest is held for `rest_reason`. `next_at`: when time alone may change the answer.
    """

    pot: Pot
    reason: str
    version: int = 0
    rules_version: int | msgspec.UnsetType = msgspec.UNSET
    earned: Earning | None = None
    divided: Divided | None = None
    hold: Hold | None = None
    lines: frozenset[str] | None = None
    rest_reason: str = ""
    refund: RefundTerms | None = None
    next_at: datetime | None = None


class Moment(msgspec.Struct, frozen=True):
    """When and where a decision is made: the server's clock, the marketplace's days, rules, stops and bindings.

    `payees` are merchants who may not simply be paid; `own` is what is the platform's.
    """

    now: datetime
    calendar: Calendar
    rules: RuleSets = NO_RULES
    stops: Stops = NO_STOPS
    registry: Registry | None = None
    payees: Payees = NO_PAYEES
    own: Own = NOTHING_OWN


class Terms(msgspec.Struct, frozen=True):
    """What all judgements about one order share. `stopped`: lines of which a refund waits to be planned."""

    sale: Sale
    channel_account: str
    paid_at: datetime
    trees: Trees
    facts: Facts
    moment: Moment
    limits: Limits | None = None
    stopped: frozenset[str] = frozenset()
    collecting: Collecting | None = None


def first(pot: Pot, copy: MerchantChanged | None, terms: Terms) -> Judgement:
    """Judge a pot about which no agreement has decided, by the one in force when the order was paid."""
    if copy is None:
        return Judgement(pot=pot, reason=MERCHANT_UNKNOWN)
    agreement = in_force(copy.agreements, terms.paid_at)
    if agreement is None:
        return Judgement(pot=pot, reason=AGREEMENT_MISSING)
    earned, holding = earning(pot, agreement, terms.sale), hold(agreement)
    if earned == RULE_MISSING:
        return Judgement(pot=pot, reason=RULE_MISSING)
    asked = terms.sale.rules if agreement.price_mode == "commission" else None
    version, rules = agreement.version, asked.version if asked else msgspec.UNSET
    if isinstance(earned, str):
        return Judgement(pot=pot, reason=earned, version=version, hold=holding, refund=refund_terms(agreement))
    bare = Judgement(
        pot=pot,
        reason="",
        version=version,
        rules_version=rules,
        earned=earned,
        hold=holding,
        refund=refund_terms(agreement),
    )
    return _judge(bare, earned, None, copy, terms)


def again(pot: Pot, share: Share, copy: MerchantChanged | None, terms: Terms) -> Judgement:
    """Judge a held pot again after news, or in time. What an agreement has decided stays decided."""
    if not share.agreement_version:
        return first(pot, copy, terms)
    holding = None if share.hold is msgspec.UNSET else share.hold
    version, rules = share.agreement_version, share.rules_version
    refund = None if share.refund is msgspec.UNSET else share.refund
    if share.earning is None:
        return Judgement(pot=pot, reason=share.reason, version=version, hold=holding, refund=refund)
    bare = Judgement(
        pot=pot, reason="", version=version, rules_version=rules, earned=share.earning, hold=holding, refund=refund
    )
    left = None if share.lines is msgspec.UNSET else share.lines
    return _judge(bare, share.earning, left, copy, terms)


def _judge(
    bare: Judgement, earned: Earning, left: tuple[str, ...] | None, copy: MerchantChanged | None, terms: Terms
) -> Judgement:
    """Finish a judgement about the lines that are left of a pot (None: all of them)."""
    pot, holding = bare.pot, bare.hold
    divided = terms.trees.divide(MERCHANT + pot.merchant, earned.net_minor)
    ready = _ready(bare, left, terms)
    reason = ready.reason if ready and not ready.lines else ""
    if not reason and holding is not None:
        reason = holding.then
    reason = reason or terms.trees.mistake or (divided if isinstance(divided, str) else "")
    reason = reason or compliance.refusal(
        pot, divided, terms.moment.own, (terms.sale.channel_profile, terms.channel_account)
    )
    if not reason and copy is not None and copy.blocked:
        reason = BLOCKED + copy.blocked[0]
    reason = reason or terms.moment.stops.reason(terms.channel_account, pot.merchant)
    next_at = ready.next_at if ready else None
    if not reason and terms.limits is not None and not isinstance(divided, str):
        partly = bool(ready and ready.reason)
        reason = terms.limits.refusal(pot, earned, divided, copy, terms.trees, partly=partly) or ""
        if not reason and terms.limits.due_at > terms.moment.now:
            reason, next_at = TOO_EARLY, terms.limits.due_at
    part = ready if ready and ready.reason and not reason else None
    return msgspec.structs.replace(
        bare,
        reason=reason,
        divided=None if isinstance(divided, str) else divided,
        lines=part.lines if part else None,
        rest_reason=part.reason if part else "",
        next_at=next_at,
    )


def _ready(bare: Judgement, left: tuple[str, ...] | None, terms: Terms) -> Readiness | None:
    """Return which of the lines left are ready; None when nothing can keep any of them."""
    facts = terms.facts
    if bare.hold is None and not terms.stopped and not facts.freezes and not facts.progress:
        return None
    lines = left if left is not None else tuple(dict.fromkeys(line.line_id for line in bare.pot.lines))
    moment = terms.moment
    told = with_clock(facts, bare.hold, terms.collecting)
    found = readiness(bare.hold or AT_ONCE, lines, terms.paid_at, told, terms.stopped, moment.calendar, moment.now)
    return _let_go(found, bare.hold, terms)


def _let_go(ready: Readiness, hold: Hold | None, terms: Terms) -> Readiness:
    """Say so where what waits for its trigger is left to the end of the channel's freeze."""
    acts_at = terms.collecting.acts_at if terms.collecting is not None else None
    over = acts_at is not None and acts_at <= terms.moment.now
    if hold is None or not hold.let_go or not over or not ready.reason.startswith(AWAITING):
        return ready
    return msgspec.structs.replace(ready, reason=LET_GO)
