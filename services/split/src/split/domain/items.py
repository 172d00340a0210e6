"""What a merchant's pot comes to line by line, so that lines can be released, and refunded, one at a time.

The parts of a pot never depend on which line goes first: they are worked out once, from the pot and what an agreement
made of it, and sum to exactly that (docs/decisions/0022).
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from shared.messages import Breakdown
from shared.money import allocate, by_degrees
from split.domain.earnings import Earning
from split.domain.pots import Pot
from split.domain.receivers import Divided


class Item(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The goods of one line, or its freight. All amounts are minor units and at least zero.

    `own_minor` is what stays with the merchant of `net_minor`, `passed_on` what each portion of its tree gets of it.
    """

    line_id: str
    freight: bool
    amount_minor: int
    net_minor: int
    commission_minor: int = 0
    tax_minor: int = 0
    platform_fee_minor: int = 0
    fee_minor: int = 0
    chain_minor: int = 0
    own_minor: int = 0
    passed_on: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        """What tells it from the other parts of its order."""
        return f"{self.line_id}/{'freight' if self.freight else 'goods'}"

    @property
    def kept_minor(self) -> int:
        """What reaches the platform's commission account."""
        return self.commission_minor - self.platform_fee_minor

    @property
    def held_minor(self) -> int:
        """What of the pot's money it is, while it is held."""
        return self.net_minor + self.kept_minor + self.tax_minor + self.chain_minor


def items(pot: Pot, earned: Earning, divided: Divided | None) -> tuple[Item, ...]:
    """Return the parts of a pot, goods before freight, lines in their order."""
    charges = list(zip(earned.commissions, earned.taxes or (0,) * len(pot.lines), strict=True))
    bare = [
        Item(
            line_id=line.line_id,
            freight=False,
            amount_minor=line.amount_minor,
            net_minor=0,
            commission_minor=commission,
            tax_minor=tax,
        )
        for line, (commission, tax) in zip(pot.lines, charges, strict=True)
    ]
    weights = [max(0, base - commission - tax) for base, (commission, tax) in zip(pot.bases, charges, strict=True)]
    for line in pot.lines:
        if line.freight_minor:
            chain = line.freight_minor if earned.chain else 0
            amount = line.freight_minor
            bare.append(
                Item(line_id=line.line_id, freight=True, amount_minor=amount, net_minor=0, chain_minor=chain),
            )
            weights.append(amount - chain)
    nets = allocate(earned.net_minor, weights)
    fees = allocate(earned.fee_minor, weights)
    borne = by_degrees([it.commission_minor for it in bare], earned.platform_fee_minor)
    found = [
        msgspec.structs.replace(it, net_minor=net, fee_minor=fee, platform_fee_minor=platform_fee)
        for it, net, fee, platform_fee in zip(bare, nets, fees, borne, strict=True)
    ]
    return _passed_on(found, divided) if divided is not None else tuple(found)


def _passed_on(found: Sequence[Item], divided: Divided) -> tuple[Item, ...]:
    """Give each item its part of what receivers below the merchant get; the merchant is last and has the fractions."""
    weights = [portion.taken_minor - portion.passed_on_minor for portion in divided.portions] + [divided.stays_minor]
    done, before = 0, by_degrees(weights, 0)
    parts: list[Item] = []
    for it in found:
        done += it.net_minor
        after = by_degrees(weights, done)
        *passed_on, own = (new - old for new, old in zip(after, before, strict=True))
        parts.append(msgspec.structs.replace(it, own_minor=own, passed_on=tuple(passed_on)))
        before = after
    return tuple(parts)


def of_lines(found: Iterable[Item], line_ids: AbstractSet[str]) -> list[Item]:
    """Return the items of these lines."""
    return [it for it in found if it.line_id in line_ids]


def breakdown(found: Sequence[Item], netted_minor: int = 0) -> Breakdown:
    """Return why the merchant's own leg for these items has its amount; `netted_minor` of it was taken before."""
    gross = sum(it.amount_minor for it in found if not it.freight)
    freight = sum(it.amount_minor for it in found if it.freight and not it.chain_minor)
    net, own = sum(it.net_minor for it in found), sum(it.own_minor for it in found)
    commission, fee = sum(it.commission_minor for it in found), sum(it.fee_minor for it in found)
    tax = sum(it.tax_minor for it in found)
    return Breakdown(
        gross_minor=gross,
        freight_minor=freight,
        adjustments_minor=net + commission + tax + fee - gross - freight,
        commission_minor=commission,
        fee_minor=fee,
        passed_on_minor=net - own,
        netted_minor=netted_minor or msgspec.UNSET,
        commission_tax_minor=tax or msgspec.UNSET,
    )


def held_breakdown(found: Sequence[Item], owing_minor: int = 0) -> Breakdown:
    """Return why what is left of a held pot has its amount. `owing_minor` of it was taken for other lines."""
    gross = sum(it.amount_minor for it in found if not it.freight)
    freight = sum(it.amount_minor for it in found if it.freight)
    fee = sum(it.fee_minor + it.platform_fee_minor for it in found)
    held = sum(it.held_minor for it in found) - owing_minor
    return Breakdown(
        gross_minor=gross, freight_minor=freight, adjustments_minor=held + fee - gross - freight, fee_minor=fee
    )
