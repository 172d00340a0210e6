"""Out of which payment each share of an order comes that its sellers collect: an institution splits payments. Pure.

Where a pool pays, nobody asks: its money is of no payment.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from shared.messages import SplitRequested
from split.domain.orders import Order, OwedSubsidy
from split.domain.pots import MERCHANT
from split.domain.shares import MARKETING, Share


class Sources(msgspec.Struct, frozen=True):
    """The payments of one order. `by_seller` where there are several, each with its seller (合单).

    `surcharges` is what each payment holds for the platform beside commission and tax, by seller; `nets` what it comes
    to without its fee, by payment; minor units.
    """

    first: str
    by_seller: Mapping[str, str]
    surcharges: Mapping[str, int]
    nets: Mapping[str, int]

    def of(self, seller: str) -> str:
        """Return the payment that a seller's part of the order was paid by; the only one is everybody's."""
        return self.by_seller.get(seller, self.first)

    def apart(self, seller: str) -> str:
        """Return whose shares those of a seller are not added to: its own name where several were paid apart."""
        return seller if self.by_seller else ""

    def lacking(
        self, shares: Iterable[Share], asked: Mapping[str, int], missing_minor: int
    ) -> Iterator[tuple[str, int]]:
        """Give the payments that what the platform adds goes into: those whose shares are more than what is in them.

        `asked` is what was added to each before; minor units.
        """
        left, wanted = missing_minor, dict[str, int]()
        for share in shares if self.by_seller else ():
            payment = share.payment or self.of(share.merchant)
            wanted[payment] = wanted.get(payment, 0) + share.amount_minor
        for payment, amount in wanted.items():
            lacks = min(left, amount - self.nets.get(payment, 0) - asked.get(payment, 0))
            if lacks > 0 and payment != self.first:
                left -= lacks
                yield payment, lacks
        if left:
            yield self.first, left


def subsidies(
    order: Order, payout_id: str, missing_minor: int, sources: Sources | None, shares: Iterable[Share]
) -> tuple[OwedSubsidy, ...]:
    """Return what a payout asks of marketing; where sellers collect, what is added to which of their payments."""
    identity = f"{order.document_key}/{MARKETING}/{order.payouts + 1}"
    if sources is None:
        return (OwedSubsidy(subsidy_id=identity, payout_id=payout_id, amount_minor=missing_minor),)
    before: dict[str, int] = {}
    for it in order.subsidies:
        before[it.payment or ""] = before.get(it.payment or "", 0) + it.amount_minor
    return tuple(
        OwedSubsidy(
            subsidy_id=identity if payment == sources.first else f"{identity}/{payment}",
            payout_id=payout_id,
            amount_minor=amount,
            payment=payment,
        )
        for payment, amount in sources.lacking(shares, before, missing_minor)
    )


def sources_of(request: SplitRequested, surcharge_minor: int) -> Sources:
    """Return the payments of an order that its sellers collect."""
    paid = [it for it in request.payments if it.amount_minor] or request.payments[:1]
    nets = {it.channel_payment_id: it.amount_minor - it.fee_minor for it in paid}
    if len(paid) == 1:
        return Sources(paid[0].channel_payment_id, {}, {"": surcharge_minor}, nets)
    by_seller = {it.merchant: it.channel_payment_id for it in paid if isinstance(it.merchant, str)}
    return Sources(paid[0].channel_payment_id, by_seller, _surcharges(request, surcharge_minor), nets)


def _surcharges(request: SplitRequested, surcharge_minor: int) -> dict[str, int]:
    """Return whose payment holds which surcharge: of a line's its seller's, of the whole order's the first."""
    seller_of, found = {line.line_id: line.merchant for line in request.lines}, dict[str, int]()
    for it in request.adjustments:
        if it.amount_minor > 0 and not it.party.startswith(MERCHANT):
            seller = seller_of.get(it.line_id or "", "")
            found[seller] = found.get(seller, 0) + it.amount_minor
    rest = surcharge_minor - sum(found.values())
    return found | ({"": found.get("", 0) + rest} if rest else {})
