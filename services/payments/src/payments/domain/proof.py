"""The institution's record against the claim: what of an order-paid is proved, and at which fees. Pure."""

from collections.abc import Mapping

import msgspec

from payments.domain.reasons import ProofReason, Rejected
from shared.messages import OrderPaid, PaidOrder, SplitRequested


class ChannelRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A payment as the institution knows it."""

    amount_minor: int
    currency: str
    fee_minor: int


class Unverified(msgspec.Struct, frozen=True):
    """The institution does not know every payment yet: the order is held and asked for again."""

    detail: str


class Proved(msgspec.Struct, frozen=True):
    """Every payment is what the claim says; the fees are the institution's."""

    order: SplitRequested

    @property
    def net_minor(self) -> int:
        """What the pool got, in minor units: paid minus what the channel kept."""
        return sum(payment.amount_minor - payment.fee_minor for payment in self.order.payments)


def to_prove(order: PaidOrder) -> tuple[str, ...]:
    """Return the channel payment ids to ask for. A payment of amount 0 counts as proved and is not asked for.

    Nor is it claimed: else whoever names a stranger's payment with amount 0 would keep its owner from using it.
    """
    return tuple(payment.channel_payment_id for payment in order.payments if payment.amount_minor)


def promised_minor(order: PaidOrder) -> int:
    """Return what the platform adds to what was paid: the discounts and subsidies that it bears, in minor units."""
    return -sum(it.amount_minor for it in order.adjustments if it.amount_minor < 0 and it.party.startswith("platform:"))


def prove(
    order: OrderPaid, records: Mapping[str, ChannelRecord | None], used: Mapping[str, str]
) -> Proved | Unverified | Rejected:
    """Judge an order by the institution's records, by payment id; `used` are payments that another proved order has.

    A contradiction outweighs a missing record: it will not go away by waiting.
    """
    missing = []
    for payment in order.payments:
        identity = payment.channel_payment_id
        if not payment.amount_minor:
            continue
        record = records.get(identity)
        if record is None:
            missing.append(identity)
            continue
        no = _contradiction(payment.amount_minor, order.currency, record)
        if no is not None:
            return Rejected(no[0], f"payment {identity}: {no[1]}")
        if identity in used:
            return Rejected("payment_used", f"payment {identity} belongs to order {used[identity]}")
    if missing:
        return Unverified(f"not known to the institution: {', '.join(missing)}"[:500])
    return Proved(_proved(order, records))


def _contradiction(amount_minor: int, currency: str, record: ChannelRecord) -> tuple[ProofReason, str] | None:
    if record.currency != currency:
        return "payment_currency_differs", f"claimed in {currency}, received in {record.currency}"
    if record.amount_minor != amount_minor:
        return "payment_amount_differs", f"claimed {amount_minor}, received {record.amount_minor}"
    if not 0 <= record.fee_minor <= record.amount_minor:
        return "payment_fee_above_amount", f"fee {record.fee_minor} of {record.amount_minor}"
    return None


def _proved(order: OrderPaid, records: Mapping[str, ChannelRecord | None]) -> SplitRequested:
    payments = []
    for payment in order.payments:
        record = records.get(payment.channel_payment_id) if payment.amount_minor else None
        fee_minor = record.fee_minor if record else 0
        same = fee_minor == payment.fee_minor
        payments.append(payment if same else msgspec.structs.replace(payment, fee_minor=fee_minor))
    return SplitRequested(
        marketplace=order.marketplace,
        order_id=order.order_id,
        buyer=order.buyer,
        currency=order.currency,
        paid_at=order.paid_at,
        payments=tuple(payments),
        lines=order.lines,
        adjustments=order.adjustments,
        receivers=order.receivers,
    )
