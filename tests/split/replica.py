"""Split as one replica runs it, without Kafka: what a test hands in, and what would have been published."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry

from shared import envelope, mongo
from shared.clock import Clock
from shared.commits import Commits
from shared.delivery import Delivery, Handler
from shared.marketplaces import Marketplaces
from shared.messages import (
    CaseChanged,
    ChannelMoved,
    Event,
    LegOutcome,
    MerchantChanged,
    OrderProgressed,
    PayoutRequested,
    PayoutSettled,
    RefundApproved,
    RefundRequested,
    RefundSettled,
    SplitRequested,
    SubsidyOutcome,
    decode,
)
from shared.metrics import KitMetrics
from shared.mongo import Database
from shared.outbox import Outgoing
from shared.record import Batch, Raw, Received
from shared.work import Work
from split.app import assemble
from split.metrics import Metrics
from split.store.balances import kept_in
from split.store.resting import Resting

RULES_LEAD_S = 3_600
MARKETPLACES = Path(__file__).parents[2] / "deploy" / "marketplaces.yaml"


TAKEN: Final[tuple[type[Event], ...]] = (
    MerchantChanged,
    SplitRequested,
    PayoutSettled,
    OrderProgressed,
    CaseChanged,
    RefundApproved,
    RefundSettled,
    ChannelMoved,
)


class Published:
    """Remembers what would have gone to Kafka."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []

    async def publish(self, records: Sequence[Outgoing]) -> None:
        self.records.extend(records)

    def payouts(self) -> list[PayoutRequested]:
        topic = PayoutRequested.topic
        return [decode(PayoutRequested, it.value or b"") for it in self.records if it.topic == topic]

    def plans(self) -> list[RefundRequested]:
        topic = RefundRequested.topic
        return [decode(RefundRequested, it.value or b"") for it in self.records if it.topic == topic]

    def dead(self) -> list[str]:
        """Return the reasons of the dead letters."""
        letters = [it for it in self.records if it.topic.endswith(".dlq")]
        return [(dict(it.headers)["weir-dlq-error"] or b"").decode() for it in letters]


class Replica:
    """One replica of split on a real MongoDB."""

    def __init__(self, database: Database, marketplaces: Path = MARKETPLACES) -> None:
        self.database = database
        self.registry = CollectorRegistry()
        self.published = Published()
        self._kit = KitMetrics()
        self.commits = Commits("split", database.client, database, self.published, self._kit)  # type: ignore[arg-type] # remembers instead of publishing
        self.marketplaces = Marketplaces.load(marketplaces)
        self.clock = Clock(database, movable=True)
        self._metrics = Metrics(self.registry)
        self.parts = assemble(
            database, self.commits, self.marketplaces, self._metrics, self.clock, timedelta(seconds=RULES_LEAD_S)
        )
        self.signalled: list[str] = []
        self._offset = 0

    def handler(self, struct: type[Event]) -> Handler[Any]:
        """Return the use case of a contract."""
        handlers: dict[type[Event], Handler[Any]] = {
            SplitRequested: self.parts.split_orders.split_orders,
            PayoutSettled: self.parts.post_payouts.post_payouts,
            MerchantChanged: self.parts.copy_merchants.copy_merchants,
            OrderProgressed: self.parts.note_facts.progress_orders,
            CaseChanged: self.parts.note_facts.freeze_orders,
            RefundApproved: self.parts.note_facts.approve_refunds,
            RefundSettled: self.parts.post_refunds.post_refunds,
            ChannelMoved: self.parts.post_movements.post_movements,
        }
        return handlers[struct]

    async def take(self, *events: Event) -> None:
        """Deliver events as one batch of each contract, as the kit does; news of merchants first."""
        for struct in TAKEN:
            batch = [self.received(event) for event in events if type(event) is struct]
            if batch:
                group = f"split.{struct.topic}"
                delivery = Delivery(group, self.handler(struct), self.commits, self.database, self._kit)
                await delivery.deliver(batch, f"{group}#0")

    @asynccontextmanager
    async def unit(self, event: Event, stripe: str) -> AsyncIterator["Unit"]:
        """Open a transaction in which this event is handled, step by step."""
        async with await self.database.client.start_session() as session:
            now = datetime.now(UTC)
            work = Work(service="split", session=session, stripe=stripe, group=f"split.{event.topic}", now=now)
            unit = Unit(self, event, work)
            async with mongo.start_transaction(session):
                yield unit

    async def order(self, key: str = "test-a/1") -> dict[str, Any]:
        """Return a stored order; empty when there is none."""
        return await self.database.orders.find_one({"_id": key}) or {}

    async def refunds(self, key: str = "test-a/1") -> dict[str, dict[str, Any]]:
        """Return the refunds of an order by id."""
        return {it["refund_id"]: it for it in (await self.order(key)).get("refunds", ())}

    async def shares(self, key: str = "test-a/1") -> dict[str, tuple[str, str, int]]:
        """Return state, reason and amount of an order's shares by path."""
        order = await self.order(key)
        return {it["path"]: (it["state"], it["reason"], it["amount_minor"]) for it in order["shares"]}

    async def booked(self) -> list[dict[str, Any]]:
        """Return the ledger's transactions, in the order of their ids."""
        return [it async for block in self.database.blocks.find().sort("_id", 1) for it in block["transactions"]]

    async def balances(self) -> dict[str, int]:
        """Return what is in each account over all stripes, zeros left out."""
        sums: dict[str, int] = {}
        async for it in self.database.balances.find():
            for _, _, account, amount in kept_in(it):
                sums[account] = sums.get(account, 0) + amount
        return {account: amount for account, amount in sums.items() if amount}

    async def sample_metrics(self) -> None:
        """Set the gauges, as the service does now and then."""
        behind, resting = self.parts.behind, Resting(self.database)
        await self._metrics.sample(behind.orders, behind.guards, behind.refunds, resting, self.clock.now())

    def sample(self, name: str, **labels: str) -> float:
        """Return a metric's value; 0 when it was never set."""
        return self.registry.get_sample_value(name, labels) or 0.0

    def received[E: Event](self, event: E) -> Received[E]:
        """Wrap an event as if Kafka had delivered it."""
        self._offset += 1
        headers = envelope.headers_of(event, "/weir/test", datetime.now(UTC), datetime.now(UTC))
        raw = Raw(event.topic, 0, self._offset, 0, event.key.encode(), b"{}", headers)
        return Received(event, envelope.read(headers), raw)


class Unit:
    """One open transaction: `decide` reads, `write` writes; leaving its block commits."""

    def __init__(self, replica: Replica, event: Event, work: Work) -> None:
        self._replica = replica
        self._event = event
        self.work = work

    async def decide(self) -> None:
        """Run the handler: all its reads, and its decision."""
        received = self._replica.received(self._event)
        await self._replica.handler(type(self._event))(Batch([received], self.work.now), self.work)

    async def write(self) -> None:
        """Write what was decided, without committing."""
        await self.work.write(self._replica.database)


def settled(payout: PayoutRequested, state: Any = "succeeded", revision: int = 1) -> PayoutSettled:  # noqa: ANN401 - a literal
    """Tell that all legs and subsidies of a payout came to this state."""
    return PayoutSettled(
        marketplace=payout.marketplace,
        payout_id=payout.payout_id,
        document=payout.document,
        kind="pay",
        revision=revision,
        currency=payout.currency,
        channel_profile=payout.channel_profile,
        channel_account=payout.channel_account,
        settled_at=datetime(2026, 3, 1, 13, tzinfo=UTC),
        legs=tuple(
            LegOutcome(
                leg_id=leg.leg_id,
                receiver=leg.receiver,
                amount_minor=leg.amount_minor,
                attempt=leg.attempt,
                state=state,
                channel_number=f"n{place}",
                breakdown=leg.breakdown,
            )
            for place, leg in enumerate(payout.legs)
        ),
        subsidies=tuple(
            SubsidyOutcome(subsidy_id=it.subsidy_id, amount_minor=it.amount_minor, state=state, channel_number="s")
            for it in payout.subsidies
        ),
    )
