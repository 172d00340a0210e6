"""What an order-paid must keep before anybody is asked about it. An order-paid is a claim; the proof is in proof.py.

The rules stand in order of precedence: an order that breaks several is refused for the first. Identity comes before
arithmetic, so that an amount is only compared once it is known whose and in what money it is.
"""

from collections.abc import Callable, Hashable, Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from payments.domain.reasons import ClaimReason, Rejected
from payments.domain.receivers import LEAVES_MAX, invalid_receiver, leaves
from shared.messages import PaidOrder
from shared.money import AMOUNT_MINOR_MAX, CURRENCY_DECIMALS
from shared.profiles import shipped

FUTURE_S_MAX: Final = 300
"""Clocks differ; beyond five minutes paid_at would pick an agreement that is not in force yet."""

PROFILES: Final = frozenset(it.name for it in shipped())
"""Channel profiles that payments can prove and pay through: all there are."""

DETAIL_CHARACTERS_MAX: Final = 500


class Claim(NamedTuple):
    """An order-paid with what its rules depend on. `owned`: the first payment's account is this marketplace's."""

    order: PaidOrder
    owned: bool
    now: datetime


def refusal(claim: Claim) -> Rejected | None:
    """Return why the claim is refused, or None."""
    for reason, rule in _RULES:
        detail = rule(claim)
        if detail is not None:
            return Rejected(reason, detail[:DETAIL_CHARACTERS_MAX])
    return None


def _currency_unknown(claim: Claim) -> str | None:
    return None if claim.order.currency in CURRENCY_DECIMALS else f"{claim.order.currency} is not in ISO 4217"


def _profiles_mixed(claim: Claim) -> str | None:
    profiles = {payment.channel_profile for payment in claim.order.payments}
    return f"one order, one profile; here {sorted(profiles)}" if len(profiles) > 1 else None


def _accounts_mixed(claim: Claim) -> str | None:
    # A share would have to be paid partly from each account; until split knows how, such an order is refused.
    accounts = {payment.channel_account for payment in claim.order.payments}
    return f"one order, one channel account; here {sorted(accounts)}" if len(accounts) > 1 else None


def _profile_unknown(claim: Claim) -> str | None:
    profile = claim.order.payments[0].channel_profile
    return None if profile in PROFILES else f"profile {profile} is not known"


def _channel_account_unknown(claim: Claim) -> str | None:
    # Asked of the first payment: the rules before have made profile and account one.
    first = claim.order.payments[0]
    return None if claim.owned else f"{first.channel_profile} account {first.channel_account} is of somebody else"


def _paid_at_in_future(claim: Claim) -> str | None:
    if claim.order.paid_at - claim.now > timedelta(seconds=FUTURE_S_MAX):
        return f"paid_at {claim.order.paid_at.isoformat()} is more than {FUTURE_S_MAX} s from now"
    return None


def _line_twice(claim: Claim) -> str | None:
    return _twice("line", (line.line_id for line in claim.order.lines))


def _payment_twice(claim: Claim) -> str | None:
    return _twice("payment", (payment.channel_payment_id for payment in claim.order.payments))


def _receiver_twice(claim: Claim) -> str | None:
    return _twice("receiver", (receiver.receiver for receiver in claim.order.receivers))


def _receivers_too_many(claim: Claim) -> str | None:
    count = leaves(claim.order)
    return f"{count} receivers with nobody below them, at most {LEAVES_MAX}" if count > LEAVES_MAX else None


def _receiver_invalid(claim: Claim) -> str | None:
    return invalid_receiver(claim.order) if claim.order.receivers else None


def _amount_out_of_range(claim: Claim) -> str | None:
    order = claim.order
    for line in order.lines:
        price = line.settlement_price_minor or 0
        if min(line.amount_minor, line.freight_minor, price) < 0:
            return f"line {line.line_id} has a negative amount"
        if price * line.quantity > AMOUNT_MINOR_MAX:
            return f"line {line.line_id} settles above {AMOUNT_MINOR_MAX} minor units"
    for payment in order.payments:
        if min(payment.amount_minor, payment.fee_minor) < 0:
            return f"payment {payment.channel_payment_id} has a negative amount"
    totals = {
        "the lines": sum(line.amount_minor + line.freight_minor for line in order.lines),
        "the payments": sum(payment.amount_minor for payment in order.payments),
        "the adjustments": sum(abs(adjustment.amount_minor) for adjustment in order.adjustments),
    }
    over = [what for what, total_minor in totals.items() if total_minor > AMOUNT_MINOR_MAX]
    return f"{over[0]} are above {AMOUNT_MINOR_MAX} minor units" if over else None


def _fee_above_amount(claim: Claim) -> str | None:
    for payment in claim.order.payments:
        if payment.fee_minor > payment.amount_minor:
            return f"payment {payment.channel_payment_id} has a fee above its amount"
    return None


def _adjustment_invalid(claim: Claim) -> str | None:
    order = claim.order
    if not order.adjustments:
        return None
    lines = {line.line_id for line in order.lines}
    merchants = {f"merchant:{line.merchant}" for line in order.lines}
    for number, adjustment in enumerate(order.adjustments, start=1):
        if (adjustment.amount_minor < 0) == (adjustment.kind == "surcharge") and adjustment.amount_minor:
            return f"adjustment {number}: a {adjustment.kind} of {adjustment.amount_minor} has the wrong sign"
        platform = _PLATFORM_PARTY[adjustment.kind]
        if adjustment.kind == "subsidy" and adjustment.party != platform:
            return f"adjustment {number}: a subsidy is borne by {platform}"
        if adjustment.party != platform and adjustment.party not in merchants:
            return f"adjustment {number}: {adjustment.party} is no party to a {adjustment.kind} of this order"
        if adjustment.line_id is not None and adjustment.line_id not in lines:
            return f"adjustment {number}: there is no line {adjustment.line_id}"
    return None


def _amount_mismatch(claim: Claim) -> str | None:
    order = claim.order
    lines = sum(line.amount_minor + line.freight_minor for line in order.lines)
    adjustments = sum(adjustment.amount_minor for adjustment in order.adjustments)
    paid = sum(payment.amount_minor for payment in order.payments)
    if lines + adjustments != paid:
        return f"lines {lines} + adjustments {adjustments} are not the payments {paid}"
    return None


def _twice(what: str, identities: Iterable[Hashable]) -> str | None:
    seen: set[Hashable] = set()
    for identity in identities:
        if identity in seen:
            return f"{what} {identity} stands there twice"
        seen.add(identity)
    return None


_PLATFORM_PARTY: Final = {
    "discount": "platform:marketing",
    "subsidy": "platform:marketing",
    "surcharge": "platform:fee",
}
"""The platform bears from one account and gets into another: with the wrong one the books would say otherwise."""

_RULES: Final[tuple[tuple[ClaimReason, Callable[[Claim], str | None]], ...]] = (
    ("currency_unknown", _currency_unknown),
    ("profiles_mixed", _profiles_mixed),
    ("accounts_mixed", _accounts_mixed),
    ("profile_unknown", _profile_unknown),
    ("channel_account_unknown", _channel_account_unknown),
    ("paid_at_in_future", _paid_at_in_future),
    ("line_twice", _line_twice),
    ("payment_twice", _payment_twice),
    ("receiver_twice", _receiver_twice),
    ("receivers_too_many", _receivers_too_many),
    ("receiver_invalid", _receiver_invalid),
    ("amount_out_of_range", _amount_out_of_range),
    ("fee_above_amount", _fee_above_amount),
    ("adjustment_invalid", _adjustment_invalid),
    ("amount_mismatch", _amount_mismatch),
)
