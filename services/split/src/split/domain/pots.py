"""What each merchant's part of an order brings, before any agreement: lines, adjustments, its part of the channel fee.

Whatever is decided later, the pots, the platform's surcharge and the declared subsidies add up to what was paid.
"""

from collections.abc import Sequence

import msgspec

from shared.messages import Adjustment, OrderLine, SplitRequested
from shared.money import allocate
from shared.profiles import shipped

MERCHANT = "merchant:"


class Pot(msgspec.Struct, frozen=True, gc=False):
    """One merchant's part of an order. `bases` are its lines' amounts after its own adjustments, never below zero."""

    merchant: str
    lines: tuple[OrderLine, ...]
    bases: tuple[int, ...]
    gross_minor: int
    adjustments_minor: int
    freight_minor: int
    fee_minor: int

    @property
    def goods_minor(self) -> int:
        """What the goods bring after the adjustments that this merchant bears; may be negative."""
        return self.gross_minor + self.adjustments_minor

    @property
    def worth_minor(self) -> int:
        """What is there to hold while nothing is decided: goods and freight less its part of the channel fee."""
        return max(0, self.goods_minor + self.freight_minor - self.fee_minor)

    @property
    def short_minor(self) -> int:
        """What the platform adds where fee and discounts are more than goods and freight bring."""
        return max(0, self.fee_minor - self.goods_minor - self.freight_minor)


class Facts(msgspec.Struct, frozen=True, gc=False):
    """A paid order in the terms of the books. `pooled_minor` is what the channel account holds: paid less fees."""

    pots: tuple[Pot, ...]
    pooled_minor: int
    subsidy_minor: int
    surcharge_minor: int


def mistake(order: SplitRequested) -> str:
    """Return why an order cannot be booked at all, else nothing. Payments lets no such order through."""
    lines = sum(line.amount_minor + line.freight_minor for line in order.lines)
    adjusted = sum(it.amount_minor for it in order.adjustments)
    if lines + adjusted != sum(payment.amount_minor for payment in order.payments):
        return "amount_mismatch"
    if any(line.amount_minor < 0 or line.freight_minor < 0 for line in order.lines):
        return "amount_out_of_range"
    if any(payment.amount_minor < 0 or payment.fee_minor < 0 for payment in order.payments):
        return "amount_out_of_range"
    if len({(payment.channel_profile, payment.channel_account) for payment in order.payments}) > 1:
        return "accounts_mixed"
    return ""


def merchants_of(order: SplitRequested) -> set[str]:
    """Return whose agreements decide about an order: who sells in it, and who bears an adjustment of it."""
    found = {line.merchant for line in order.lines}
    for adjustment in order.adjustments:
        if adjustment.party.startswith(MERCHANT):
            found.add(adjustment.party[len(MERCHANT) :])
    return found


def facts(order: SplitRequested) -> Facts:
    """Return the pots of an order, merchants in the order of their first line, and what is the platform's."""
    parts: dict[str, _Part] = {}
    for line in order.lines:
        _part_of(parts, line.merchant).lines.append(line)
    subsidy = surcharge = 0
    for adjustment in order.adjustments:
        if adjustment.party.startswith(MERCHANT) and adjustment.kind != "subsidy":
            part = _part_of(parts, adjustment.party[len(MERCHANT) :])
            part.adjustments.append(adjustment)
        elif adjustment.amount_minor < 0:
            subsidy -= adjustment.amount_minor
        else:
            surcharge += adjustment.amount_minor
    bare = [part.pot() for part in parts.values()]
    fee = sum(payment.fee_minor for payment in order.payments)
    paid = sum(payment.amount_minor for payment in order.payments)
    charged = _apart(bare, order) if len(order.payments) > 1 else None
    return Facts(charged or _with_fee(bare, fee), paid - fee, subsidy, surcharge)


class _Part:
    def __init__(self, merchant: str) -> None:
        self.merchant = merchant
        self.lines: list[OrderLine] = []
        self.adjustments: list[Adjustment] = []

    def pot(self) -> Pot:
        bases = [line.amount_minor for line in self.lines]
        gross = sum(bases)
        adjusted = 0
        if self.adjustments:
            places = {line.line_id: place for place, line in enumerate(self.lines)}
            for adjustment in self.adjustments:
                adjusted += adjustment.amount_minor
                place = places.get(adjustment.line_id) if adjustment.line_id else None
                if place is not None:
                    bases[place] += adjustment.amount_minor
            bases = [max(0, base) for base in bases]
        freight = sum(line.freight_minor for line in self.lines)
        return Pot(self.merchant, tuple(self.lines), tuple(bases), gross, adjusted, freight, 0)


def _part_of(parts: dict[str, _Part], merchant: str) -> _Part:
    part = parts.get(merchant)
    if part is None:
        part = parts[merchant] = _Part(merchant)
    return part


def _with_fee(pots: Sequence[Pot], fee_minor: int) -> tuple[Pot, ...]:
    """Apportion the channel fee by what each merchant's goods bring, by largest remainder (money.md 3.4).

    Where no goods bring anything it goes by freight: else it would fall on whoever stands first.
    """
    if not fee_minor:
        return tuple(pots)
    goods = [max(0, pot.goods_minor) for pot in pots]
    fees = allocate(fee_minor, goods if any(goods) else [pot.freight_minor for pot in pots])
    return tuple(msgspec.structs.replace(pot, fee_minor=fee) for pot, fee in zip(pots, fees, strict=True))


def _apart(pots: Sequence[Pot], order: SplitRequested) -> tuple[Pot, ...] | None:
    """Return the pots with the fee of the payment of each, where every seller collects its own (合单); else None."""
    profile = shipped().find(order.payments[0].channel_profile)
    if profile is None or profile.collector != "merchant":
        return None
    fees = {it.merchant: it.fee_minor for it in order.payments if it.amount_minor and isinstance(it.merchant, str)}
    charged = sum(it.fee_minor for it in order.payments)
    if fees.keys() != {pot.merchant for pot in pots} or sum(fees.values()) != charged:
        return None
    return tuple(msgspec.structs.replace(pot, fee_minor=fees[pot.merchant]) for pot in pots)
