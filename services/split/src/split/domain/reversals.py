"""Who gives back what when a line is refunded: everybody by what the line had brought them (money.md 5).

What a party bears depends on how much of a line is refunded by now, and never on the steps that led there: so refunds,
releases and returns may come in any order.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from shared.money import by_degrees
from split.domain.items import Item
from split.domain.paid import Paid
from split.domain.refunds import WHOLE, Mode, Refunded, RefundTerms

COMMISSION = "platform:commission"
FEE = "platform:fee"
TAX = "platform:tax"
MARKETING = "platform:marketing"


class Undone(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A part of an order as it is undone: what the buyer paid for it, and what it had brought each party.

    `brought` sums to what was paid and what the platform had added (`paid_minor` less is added by marketing, more is
    what marketing gets back).
    """

    line_id: str
    freight: bool
    merchant: str
    paid_minor: int
    brought: tuple[tuple[str, int], ...]
    terms: RefundTerms

    @property
    def key(self) -> str:
        """What tells it from the other parts of its order."""
        return f"{self.line_id}/{'freight' if self.freight else 'goods'}"

    @property
    def whole_minor(self) -> int:
        """What it brought everybody together."""
        return sum(amount for _, amount in self.brought)


def undone(paid: Paid, item: Item, receivers: Sequence[str], chain: Mapping[str, int], terms: RefundTerms) -> Undone:
    """Return a part of an order as it is undone.

    `receivers` are those that the item is passed on to, `chain` what the logistics chain got of its freight. The fee
    stays with the channel: whoever paid it does not get it back. The tax on a commission goes with it.
    """
    brought: dict[str, int] = {}
    for party, amount in (
        (FEE, 0 if terms.keep_surcharge else paid.surcharge_minor),
        (COMMISSION, 0 if terms.keep_commission else item.commission_minor),
        (TAX, 0 if terms.keep_commission else item.tax_minor),
        *((f"merchant:{name}", amount) for name, amount in zip(receivers, item.passed_on, strict=False)),
        *chain.items(),
        (f"merchant:{paid.merchant}", item.own_minor + item.fee_minor),
        (f"merchant:{paid.merchant}", item.commission_minor + item.tax_minor if terms.keep_commission else 0),
    ):
        brought[party] = brought.get(party, 0) + amount
    own = brought.pop(f"merchant:{paid.merchant}")
    parts = tuple((party, amount) for party, amount in brought.items() if amount)
    return Undone(
        line_id=paid.line_id,
        freight=paid.freight,
        merchant=paid.merchant,
        paid_minor=paid.paid_minor - (paid.surcharge_minor if terms.keep_surcharge else 0),
        brought=(*parts, (f"merchant:{paid.merchant}", own)),
        terms=terms,
    )


def borne(parts: Sequence[Undone], refunded: Iterable[Refunded]) -> dict[tuple[str, str], int]:
    """Return what each party bears of all these refunds together, by (part, party), minor units.

    What marketing gets back of what it had added to a part is negative. The sum is what the buyer gets. A refund that
    all who were paid for the order bear in proportion stands under the part `order`; what is more than was paid is the
    platform's to bear.
    """
    sums: dict[tuple[str, Mode, str], int] = {}
    for it in refunded:
        place = (it.key, it.mode, it.bearing)
        sums[place] = sums.get(place, 0) + it.amount_minor
    by_key = {part.key: part for part in parts}
    found: dict[tuple[str, str], int] = {}
    proportional = 0
    for (key, mode, bearing), amount in sums.items():
        if key == WHOLE and mode == "platform":
            found[WHOLE, MARKETING] = found.get((WHOLE, MARKETING), 0) + amount
            continue
        if mode == "proportional":
            proportional += amount
            continue
        part = by_key[key]
        if mode == "original_payee":
            _add(found, key, part.brought, part.paid_minor, amount)
        else:
            party = MARKETING if mode == "platform" else f"merchant:{bearing}"
            _add(found, key, ((party, part.whole_minor),), part.paid_minor, amount)
    if proportional:
        paid = sum(part.paid_minor for part in parts)
        _add(found, WHOLE, _all(parts), paid, min(proportional, paid))
        found[WHOLE, MARKETING] = found.get((WHOLE, MARKETING), 0) + max(0, proportional - paid)
    return {place: amount for place, amount in found.items() if amount}


def _add(
    found: dict[tuple[str, str], int], key: str, brought: Sequence[tuple[str, int]], paid_minor: int, amount_minor: int
) -> None:
    """Add what each party bears when so much of what was paid is refunded."""
    if not amount_minor:
        return
    whole = sum(amount for _, amount in brought)
    if whole < paid_minor:
        # The buyer paid more than anybody got of it, such as a fee that nobody could bear: that is the platform's.
        brought = ((MARKETING, paid_minor - whole), *brought)
        whole = paid_minor
    done = whole * amount_minor // paid_minor
    for (party, _), amount in zip(brought, by_degrees([it for _, it in brought], done), strict=True):
        found[key, party] = found.get((key, party), 0) + amount
    found[key, MARKETING] = found.get((key, MARKETING), 0) - (done - amount_minor)


def _all(parts: Iterable[Undone]) -> list[tuple[str, int]]:
    """Return what the whole order brought each party, the platform's first, so that fractions fall on merchants."""
    sums: dict[str, int] = {}
    for party, amount in (it for part in parts for it in part.brought):
        sums[party] = sums.get(party, 0) + amount
    return sorted(sums.items(), key=lambda it: (it[0].startswith("merchant:"), it[0]))
