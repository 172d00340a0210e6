"""The floor's payments: claims and their proof, payouts and their outcomes, two exchanges with the institution."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

import httpx
import msgspec
import uuid_utils
from tests.bench.floor import messages
from tests.bench.floor.kit import Event, Lane, Process, Taken, Work, digest, forget, found
from tests.bench.floor.messages import LegOutcome, Order, PayoutRequested, PayoutSettled, encode

from shared.ids import channel_number


class Proving(NamedTuple):
    """An order on its way to its proof."""

    handover: str
    taken: Taken
    order: Order


class Paying(NamedTuple):
    """A payout on its way to the institution."""

    handover: str
    taken: Taken
    payout: PayoutRequested
    numbers: list[str]


class Payments:
    """The money edge, without a rule."""

    def __init__(self, process: Process, institution_url: str) -> None:
        self._process = process
        self._database = process.database
        self._http = httpx.AsyncClient(base_url=institution_url, headers={"content-type": "application/json"})
        self._open: Counter[str] = Counter()
        self._proving = Lane[Proving](lambda it: 2 * len(it.order.payments), self._prove)
        self._paying = Lane[Paying](lambda it: len(it.payout.legs), self._pay)

    async def run(self) -> None:
        """Work for ever."""
        async with asyncio.TaskGroup() as group:
            for lane in (self._proving, self._paying) * 2:
                group.create_task(lane.run())
            group.create_task(
                self._process.run({"order-paid": self.take_orders, "payout-requested": self.take_payouts})
            )

    async def take_orders(self, work: Work, batch: list[Taken]) -> Callable[[], None]:
        """Keep claims, and hand them to be proved."""
        fields = {"hash": 1, "state": 1}
        known = {it["_id"] for it in await found(self._database.orders, (it.key for it in batch), fields, work.session)}
        handover = str(uuid_utils.uuid7())
        handed = [Proving(handover, it, messages.order(it.value)) for it in batch if it.key not in known]
        for claim in handed:
            work.insert("orders", _order(claim, work.now))
        self._hand_over(work, handover, [it.taken.key for it in handed])
        return lambda: self._proving.hand(handed)

    async def _prove(self, batch: list[Proving]) -> None:
        account = batch[0].order.payments[0].channel_account
        wanted = [payment.channel_payment_id for it in batch for payment in it.order.payments]
        answer = await self._post(account, "payments/query", {"payment_ids": wanted})
        proved = {it["payment_id"] for it in answer["payments"] if it["state"] == "succeeded"}

        async def decide(work: Work) -> None:
            fields = {"hash": 1, "state": 1}
            await found(self._database.orders, (it.taken.key for it in batch), fields, work.session)
            claims = [f"{account}/{it}" for it in wanted if it in proved]
            await found(self._database.claims, claims, None, work.session)
            for it in batch:
                for payment in it.order.payments:
                    claim = f"{account}/{payment.channel_payment_id}"
                    work.insert("claims", {"_id": claim, "order": it.taken.key})
                net = sum(payment.amount_minor - payment.fee_minor for payment in it.order.payments)
                change = {"state": "accepted", "ask_at": None, "asks": 1, "proved_at": work.now, "net_minor": net}
                work.update("orders", it.taken.key, {"$set": change})
                work.events.append(Event("split-requested", it.taken, it.order.order_id, encode(it.order)))

        await self._process.transact("clock", decide)
        await self._concluded(it.handover for it in batch)

    async def take_payouts(self, work: Work, batch: list[Taken]) -> Callable[[], None]:
        """Keep payouts, and hand them to be paid."""
        payouts = [messages.payout(it.value) for it in batch]
        ids = [f"{it.marketplace}/{it.payout_id}" for it in payouts]
        known = {it["_id"] for it in await found(self._database.payouts, ids, None, work.session)}
        await found(self._database.orders, (it.key for it in batch), {"state": 1, "net_minor": 1}, work.session)
        handover, handed = str(uuid_utils.uuid7()), []
        for it, key, payout in zip(batch, ids, payouts, strict=True):
            if key not in known:
                numbers = [
                    channel_number("payout", payout.marketplace, payout.document, leg.leg_id, leg.attempt)
                    for leg in payout.legs
                ]
                work.insert("payouts", _payout(it, payout, numbers, work.now))
                handed.append(Paying(handover, it, payout, numbers))
        self._hand_over(work, handover, [it.taken.key for it in handed])
        return lambda: self._paying.hand(handed)

    async def _pay(self, batch: list[Paying]) -> None:
        wire = [
            {
                "number": number,
                "kind": "payout",
                "receiver": leg.receiver,
                "currency": it.payout.currency,
                "amount_minor": leg.amount_minor,
            }
            for it in batch
            for number, leg in zip(it.numbers, it.payout.legs, strict=True)
        ]
        answer = await self._post(batch[0].payout.channel_account, "transfers", {"transfers": wire})
        states = {it["number"]: it["state"] for it in answer["transfers"]}

        async def decide(work: Work) -> None:
            keys = [f"{it.payout.marketplace}/{it.payout.payout_id}" for it in batch]
            await found(self._database.payouts, keys, {"revision": 1, "asks": 1, "fenced": 1}, work.session)
            for key, it in zip(keys, batch, strict=True):
                legs = _outcomes(it, states)
                moved = {f"legs.{place}.state": leg.state for place, leg in enumerate(legs)}
                standing = {"state": "final", "waits": None, "ask_at": None, "settled_at": work.now}
                change = {**moved, "revision": 1, "asks": 1, **standing}
                work.update("payouts", key, {"$set": change})
                settled = PayoutSettled(
                    marketplace=it.payout.marketplace,
                    payout_id=it.payout.payout_id,
                    document=it.payout.document,
                    currency=it.payout.currency,
                    channel_profile=it.payout.channel_profile,
                    channel_account=it.payout.channel_account,
                    settled_at=work.now,
                    legs=legs,
                )
                identity = f"{it.payout.payout_id}/1"
                work.events.append(Event("payout-settled", it.taken, identity, encode(settled)))

        await self._process.transact("clock", decide)
        await self._concluded(it.handover for it in batch)

    def _hand_over(self, work: Work, handover: str, keys: list[str]) -> None:
        """Record what a lane gets of a batch, in one document."""
        times = {"since": work.now, "due_at": work.now}
        work.insert("handovers", {"_id": handover, "operation": "", "profile": "", **times, "keys": keys})
        self._open[handover] = len(keys)

    async def _concluded(self, handovers: Iterable[str]) -> None:
        """Forget hand-overs of which nothing is left."""
        self._open.subtract(handovers)
        done = [handover for handover, left in self._open.items() if not left]
        for handover in done:
            del self._open[handover]
        if done:
            await forget(self._database.handovers, done)

    async def _post(self, account: str, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self._http.post(f"/v1/accounts/{account}/{operation}", content=msgspec.json.encode(body))
        decoded: dict[str, Any] = msgspec.json.decode(answer.raise_for_status().content)
        return decoded


def _outcomes(it: Paying, states: dict[str, str]) -> list[LegOutcome]:
    return [
        LegOutcome(
            leg_id=leg.leg_id,
            receiver=leg.receiver,
            amount_minor=leg.amount_minor,
            attempt=leg.attempt,
            state=states[number],
            channel_number=number,
            reason=None,
            breakdown=leg.breakdown,
        )
        for number, leg in zip(it.numbers, it.payout.legs, strict=True)
    ]


def _order(it: Proving, now: datetime) -> dict[str, Any]:
    order, first = it.order, it.order.payments[0]
    return {
        "_id": it.taken.key,
        "marketplace": order.marketplace,
        "order_id": order.order_id,
        "hash": digest(it.taken.value),
        "body": it.taken.value,
        "reason": None,
        "detail": "",
        "currency": order.currency,
        "channel_profile": first.channel_profile,
        "channel_account": first.channel_account,
        "payment_ids": [payment.channel_payment_id for payment in order.payments],
        "paid_minor": first.amount_minor,
        "net_minor": None,
        "promised_minor": 0,
        "asks": 0,
        "ask_at": None,
        "origin_time": now,
        "source": "/upstream/bench",
        "received_at": now,
        "proved_at": None,
        "state": "sending",
    }


def _payout(it: Taken, payout: PayoutRequested, numbers: list[str], now: datetime) -> dict[str, Any]:
    legs = [
        msgspec.to_builtins(leg) | {"state": "sending", "channel_number": number, "reason": None}
        for number, leg in zip(numbers, payout.legs, strict=True)
    ]
    return {
        "_id": f"{payout.marketplace}/{payout.payout_id}",
        **msgspec.to_builtins(payout),
        "legs": legs,
        "revision": 0,
        "asks": 0,
        "created_at": now,
        "origin_time": now,
        "order": it.key,
        "hash": digest(it.value),
        "cancel_hash": None,
        "state": "sending",
        "waits": "sending",
        "fenced": False,
        "ask_at": None,
        "settled_at": None,
    }
