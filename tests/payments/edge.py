"""Payments without Kafka: what a test hands in, what comes out, and a hand on the institution's switches."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from prometheus_client import CollectorRegistry
from tests.flows import places
from tests.payments.examples import ACCOUNT, NOW, PROFILE

from payments.app import assemble
from payments.channels.port import Channel
from payments.channels.sandbox import SandboxChannel
from payments.metrics import Metrics
from shared import envelope
from shared.commits import Commits
from shared.delivery import Delivery, Handler
from shared.marketplaces import Marketplaces
from shared.messages import (
    EVENTS,
    ChannelPayment,
    Event,
    MerchantChanged,
    OrderPaid,
    PayoutRequested,
    RefundRequested,
    decode,
)
from shared.metrics import KitMetrics
from shared.mongo import Database
from shared.outbox import Outgoing
from shared.profiles import shipped
from shared.record import Raw, Received

UNTIL_S = 15


class Published:
    """Remembers what would have gone to Kafka."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []

    async def publish(self, records: Sequence[Outgoing]) -> None:
        self.records.extend(records)

    def events[E: Event](self, struct: type[E]) -> list[E]:
        return [decode(struct, it.value or b"") for it in self.records if it.topic == struct.topic]

    def dead(self) -> list[str]:
        """Return the reasons of the dead letters."""
        letters = [it for it in self.records if it.topic.endswith(".dlq")]
        return [(dict(it.headers)["weir-dlq-error"] or b"").decode() for it in letters]


class Institution:
    """A customer's and a tester's connection to the sandbox institution."""

    def __init__(self, url: str, account: str = ACCOUNT) -> None:
        self.url = url
        self.account = account
        self._client = httpx.AsyncClient(base_url=f"{url}/v1/accounts/{account}/")

    async def close(self) -> None:
        await self._client.aclose()

    async def pay(self, *payments: ChannelPayment, currency: str = "EUR") -> None:
        """Pay as buyers do."""
        wire = [
            {
                "payment_id": it.channel_payment_id,
                "amount_minor": it.amount_minor,
                "fee_minor": it.fee_minor,
                "currency": currency,
            }
            for it in payments
        ]
        await self._call("POST", "payments", {"payments": wire})

    async def open(self, profile: str, *bound: str) -> None:
        """Open the account under a product, with these receivers bound."""
        await self._call("PUT", f"{self.url}/v1/accounts/{self.account}", {"profile": profile})
        await self._call("POST", "receivers/bind", {"receivers": [{"receiver": it} for it in bound]})

    async def fund(self, amount_minor: int, identity: str = "fund-1", pocket: str = "platform:marketing") -> None:
        """Give a pocket of the platform's money."""
        body = {"fund_id": identity, "pocket": pocket, "currency": "EUR", "amount_minor": amount_minor}
        await self._call("POST", "funds", body)

    async def fault(self, **faults: Any) -> None:  # noqa: ANN401 - any of the institution's switches
        await self._call("PUT", "faults", faults)

    async def heal(self) -> None:
        await self._call("DELETE", "faults")

    async def give_back(self, *numbers: str) -> None:
        """Have receivers' banks return these payouts."""
        await self._call("POST", "returns", {"numbers": numbers, "reason": "ACCOUNT_CLOSED"})

    async def move(self, kind: str, movement_id: str, amount_minor: int, **fields: str) -> None:
        """Have the institution move money by itself."""
        moved = {"movement_id": movement_id, "kind": kind, "currency": "EUR", "amount_minor": amount_minor} | fields
        await self._call("POST", "movements", {"movements": [moved]})

    async def balances(self) -> dict[str, int]:
        """Return what is in each pocket and with each receiver."""
        pockets = (await self._call("GET", "balances"))["pockets"]
        receivers = (await self._call("GET", "receivers"))["receivers"]
        balances = {it["pocket"]: it["balance_minor"] for it in pockets}
        return balances | {it["receiver"]: it["balance_minor"] for it in receivers}

    async def transfers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self._call("GET", "transfers"))["transfers"]
        return found

    async def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        response = await self._client.request(method, path, json=body)
        response.raise_for_status()
        answer: dict[str, Any] = response.json() if response.content else {}
        return answer


class Edge:
    """Payments as one replica runs it."""

    def __init__(self, database: Database, channel: Channel) -> None:
        self.database = database
        self.kit = KitMetrics()
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.published = Published()
        self.commits = Commits("payments", database.client, database, self.published, self.kit)  # type: ignore[arg-type] # remembers instead of publishing
        with TemporaryDirectory() as folder:
            self.marketplaces = Marketplaces.load(places.marketplaces(Path(folder)))
        channels = {PROFILE: channel}
        if isinstance(channel, SandboxChannel):
            channels |= {it.name: channel.under(it.name) for it in shipped()}
        self.parts = assemble(database, self.commits, self.marketplaces, channels, self.metrics)
        self._task: asyncio.Task[None] | None = None
        self._offset = 0

    def start(self) -> None:
        """Let the lanes run."""
        self._task = asyncio.create_task(self.parts.run())

    async def stop(self) -> None:
        """Stop the lanes where they are, as a crash would."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for channel in self.parts.channels.values():
            await channel.close()

    async def take(self, *events: OrderPaid | PayoutRequested | RefundRequested | MerchantChanged) -> None:
        """Deliver events as one batch of each contract, as the kit does."""
        handlers: dict[type[Event], Handler[Any]] = {
            OrderPaid: self.parts.take_orders.take_orders,
            PayoutRequested: self.parts.take_payouts.take_payouts,
            RefundRequested: self.parts.take_refunds.take_refunds,
            MerchantChanged: self.parts.take_merchants.copy_merchants,
        }
        for struct in EVENTS:
            batch = [self._received(event) for event in events if type(event) is struct]
            if batch:
                group = f"payments.{struct.topic}"
                delivery = Delivery(group, handlers[struct], self.commits, self.database, self.kit)
                await delivery.deliver(batch, f"{group}#0")

    async def order(self, key: str = "test-shop/o-1") -> dict[str, Any]:
        """Return a stored order; empty when there is none."""
        return await self.database.orders.find_one({"_id": key}) or {}

    async def payout(self, key: str = "test-shop/o:o-1.1") -> dict[str, Any]:
        """Return a stored payout; empty when there is none."""
        return await self.database.payouts.find_one({"_id": key}) or {}

    async def refund(self, key: str = "test-shop/r-1") -> dict[str, Any]:
        """Return a stored refund; empty when there is none."""
        return await self.database.refunds.find_one({"_id": key}) or {}

    async def refund_in(self, state: str, key: str = "test-shop/r-1") -> dict[str, Any]:
        """Wait until a refund stands so, or waits for that, and what that causes is published; return it."""
        await until(lambda: self.refund(key), lambda it: state in {it.get("state"), it.get("waits")})
        await self.all_published()
        return await self.refund(key)

    async def unpaid_minor(self, key: str = "test-shop/o-1") -> int:
        """Return what the pool has got for an order and has not paid out."""
        found = await self.database.payouts.find({"order": key}).to_list(None)
        legs = [it for payout in found for it in payout["legs"] if it["state"] == "succeeded"]
        added = [it for payout in found for it in payout["subsidies"] if it["state"] == "succeeded"]
        moved_minor: int = sum(it["amount_minor"] for it in added) - sum(it["amount_minor"] for it in legs)
        stored = await self.order(key)
        return int(stored["net_minor"]) + int(stored.get("moved_minor", 0)) + moved_minor

    async def order_in(self, state: str, key: str = "test-shop/o-1") -> dict[str, Any]:
        """Wait until an order is in a state and what that causes is published, and return it."""
        await until(lambda: self.order(key), lambda it: it.get("state") == state)
        await self.all_published()
        return await self.order(key)

    async def payout_in(self, state: str, key: str = "test-shop/o:o-1.1") -> dict[str, Any]:
        """Wait until a payout is in a state, or waits for that, and what that causes is published; return it."""
        await until(lambda: self.payout(key), lambda it: state in {it.get("state"), it.get("waits")})
        await self.all_published()
        return await self.payout(key)

    async def all_published(self) -> None:
        """Wait until the outbox is empty: events are published after the commit that a test can see already."""
        await until(lambda: self.database.outbox.count_documents({}), lambda count: count == 0)

    async def let_time_pass(self) -> None:
        """Make everything due whose time has not come yet, and sweep."""
        for collection in ("orders", "payouts", "refunds"):
            await self.database[collection].update_many({"ask_at": {"$gt": NOW}}, {"$set": {"ask_at": NOW}})
        await self.database.handovers.update_many({}, {"$set": {"due_at": NOW}})
        await self.parts.sweep.orders(self.parts.proofs)
        await self.parts.sweep.payouts(self.parts.transfers)
        await self.parts.sweep.refunds(self.parts.money_back)

    def _received[E: Event](self, event: E) -> Received[E]:
        self._offset += 1
        headers = envelope.headers_of(event, "/upstream/test", datetime.now(UTC), datetime.now(UTC))
        raw = Raw(event.topic, 0, self._offset, 0, event.key.encode(), b"{}", headers)
        return Received(event, envelope.read(headers), raw)


async def until[T](look: Callable[[], Awaitable[T]], wanted: Callable[[T], bool]) -> T:
    """Look again until it is as wanted, and return it."""
    async with asyncio.timeout(UNTIL_S):
        while not wanted(seen := await look()):  # noqa: ASYNC110 - MongoDB and the institution have no event to wait on
            await asyncio.sleep(0.02)
    return seen
