"""What topics tell of money that came in and went out: a reckoning of each pool, apart from that of split; mistakes."""

from collections import Counter

from tests.player.course import Course

from shared.messages import LegOutcome, PayoutSettled, SplitRequested

type Pool = tuple[str, str]
"""Account at the institution, currency."""


class Seen:
    """Every proved order, and every payout as it stands now."""

    def __init__(self) -> None:
        self.orders: dict[str, SplitRequested] = {}
        self.payouts: dict[str, PayoutSettled] = {}

    def note(self, event: SplitRequested | PayoutSettled) -> None:
        """Remember an order, or a payout's greatest revision."""
        if isinstance(event, SplitRequested):
            self.orders[event.key] = event
            return
        name = f"{event.marketplace}/{event.payout_id}"
        known = self.payouts.get(name)
        if known is None or event.revision > known.revision:
            self.payouts[name] = event

    def pool_minor(self, course: Course, pool: Pool) -> int:
        """Return what an account's pool must hold, in minor units: split's clearing account says the same, negative."""
        held = course.account(*pool).pool_minor
        for order in self.orders.values():
            for payment in order.payments:
                if (payment.channel_account, order.currency) == pool:
                    held += payment.amount_minor - payment.fee_minor
        for payout in self.payouts.values():
            if (payout.channel_account, payout.currency) == pool:
                held += sum(it.amount_minor for it in payout.subsidies if it.state == "succeeded")
                held -= sum(it.amount_minor for it in payout.legs if it.state == "succeeded")
        return held

    def mistakes(self, course: Course) -> list[str]:
        """Return what no institution would have done: more refunded than paid, more given back than was got.

        Ask when all that was published has been read.
        """
        paid = {
            (order.marketplace, payment.channel_payment_id): payment.amount_minor
            for order in self.orders.values()
            for payment in order.payments
        }
        legs = {it.leg_id: it for payout in self.payouts.values() for it in payout.legs if it.state == "succeeded"}
        refunded, returned = Counter[tuple[str, str]](), Counter[str]()
        payers: dict[str, set[str]] = {}
        for refund in course.refunds.values():
            for name, back in refund.refunds.items():
                if back.state == "succeeded":
                    refunded[refund.plan.marketplace, name] += back.amount_minor
            for it in refund.returns.values():
                payers.setdefault(it.leg_id, set()).add(it.receiver)
                if it.state == "succeeded":
                    returned[it.leg_id] += it.amount_minor
        found = [
            f"{payment} was {paid.get((market, payment), 0)}, refunded are {amount}"
            for (market, payment), amount in refunded.items()
            if amount > paid.get((market, payment), 0)
        ]
        found += [
            f"{leg} paid {_got(legs, leg)}, given back are {it}" for leg, it in returned.items() if it > _got(legs, leg)
        ]
        return found + [
            f"{leg} was paid to {legs[leg].receiver}, not to {name}"
            for leg, names in payers.items()
            for name in names
            if leg in legs and legs[leg].receiver != name
        ]


def _got(legs: dict[str, LegOutcome], leg_id: str) -> int:
    return legs[leg_id].amount_minor if leg_id in legs else 0
