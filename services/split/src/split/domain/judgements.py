"""Whether a merchant's pot can be paid now, and if not, why: the reasons for which money is held."""

from datetime import datetime

import msgspec

from shared.messages import MerchantChanged
from split.domain.agreements import in_force, waits
from split.domain.earnings import Earning, earning
from split.domain.pots import MERCHANT, Pot
from split.domain.receivers import Divided, Trees
from split.domain.shares import AGREEMENT_MISSING, BLOCKED, MERCHANT_UNKNOWN, Share


class Judgement(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What is to become of one pot. No reason: `earned` and `divided` are there, and it is paid.

    Version 0: no agreement has decided yet, a later one may.
    """

    pot: Pot
    reason: str
    version: int = 0
    earned: Earning | None = None
    divided: Divided | None = None


class Terms(msgspec.Struct, frozen=True):
    """What all judgements about one order share."""

    currency: str
    paid_at: datetime
    trees: Trees


def first(pot: Pot, copy: MerchantChanged | None, terms: Terms) -> Judgement:
    """Judge a pot about which no agreement has decided, by the one in force when the order was paid."""
    if copy is None:
        return Judgement(pot=pot, reason=MERCHANT_UNKNOWN)
    agreement = in_force(copy.agreements, terms.paid_at)
    if agreement is None:
        return Judgement(pot=pot, reason=AGREEMENT_MISSING)
    earned = earning(pot, agreement, terms.currency)
    if isinstance(earned, str):
        return Judgement(pot=pot, reason=waits(agreement) or earned, version=agreement.version)
    return _judge(pot, earned, waits(agreement), agreement.version, copy, terms)


def again(pot: Pot, share: Share, copy: MerchantChanged | None, terms: Terms) -> Judgement:
    """Judge a held pot again after news of its merchant. What an agreement has decided stays decided."""
    if share.earning is None:
        return first(pot, copy, terms)
    return _judge(pot, share.earning, "", share.agreement_version, copy, terms)


def _judge(
    pot: Pot, earned: Earning, waiting: str, version: int, copy: MerchantChanged | None, terms: Terms
) -> Judgement:
    divided = terms.trees.divide(MERCHANT + pot.merchant, earned.net_minor)
    reason = waiting or terms.trees.mistake or (divided if isinstance(divided, str) else "")
    if not reason and copy is not None and copy.blocked:
        reason = BLOCKED + copy.blocked[0]
    return Judgement(
        pot=pot,
        reason=reason,
        version=version,
        earned=earned,
        divided=None if isinstance(divided, str) else divided,
    )
