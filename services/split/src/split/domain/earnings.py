"""What a merchant keeps of its pot under the agreement in force, and what the platform keeps, bears or adds.

Decided once, stored with the share, and never worked out again: releasing the share later reads no agreement.
"""

import msgspec

from shared.messages import Agreement, Breakdown
from shared.money import allocate, by_degrees
from split.domain.agreements import charged
from split.domain.pots import Pot


class Earning(msgspec.Struct, frozen=True, gc=False):
    """How one pot divides; all amounts are at least zero.

    net + kept + freight that goes to the chain = goods + freight - the pot's fee + what is short. `commissions` are
    those of the pot's lines, in their order; they sum to `commission_minor`.
    """

    net_minor: int
    commission_minor: int
    fee_minor: int
    platform_fee_minor: int
    short_minor: int
    chain: bool
    commissions: tuple[int, ...]

    @property
    def kept_minor(self) -> int:
        """What reaches the platform's commission account."""
        return self.commission_minor - self.platform_fee_minor


def earning(pot: Pot, agreement: Agreement, currency: str) -> Earning | str:
    """Return how the pot divides under an agreement, or why that cannot be said (docs/decisions/0007).

    Commission takes at most what the goods bring, the channel fee at most what is left; a merchant's fee that the
    merchant cannot bear falls on the commission, and what the commission cannot bear on the platform's marketing.
    """
    wanted = charged(agreement, currency, pot.lines, pot.bases)
    if isinstance(wanted, str):
        return wanted
    chain = agreement.freight_to == "chain"
    commission = min(sum(wanted), max(0, pot.goods_minor))
    whole = pot.goods_minor if chain else pot.goods_minor + pot.freight_minor
    left = max(0, whole) - commission
    fee = min(left, _merchants_part(agreement, pot.fee_minor, commission, left)) if pot.fee_minor else 0
    platform_fee = min(commission, pot.fee_minor - fee)
    return Earning(
        net_minor=left - fee,
        commission_minor=commission,
        fee_minor=fee,
        platform_fee_minor=platform_fee,
        short_minor=max(0, -whole) + pot.fee_minor - fee - platform_fee,
        chain=chain,
        commissions=tuple(wanted) if sum(wanted) == commission else by_degrees(wanted, commission),
    )


def _merchants_part(agreement: Agreement, fee_minor: int, commission_minor: int, left_minor: int) -> int:
    if agreement.fee_bearer == "platform":
        return 0
    if agreement.fee_bearer == "merchant":
        return fee_minor
    return allocate(fee_minor, (commission_minor, left_minor))[1]


def held_breakdown(pot: Pot) -> Breakdown:
    """Return why a whole pot that is held has its amount. What the platform adds stands among the adjustments."""
    return Breakdown(
        gross_minor=pot.gross_minor,
        freight_minor=pot.freight_minor,
        adjustments_minor=pot.adjustments_minor + pot.short_minor,
        fee_minor=pot.fee_minor,
    )


def breakdown(pot: Pot, earned: Earning, passed_on_minor: int) -> Breakdown:
    """Return why a merchant's own leg has its amount, after what it passes on to extra receivers."""
    freight = 0 if earned.chain else pot.freight_minor
    before = earned.net_minor + earned.commission_minor + earned.fee_minor
    return Breakdown(
        gross_minor=pot.gross_minor,
        freight_minor=freight,
        adjustments_minor=before - pot.gross_minor - freight,
        commission_minor=earned.commission_minor,
        fee_minor=earned.fee_minor,
        passed_on_minor=passed_on_minor,
    )
