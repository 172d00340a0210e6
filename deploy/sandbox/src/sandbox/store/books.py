"""How payments, funds, transfers and balances are stored: `_id` is `<account>/` and the number or place. No rule."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pymongo import ReplaceOne, UpdateOne

from sandbox.domain.books import Change, Place
from sandbox.domain.payments import Fund, Payment
from sandbox.domain.transfers import Record, Transfer
from sandbox.store.connection import Database, Document, Session


class Books:
    """The books of all channel accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def payments(
        self, account: str, payment_ids: Iterable[str], session: Session | None = None
    ) -> dict[str, Payment]:
        """Return the known ones of these payments."""
        documents = await self._known("payments", account, payment_ids, session)
        return {payment_id: _payment(payment_id, document) for payment_id, document in documents}

    async def fund(self, account: str, fund_id: str, session: Session) -> Fund | None:
        """Return the deposit of this number, if there is one."""
        for number, document in await self._known("funds", account, [fund_id], session):
            return Fund(
                fund_id=number,
                pocket=document["pocket"],
                currency=document["currency"],
                amount_minor=int(document["amount_minor"]),
            )
        return None

    async def transfers(
        self, account: str, numbers: Iterable[str], session: Session | None = None
    ) -> dict[str, Record]:
        """Return the known ones of these transfers."""
        documents = await self._known("transfers", account, numbers, session)
        return {number: _transfer(number, document) for number, document in documents}

    async def balances(self, account: str, places: Iterable[Place], session: Session) -> dict[Place, int]:
        """Return the balances of these pockets; one that never moved is not in the answer."""
        wanted = {f"{pocket}/{currency}": (pocket, currency) for pocket, currency in places}
        documents = await self._known("pockets", account, wanted, session)
        return {wanted[key]: int(document["balance_minor"]) for key, document in documents}

    async def add_payments(self, account: str, change: Change[Payment], now: datetime, session: Session) -> None:
        """Record new payments and what they moved."""
        documents = [
            {
                "_id": f"{account}/{payment.payment_id}",
                "amount_minor": payment.amount_minor,
                "currency": payment.currency,
                "fee_minor": payment.fee_minor,
                "at": now,
            }
            for payment in change.records
        ]
        if documents:
            await self._database.payments.insert_many(documents, session=session)
            await self._move(account, change, session)

    async def add_funds(self, account: str, change: Change[Fund], now: datetime, session: Session) -> None:
        """Record new deposits and what they moved."""
        documents = [
            {
                "_id": f"{account}/{fund.fund_id}",
                "pocket": fund.pocket,
                "currency": fund.currency,
                "amount_minor": fund.amount_minor,
                "at": now,
            }
            for fund in change.records
        ]
        if documents:
            await self._database.funds.insert_many(documents, session=session)
            await self._move(account, change, session)

    async def add_transfers(self, account: str, change: Change[Record], now: datetime, session: Session) -> None:
        """Record new transfers and what they moved."""
        if change.records:
            documents = [_document(account, record, now) for record in change.records]
            await self._database.transfers.insert_many(documents, session=session)
            await self._move(account, change, session)

    async def conclude_transfers(self, account: str, change: Change[Record], now: datetime, session: Session) -> None:
        """Replace accepted transfers by their outcome, and record what that moved."""
        replacements = [
            ReplaceOne({"_id": document["_id"], "state": "accepted"}, document)
            for document in (_document(account, record, now) for record in change.records)
        ]
        if replacements:
            await self._database.transfers.bulk_write(replacements, session=session)
            await self._move(account, change, session)

    async def payments_after(self, account: str, cursor: str, limit: int) -> list[Payment]:
        """Return the next payments by number, for the audit."""
        return [_payment(*row) for row in await self._after("payments", account, cursor, limit)]

    async def transfers_after(self, account: str, cursor: str, limit: int) -> list[Record]:
        """Return the next transfers by number, for the audit."""
        return [_transfer(*row) for row in await self._after("transfers", account, cursor, limit)]

    async def pockets(self, account: str, limit: int) -> list[tuple[Place, int]]:
        """Return the balances of the account's pockets by name and currency."""
        rows = await self._after("pockets", account, "", limit)
        return [(_place(key), int(document["balance_minor"])) for key, document in rows]

    async def receivers_after(self, account: str, cursor: str, limit: int) -> list[tuple[Place, int]]:
        """Return what the next receivers got, by name and currency, summed over their transfers.

        Nothing is decided by them, and a kept balance cost MongoDB more than the transfer itself. So every page of this
        reads all transfers of the account; it is for people and for tests.
        """
        got = {"_id": _keys(account), "kind": "payout", "state": "succeeded"}
        name = {"$concat": ["$receiver", "/", "$currency"]}
        pipeline: list[Document] = [
            {"$match": got},
            {"$group": {"_id": name, "balance_minor": {"$sum": "$amount_minor"}}},
            {"$match": {"_id": {"$gt": cursor}}},
            {"$sort": {"_id": 1}},
            {"$limit": limit},
        ]
        rows = await self._database.transfers.aggregate(pipeline, batchSize=limit).to_list(None)
        return [(_place(row["_id"]), int(row["balance_minor"])) for row in rows]

    async def _after(self, collection: str, account: str, cursor: str, limit: int) -> list[tuple[str, Document]]:
        """Return the next documents by key: what is there keeps its place, whatever is added meanwhile."""
        cut = len(account) + 1
        wanted = {"_id": _keys(account, cursor)}
        found = self._database[collection].find(wanted, batch_size=limit).sort("_id", 1).limit(limit)
        return [(document["_id"][cut:], document) for document in await found.to_list(None)]

    async def _known(
        self, collection: str, account: str, keys: Iterable[str], session: Session | None
    ) -> list[tuple[str, Document]]:
        """Return the documents of these keys with their keys, which the account is cut off from."""
        cut = len(account) + 1
        identities = [f"{account}/{key}" for key in keys]
        cursor = self._database[collection].find(
            {"_id": {"$in": identities}}, session=session, batch_size=len(identities) + 1
        )
        return [(document["_id"][cut:], document) for document in await cursor.to_list(None)]

    async def _move(self, account: str, change: Change[Any], session: Session) -> None:
        increments = [
            UpdateOne({"_id": f"{account}/{name}/{currency}"}, {"$inc": {"balance_minor": amount}}, upsert=True)
            for (name, currency), amount in sorted(change.pockets.items())
            if amount
        ]
        if increments:
            await self._database.pockets.bulk_write(increments, session=session)


# `int(...)` below: the driver reads a long integer as a class of its own, which JSON encoding refuses.


def _keys(account: str, cursor: str = "") -> Document:
    """Return the query for the keys of an account after this one."""
    return {"$gt": f"{account}/{cursor}", "$lt": f"{account}0"}  # `0` follows `/`


def _place(key: str) -> Place:
    name, _, currency = key.rpartition("/")
    return name, currency


def _payment(payment_id: str, document: Document) -> Payment:
    return Payment(
        payment_id=payment_id,
        amount_minor=int(document["amount_minor"]),
        currency=document["currency"],
        fee_minor=int(document["fee_minor"]),
    )


def _transfer(number: str, document: Document) -> Record:
    transfer = Transfer(
        number=number,
        kind=document["kind"],
        receiver=document["receiver"],
        currency=document["currency"],
        amount_minor=int(document["amount_minor"]),
    )
    return Record(
        transfer=transfer, state=document["state"], reason=document["reason"], executed_at=document["executed_at"]
    )


def _document(account: str, record: Record, now: datetime) -> Document:
    transfer = record.transfer
    return {
        "_id": f"{account}/{transfer.number}",
        "kind": transfer.kind,
        "receiver": transfer.receiver,
        "currency": transfer.currency,
        "amount_minor": transfer.amount_minor,
        "state": record.state,
        "reason": record.reason,
        "executed_at": record.executed_at,
        "at": now,
    }
