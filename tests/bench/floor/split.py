"""The floor's split: shares of an order, double posting on striped balances, the chain of hashes."""

import hashlib
import zlib
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import uuid_utils
from tests.bench.floor import messages
from tests.bench.floor.kit import Event, Process, Taken, Work, digest, found
from tests.bench.floor.messages import Breakdown, Leg, Order, PayoutRequested, PayoutSettled, encode

COMMISSION: Final = "platform:commission"
BALANCE_GROUPS: Final = 128
TRANSACTIONS_MAX: Final = 50
ENTRIES_MAX: Final = 500
SHARE: Final[dict[str, Any]] = {"part": 1, "attempt": 1, "reason": "", "earning": None, "agreement_version": 1}

type Place = tuple[str, str]
"""Marketplace and currency."""


class Books:
    """The ledger of one batch: blocks of transactions, balances added up, one link of the stripe's chain."""

    def __init__(self, work: Work, stripe: str, head: dict[str, Any] | None) -> None:
        self._work = work
        self._stripe = stripe
        self._seq = head["seq"] if head else 0
        self._previous = bytes(head["hash"]) if head else bytes(32)
        self._filling: defaultdict[Place, list[dict[str, Any]]] = defaultdict(list)
        self._listed: list[dict[str, Any]] = []
        self._balances: defaultdict[tuple[str, str, str], int] = defaultdict(int)

    def post(self, it: Taken, kind: str, place: Place, entries: dict[str, int]) -> None:
        """Book a transaction of one order."""
        filling = self._filling[place]
        there = sum(len(booked["entries"]) for booked in filling)
        if filling and (len(filling) == TRANSACTIONS_MAX or there + len(entries) > ENTRIES_MAX):
            self._seal(place)
        filling.append({"order": it.key, "cause": it.key, "kind": kind, "entries": entries})
        for account, amount in entries.items():
            self._balances[(*place, account)] += amount

    def _seal(self, place: Place) -> None:
        """Write a block."""
        document = {
            "_id": str(uuid_utils.uuid7()),
            "marketplace": place[0],
            "currency": place[1],
            "stripe": self._stripe,
            "accounts": sorted({account for booked in self._filling[place] for account in booked["entries"]}),
            "transactions": list(self._filling[place]),
        }
        content = digest(encode(document))
        self._listed.append({"id": document["_id"], "hash": content})
        self._work.insert("blocks", {**document, "at": self._work.now, "hash": content})
        self._filling[place].clear()

    def close(self) -> None:
        """Write the last blocks, the balances, the link and the head."""
        for place in self._filling:
            self._seal(place)
        if not self._listed:
            return
        groups: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for (marketplace, currency, account), amount in self._balances.items():
            identity = f"{marketplace}|{currency}|{zlib.crc32(account.encode()) % BALANCE_GROUPS:03}|{self._stripe}"
            groups[identity][f"amounts.{account}"] = amount
        for identity, amounts in groups.items():
            self._work.update("balances", identity, {"$inc": amounts}, upsert=True)
        seq = self._seq + 1
        content = hashlib.sha256(self._previous)
        for listed in self._listed:
            content.update(listed["id"].encode() + listed["hash"])
        link = {"stripe": self._stripe, "seq": seq, "previous": self._previous, "hash": content.digest()}
        self._work.insert("links", {"_id": f"{self._stripe}/{seq}", **link, "blocks": self._listed})
        moved = {"$set": {"seq": seq, "hash": content.digest()}}
        self._work.update("heads", self._stripe, moved, upsert=self._seq == 0)


class Split:
    """The books, without a rule."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._database = process.database

    async def run(self) -> None:
        """Work for ever."""
        await self._process.run({"split-requested": self.split, "payout-settled": self.settle})

    async def split(self, work: Work, batch: list[Taken]) -> None:
        """Divide orders and ask for their payouts."""
        fields = {"state": 1, "hash": 1, "early": 1}
        known = {it["_id"] for it in await found(self._database.orders, (it.key for it in batch), fields, work.session)}
        orders = [(it, messages.order(it.value)) for it in batch if it.key not in known]
        sellers = {f"{order.marketplace}/{line.merchant}" for _, order in orders for line in order.lines}
        copies = await found(self._database.merchants, sellers, {"version": 1, "body": 1}, work.session)
        merchants = [messages.merchant(copy["body"]) for copy in copies]
        rates = {merchant.merchant: merchant.agreements[0].commission_bp for merchant in merchants}
        books = await self._books(work, "split.split-requested#0")
        for it, order in orders:
            legs = _legs(order, rates)
            work.insert("orders", _order(it, order, legs, work.now))
            account = order.payments[0].channel_account
            entries = {_account(leg.receiver): leg.amount_minor for leg in legs}
            entries[f"channel:clearing/{account}"] = -sum(entries.values())
            books.post(it, "split", (order.marketplace, order.currency), entries)
            payout = PayoutRequested(
                marketplace=order.marketplace,
                payout_id=f"o:{order.order_id}.1",
                document=f"o:{order.order_id}",
                currency=order.currency,
                channel_profile=order.payments[0].channel_profile,
                channel_account=account,
                legs=legs,
            )
            work.events.append(Event("payout-requested", it, f"{payout.payout_id}/pay", encode(payout)))
        books.close()

    async def settle(self, work: Work, batch: list[Taken]) -> None:
        """Book what the institution did."""
        left_out = {"body": 0, "hash": 0, "early": 0}
        stored = await found(self._database.orders, (it.key for it in batch), left_out, work.session)
        orders = {it["_id"]: it for it in stored}
        books = await self._books(work, "split.payout-settled#0")
        for it in batch:
            order, settled = orders[it.key], messages.settled(it.value)
            if order["revisions"]:
                continue
            states = {f"shares.{place}.state": "paid" for place in range(len(order["shares"]))}
            change = {"$set": states | {"revisions.1": settled.revision}}
            work.update("orders", it.key, change)
            books.post(it, "settle", (settled.marketplace, settled.currency), _paid(settled))
        books.close()

    async def _books(self, work: Work, stripe: str) -> Books:
        return Books(work, stripe, await self._database.heads.find_one({"_id": stripe}, session=work.session))


def _legs(order: Order, rates: dict[str, int]) -> list[Leg]:
    legs, commission = [], 0
    for line in order.lines:
        kept = line.amount_minor * rates[line.merchant] // 10_000
        commission += kept
        why = Breakdown(gross_minor=line.amount_minor, freight_minor=line.freight_minor, commission_minor=kept)
        amount = line.amount_minor + line.freight_minor - kept
        legs.append(_leg(order, f"merchant:{line.merchant}", amount, why))
    fee = order.payments[0].fee_minor
    why = Breakdown(gross_minor=commission, fee_minor=fee)
    return [*legs, _leg(order, COMMISSION, commission - fee, why)]


def _leg(order: Order, receiver: str, amount_minor: int, breakdown: Breakdown) -> Leg:
    leg_id = f"{order.marketplace}/o:{order.order_id}/{receiver}/1"
    return Leg(leg_id=leg_id, receiver=receiver, amount_minor=amount_minor, breakdown=breakdown)


def _account(receiver: str) -> str:
    return receiver if receiver == COMMISSION else f"merchant:in_transit/{receiver.partition(':')[2]}"


def _paid(settled: PayoutSettled) -> dict[str, int]:
    entries = {_account(leg.receiver): -leg.amount_minor for leg in settled.legs}
    entries[f"channel:clearing/{settled.channel_account}"] = -sum(entries.values())
    return entries


def _order(it: Taken, order: Order, legs: list[Leg], now: datetime) -> dict[str, Any]:
    shares = [
        {
            **SHARE,
            "path": leg.receiver,
            "receiver": leg.receiver,
            "merchant": leg.receiver.partition(":")[2],
            "amount_minor": leg.amount_minor,
            "breakdown": msgspec.to_builtins(leg.breakdown),
            "payout_id": f"o:{order.order_id}.1",
            "state": "in_transit",
        }
        for leg in legs
    ]
    return {
        "_id": it.key,
        "marketplace": order.marketplace,
        "order_id": order.order_id,
        "currency": order.currency,
        "channel_profile": order.payments[0].channel_profile,
        "channel_account": order.payments[0].channel_account,
        "shares": shares,
        "subsidies": [],
        "subsidy_due_minor": 0,
        "payouts": 1,
        "revisions": {},
        "state": "split",
        "hash": digest(it.value),
        "body": it.value,
        "paid_at": order.paid_at,
        "origin_time": datetime.now(UTC),
        "split_at": now,
    }
