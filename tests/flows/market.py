"""A marketplace of one flow test: it pays and publishes as upstream would, and asks the services as people would."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from tests.flows import places
from tests.flows.conftest import Cluster

from shared import ids
from shared.envelope import headers_of
from shared.messages import Event, encode
from shared.mongo import connect

type Json = dict[str, Any]
type Headers = list[tuple[str, bytes | None]]

WAIT_S = 60.0


class Market:
    """One marketplace on the running cluster. Amounts are in minor units of CNY."""

    def __init__(self, cluster: Cluster, prefix: str = "test-") -> None:
        """`prefix`: what its id begins with, by which the services know its days and accounts (places.py)."""
        self.cluster = cluster
        self.id = f"{prefix}{uuid.uuid4().hex[:12]}"
        self.http = httpx.AsyncClient(timeout=20)
        self._opened: set[str] = set()

    def url(self, service: str, path: str) -> str:
        """Return the URL of a resource of this marketplace."""
        return f"{self.cluster.urls[service]}/v1/marketplaces/{self.id}/{path}"

    async def merchant(self, merchant: str = "acme", **terms: Any) -> None:  # noqa: ANN401 - a request's JSON
        """Create a merchant with an agreement: 10 % commission from the beginning of time, unless `terms` say else."""
        agreement = {
            "effective_from": "2020-01-01T00:00:00Z",
            "channel_profile": "sandbox-direct",
            "commission_bp": 1_000,
        }
        item = {"merchant": merchant, "name": merchant, "kind": "pop", "agreement": agreement | terms}
        answer = await self.http.post(self.url("merchant", "merchants:batch"), json={"merchants": [item]})
        assert answer.is_success, answer.text

    def order(self, order_id: str = "", *, amount_minor: int = 10_000, merchant: str = "acme", **changes: Any) -> Json:  # noqa: ANN401 - an order's JSON
        """Return an order of one line and one payment; `changes` replace its fields."""
        order_id = order_id or uuid.uuid4().hex
        payment = {
            "channel_profile": "sandbox-direct",
            "channel_account": self.id,
            "channel_payment_id": f"pay-{order_id}"[:64],
            "amount_minor": amount_minor,
        }
        line = {
            "line_id": "1",
            "sku": "tea",
            "category": "food",
            "merchant": merchant,
            "quantity": 1,
            "amount_minor": amount_minor,
        }
        order = {
            "marketplace": self.id,
            "order_id": order_id,
            "buyer": "buyer-1",
            "currency": "CNY",
            "paid_at": "2026-01-05T08:00:00Z",
            "payments": [payment],
            "lines": [line],
        }
        return order | changes

    async def pay(self, *orders: Json) -> None:
        """Pay orders at the institution, as their buyers would."""
        payments: dict[str, list[Json]] = {}
        for order in orders:
            for it in order["payments"]:
                if it["amount_minor"] > 0:
                    profile = await self.opened(it["channel_profile"])
                    payments.setdefault(profile, []).append(_paid(order, it))
        for profile, some in payments.items():
            answer = await self.http.post(self._account("payments", profile), json={"payments": some})
            assert answer.is_success, answer.text

    async def opened(self, profile: str) -> str:
        """Open this marketplace's account under a product, once; return the product."""
        if profile not in self._opened and profile != places.DIRECT:
            answer = await self.http.put(self._account("", profile), json={"profile": profile})
            assert answer.is_success, answer.text
        self._opened.add(profile)
        return profile

    async def bind(self, receiver: str, profile: str) -> None:
        """Bind a receiver at the institution, for all who collect under this marketplace's account."""
        url = self._account("receivers/bind", await self.opened(profile))
        answer = await self.http.post(url, json={"receivers": [{"receiver": receiver}]})
        assert answer.is_success, answer.text

    async def fund(
        self,
        amount_minor: int,
        currency: str = "CNY",
        pocket: str = "platform:marketing",
        profile: str = places.DIRECT,
    ) -> None:
        """Put money into one of the platform's own pockets at the institution."""
        fund = {"fund_id": uuid.uuid4().hex, "pocket": pocket, "currency": currency}
        url = self._account("funds", await self.opened(profile))
        answer = await self.http.post(url, json=fund | {"amount_minor": amount_minor})
        assert answer.is_success, answer.text

    async def fault(self, **faults: Any) -> None:  # noqa: ANN401 - any of the institution's switches
        """Have the institution go wrong."""
        answer = await self.http.put(self._account("faults"), json=faults)
        assert answer.is_success, answer.text

    async def heal(self) -> None:
        """Let nothing go wrong any more."""
        assert (await self.http.delete(self._account("faults"))).is_success

    async def transfers(self) -> list[Json]:
        """Return the institution's own record of what it was told to move."""
        answer = await self.http.get(self._account("transfers"), params={"limit": 1_000})
        return list(answer.json()["transfers"])

    async def give_back(self, *numbers: str, reason: str = "ACCOUNT_CLOSED") -> None:
        """Have banks send back what they got under these numbers."""
        answer = await self.http.post(self._account("returns"), json={"numbers": numbers, "reason": reason})
        assert answer.is_success, answer.text

    async def move(self, *movements: Json) -> None:
        """Have the institution move money by itself; payments is to ask at once, and not only within a minute."""
        answer = await self.http.post(self._account("movements"), json={"movements": movements})
        assert answer.is_success, answer.text
        assert {it["state"] for it in answer.json()["movements"]} == {"succeeded"}, answer.text
        await self.at_once("accounts")

    async def at_once(self, collection: str) -> None:
        """Make due at payments whatever of this marketplace waits for its time there."""
        client = connect(self.cluster.urls["mongo"])
        stored, now = client[self.cluster.database("payments")][collection], datetime.now(UTC)
        field = "due_at" if collection == "accounts" else "ask_at"
        of = {"account": self.id} if collection == "accounts" else {"marketplace": self.id}
        await stored.update_many(of | {field: {"$gt": now}}, {"$set": {field: now}})
        client.close()

    def headers(self, order: Json) -> Headers:
        """Return the headers of an order-paid from upstream."""
        identity = ids.event_id("order-paid", str(order["marketplace"]), str(order["order_id"]))
        return [
            ("ce_specversion", b"1.0"),
            ("ce_id", identity.encode()),
            ("ce_source", b"/upstream/test"),
            ("ce_type", b"weir.order-paid.v1"),
            ("ce_time", datetime.now(UTC).isoformat().encode()),
            ("content-type", b"application/json"),
        ]

    async def publish(self, *orders: Json, compression: str | None = None, **record: Any) -> None:  # noqa: ANN401 - parts of a Kafka record
        """Publish order-paid; `record` replaces key, value or headers."""
        bootstrap = self.cluster.urls["kafka"]
        async with AIOKafkaProducer(
            bootstrap_servers=bootstrap, max_request_size=4_000_000, compression_type=compression
        ) as producer:
            sent = []
            for order in orders:
                parts = {
                    "key": f"{order['marketplace']}/{order['order_id']}".encode(),
                    "value": json.dumps(order).encode(),
                    "headers": self.headers(order),
                }
                sent.append(await producer.send("order-paid", **(parts | record)))
            await asyncio.gather(*sent)

    async def tell(self, *events: Event, source: str = "/upstream/test") -> None:
        """Publish events of others, one by one: an upstream's progress, or what aftersale says (`/weir/aftersale`)."""
        async with AIOKafkaProducer(bootstrap_servers=self.cluster.urls["kafka"]) as producer:
            for event in events:
                now = datetime.now(UTC)
                headers = headers_of(event, source, now, now)
                await producer.send_and_wait(event.topic, encode(event), event.key.encode(), headers=headers)

    async def status(self, order: Json) -> Json:
        """Return what payments says of an order; its state is `unknown` where it has not heard of it."""
        answer = await self.http.get(self.url("payments", f"orders/{order['order_id']}/status"))
        return {"state": "unknown"} if answer.status_code == 404 else dict(answer.json())

    async def reaches(self, order: Json, state: str) -> Json:
        """Wait until an order is in this state, and return its status."""
        return await until(lambda: self.status(order), lambda it: it["state"] == state)

    async def split(self, order: Json) -> Json:
        """Return how split has divided an order."""
        answer = await self.http.get(self.url("split", f"orders/{order['order_id']}/split"))
        return dict(answer.json()) if answer.is_success else {"shares": []}

    async def held(self, order: Json, reason: str) -> Json:
        """Wait until a share of an order is held for this reason."""
        return await until(lambda: self.split(order), lambda it: any(s["reason"] == reason for s in it["shares"]))

    async def balance(self, account: str, currency: str = "CNY") -> int:
        """Return what split's books have in an account; what Weir owes its owner is positive."""
        answer = await self.http.get(self.url("split", f"accounts/{account}/balance"), params={"currency": currency})
        return int(answer.json()["balance_minor"]) if answer.is_success else 0

    async def pockets(self, profile: str = places.DIRECT) -> dict[str, int]:
        """Return the institution's balances of this marketplace's account in CNY, receivers included."""
        found: dict[str, int] = {}
        answer = await self.http.get(self._account("balances", profile))
        for it in answer.json()["pockets"]:
            if it["currency"] == "CNY":
                found[it["pocket"]] = it["balance_minor"]
        answer = await self.http.get(self._account("receivers", profile))
        for it in answer.json()["receivers"]:
            if it["currency"] == "CNY":
                found[it["receiver"]] = it["balance_minor"]
        return found

    async def dead_letter(self, topic: str, key: bytes) -> Any:  # noqa: ANN401 - aiokafka is untyped
        """Wait for the dead letter with this key and return the record."""
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=self.cluster.urls["kafka"], auto_offset_reset="earliest")
        async with consumer, asyncio.timeout(WAIT_S):
            while True:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        if record.key == key:
                            return record

    def account(self, profile: str) -> str:
        """Return this marketplace's account under a product."""
        return places.account_of(self.id, profile)

    def _account(self, path: str, profile: str = places.DIRECT) -> str:
        return f"{self.cluster.urls['institution']}/v1/accounts/{self.account(profile)}/{path}".rstrip("/")


def _paid(order: Json, payment: Json) -> Json:
    """Return a payment as the institution takes it."""
    collector = {"merchant": payment["merchant"]} if "merchant" in payment else {}
    early = {"paid_at": order["paid_at"]} if payment["channel_profile"] != places.DIRECT else {}
    return (
        collector
        | early
        | {
            "payment_id": payment["channel_payment_id"],
            "amount_minor": payment["amount_minor"],
            "currency": order["currency"],
            "fee_minor": payment.get("fee_minor", 0),
        }
    )


@asynccontextmanager
async def opened(cluster: Cluster, prefix: str = "test-") -> AsyncIterator[Market]:
    """Give a marketplace in which nobody sells yet."""
    it = Market(cluster, prefix)
    try:
        yield it
    finally:
        await it.http.aclose()


@asynccontextmanager
async def selling(cluster: Cluster) -> AsyncIterator[Market]:
    """Give a marketplace with one merchant."""
    async with opened(cluster) as it:
        await it.merchant()
        yield it


async def until[T](ask: Callable[[], Awaitable[T]], enough: Callable[[T], bool]) -> T:
    """Ask again until the answer is enough; fail with the last answer."""
    deadline = time.monotonic() + WAIT_S
    while not enough(answer := await ask()):
        assert time.monotonic() < deadline, f"still {answer}"
        await asyncio.sleep(0.2)
    return answer
