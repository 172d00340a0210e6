"""What a merchant keeps of its pot under the agreement in force, and what the platform keeps, bears or adds.

Decided once, stored with the share, and never worked out again: releasing the share later reads no agreement.
"""

from collections.abc import Sequence

import msgspec

from shared.messages import Agreement, Breakdown
from shared.money import allocate, basis_points_of, by_degrees
from split.domain.agreements import charged
from split.domain.pots import Pot
from split.domain.tariff import Sale, is_plain, takings


class Earning(msgspec.Struct, frozen=True, gc=False):
    """How one pot divides; all amounts are at least zero.

    net + kept + tax + freight that goes to the chain = goods + freight - the pot's fee + what is short. `commissions`
    are those of the pot's lines, in their order; they sum to `commission_minor`. `taxes` are what is charged on them,
    line by line, and borne by the merchant; empty where there is no tax.
    """

    net_minor: int
    commission_minor: int
    fee_minor: int
    platform_fee_minor: int
    short_minor: int
    chain: bool
    commissions: tuple[int, ...]
    taxes: tuple[int, ...] = ()

    @property
    def tax_minor(self) -> int:
        """What reaches the tax account."""
        return sum(self.taxes)

    @property
    def kept_minor(self) -> int:
        """What reaches the platform's commission account."""
        return self.commission_minor - self.platform_fee_minor


def earning(pot: Pot, agreement: Agreement, sale: Sale) -> Earning | str:
    """Return how the pot divides under an agreement, or why that cannot be said (docs/decisions/0007 and 0019).

    Commission takes at most what the goods bring, its tax at most what is left of them, the channel fee at most what is
    left then; a merchant's fee that the merchant cannot bear falls on the commission, and what the commission cannot
    bear on the platform's marketing.
    """
    rates_bp: Sequence[int] = ()
    if agreement.price_mode == "settlement_price" or is_plain(agreement, sale):
        commissions: Sequence[int] | str = charged(agreement, sale.currency, pot.lines, pot.bases)
    else:
        taken = takings(agreement, sale, pot.lines, pot.bases)
        commissions = taken if isinstance(taken, str) else [it.commission_minor for it in taken]
        rates_bp = () if isinstance(taken, str) else [it.choice.rule.tax_bp for it in taken]
    if isinstance(commissions, str):
        return commissions
    chain = agreement.freight_to == "chain"
    commission, brought = sum(commissions), max(0, pot.goods_minor)
    if commission > brought:
        commission, commissions = brought, by_degrees(commissions, brought)
    taxes = _taxes(pot.bases, commissions, rates_bp, brought - commission) if any(rates_bp) else ()
    whole = pot.goods_minor if chain else pot.goods_minor + pot.freight_minor
    left = max(0, whole) - commission - sum(taxes)
    fee = min(left, _merchants_part(agreement, pot.fee_minor, commission, left)) if pot.fee_minor else 0
    platform_fee = min(commission, pot.fee_minor - fee)
    return Earning(
        net_minor=left - fee,
        commission_minor=commission,
        fee_minor=fee,
        platform_fee_minor=platform_fee,
        short_minor=max(0, -whole) + pot.fee_minor - fee - platform_fee,
        chain=chain,
        commissions=tuple(commissions),
        taxes=taxes,
    )


def undivided(pot: Pot) -> Earning:
    """Return the earning of a pot that its agreement cannot divide (`price_above_paid`): all of it is its merchant's.

    So it is held, and so it is given back to the buyer. It is never paid.
    """
    whole = pot.goods_minor + pot.freight_minor
    fee = min(max(0, whole), pot.fee_minor)
    return Earning(
        net_minor=pot.worth_minor,
        commission_minor=0,
        fee_minor=fee,
        platform_fee_minor=0,
        short_minor=max(0, -whole) + pot.fee_minor - fee,
        chain=False,
        commissions=(0,) * len(pot.lines),
    )


def _taxes(
    bases: Sequence[int], commissions: Sequence[int], rates_bp: Sequence[int], left_minor: int
) -> tuple[int, ...]:
    """Return the tax on each line's commission, rounded down: at most what is left of the line, and of the goods."""
    wanted = [
        min(basis_points_of(charge, rate_bp), base - charge)
        for base, charge, rate_bp in zip(bases, commissions, rates_bp, strict=True)
    ]
    return by_degrees(wanted, min(sum(wanted), left_minor))


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
    before = earned.net_minor + earned.commission_minor + earned.tax_minor + earned.fee_minor
    return Breakdown(
        gross_minor=pot.gross_minor,
        freight_minor=freight,
        adjustments_minor=before - pot.gross_minor - freight,
        commission_minor=earned.commission_minor,
        fee_minor=earned.fee_minor,
        passed_on_minor=passed_on_minor,
        commission_tax_minor=earned.tax_minor or msgspec.UNSET,
    )
