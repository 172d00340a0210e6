"""What split measures of the books: per unit of work, never per order."""

from collections import Counter as Tally
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from split.domain.refunds import State
from split.store.guards import Guards
from split.store.orders import Orders
from split.store.refunds import Refunds
from split.store.resting import Resting, Waiting

STUCK: Final[tuple[State, ...]] = ("waiting_funds", "failed")
"""States of refunds that somebody has to end."""
RESTING_EVERY: Final = 12
"""Samples between two looks at all that rests: those read many orders."""


class RestingGauges:
    """Gauges of what rests, by reason, and of what waits for people."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._resting = Gauge(
            "weir_resting_orders",
            "Orders of which money rests, by the first word of the reason, among the 5,000 that were paid longest ago.",
            ["reason"],
            registry=registry,
        )
        self._resting_oldest = Gauge(
            "weir_resting_oldest_seconds",
            "Since the oldest order was paid of which money rests for this reason.",
            ["reason"],
            registry=registry,
        )
        self._queue = Gauge(
            "weir_operator_queue",
            "What waits for people: legs (orders and charges with one), approvals (for a second person).",
            ["of"],
            registry=registry,
        )
        self._queue_oldest = Gauge(
            "weir_operator_queue_oldest_seconds", "Since the longest waiting of it came.", ["of"], registry=registry
        )

    async def sample(self, resting: Resting, now: datetime) -> None:
        """Set the gauges now."""
        by_reason = await resting.by_reason()
        for gauge in (self._resting, self._resting_oldest):
            gauge.clear()
        for reason, it in by_reason.items():
            self._resting.labels(reason).set(it.number)
            self._resting_oldest.labels(reason).set(_age_s(it, now))
        for of, it in (("legs", await resting.with_operators()), ("approvals", await resting.approvals(now))):
            self._queue.labels(of).set(it.number)
            self._queue_oldest.labels(of).set(_age_s(it, now))


class RefundGauges:
    """Gauges of refunds that somebody has to end."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._stuck = Gauge(
            "weir_refunds_stuck",
            "Refunds that wait for the platform's money (waiting_funds), or that have failed and wait for an operator.",
            ["state"],
            registry=registry,
        )
        self._oldest = Gauge(
            "weir_refunds_stuck_oldest_seconds",
            "Since the first of these refunds came to its state.",
            ["state"],
            registry=registry,
        )

    async def sample(self, refunds: Refunds, now: datetime) -> None:
        """Set the gauges now."""
        for state in STUCK:
            stuck, first = await refunds.in_state(state)
            self._stuck.labels(state).set(stuck)
            self._oldest.labels(state).set(max(0.0, (now - first).total_seconds()) if first else 0.0)


class Metrics:
    """Gauges and counters of split."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._imbalance = Gauge(
            "weir_ledger_imbalance",
            "Minor units by which the balances written since the start miss zero; 0 when the books are right.",
            registry=registry,
        )
        self._standing = Gauge(
            "weir_orders_unsettled_oldest_seconds",
            "Since the oldest order was paid for that has money held, or available after a payout that failed.",
            registry=registry,
        )
        self._overdue = Gauge(
            "weir_deadlines_overdue_seconds",
            "Since the order was due that nobody has looked at although time may change something; seconds are usual.",
            registry=registry,
        )
        self._debt = Gauge(
            "weir_merchant_debt_oldest_seconds",
            "Since the merchant began to owe who has owed longest: what it earns is netted first, so it should earn.",
            registry=registry,
        )
        self._orders = Counter(
            "weir_orders_split",
            "Orders taken to be split, by what became of them: paid_out, partly_held, held, repeated, refused.",
            ["outcome"],
            registry=registry,
        )
        self._released = Counter(
            "weir_orders_released", "Orders of which news of a merchant released a share.", registry=registry
        )
        self._unmatched = Counter(
            "weir_payouts_unmatched",
            "Payouts settled before their order came, which the order then could not take.",
            registry=registry,
        )
        self._freezes_ending = Counter(
            "weir_channel_freezes_ending",
            "Orders with money held three days before the end of their channel's freeze: all was split, or some left.",
            ["held"],
            registry=registry,
        )
        self._misfits = Counter(
            "weir_orders_misfits",
            "Orders of which goods or cases were told before they came, with lines that they then had not.",
            registry=registry,
        )

        self._rests = RestingGauges(registry)
        self._refunds = RefundGauges(registry)
        self._samples = 0

    async def sample(self, orders: Orders, guards: Guards, refunds: Refunds, resting: Resting, now: datetime) -> None:
        """Set the gauges now; those of what rests now and then."""
        await self._refunds.sample(refunds, now)
        if self._samples % RESTING_EVERY == 0:
            await self._rests.sample(resting, now)
        self._samples += 1
        owed = await guards.debt_since()
        self._debt.set(max(0.0, (now - owed).total_seconds()) if owed else 0.0)
        since, overdue = await orders.standing_since(), await orders.overdue_since(now)
        self._standing.set(max(0.0, (now - since).total_seconds()) if since else 0.0)
        self._overdue.set((now - overdue).total_seconds() if overdue else 0.0)

    def note_imbalance(self, amount_minor: int) -> None:
        """Add what one unit of work's balances miss."""
        self._imbalance.inc(amount_minor)

    def note_split(self, outcomes: Tally[str]) -> None:
        """Count the orders of a batch by what became of them."""
        for outcome, orders in outcomes.items():
            self._orders.labels(outcome).inc(orders)

    def note_released(self, orders: int) -> None:
        """Count orders released."""
        self._released.inc(orders)

    def note_unmatched(self, payouts: int) -> None:
        """Count what came early and does not fit."""
        self._unmatched.inc(payouts)

    def note_misfits(self) -> None:
        """Count an order of which something was told that does not fit it."""
        self._misfits.inc()

    def note_freeze_ending(self, *, left: bool) -> None:
        """Count an order whose channel unfreezes its money soon; `left`: some of it is still held."""
        self._freezes_ending.labels("left" if left else "split").inc()


def _age_s(it: Waiting, now: datetime) -> float:
    return max(0.0, (now - it.since).total_seconds()) if it.since else 0.0
