"""The floor's merchant and aftersale: those who only keep what they hear."""

from typing import Any

from tests.bench.floor import messages
from tests.bench.floor.kit import Process, Taken, Work, digest, found


class Merchant:
    """Statements, one document for each payout."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def run(self) -> None:
        """Work for ever."""
        await self._process.run({"payout-settled": self.keep})

    async def keep(self, work: Work, batch: list[Taken]) -> None:
        """Keep an entry for each leg that was paid."""
        payouts = [messages.settled(it.value) for it in batch]
        statements = {f"{payout.marketplace}/{payout.payout_id}/0": payout for payout in payouts}
        fields = {"entries.leg_id": 1, "entries.attempt": 1, "entries.kind": 1, "more": 1}
        stored = await found(self._process.database.statements, statements, fields, work.session)
        known = {it["_id"] for it in stored}
        for identity, payout in statements.items():
            if identity not in known:
                work.insert("statements", _statement(identity, payout))


def _statement(identity: str, payout: messages.PayoutSettled) -> dict[str, Any]:
    return {
        "_id": identity,
        "marketplace": payout.marketplace,
        "payout_id": payout.payout_id,
        "document": payout.document,
        "currency": payout.currency,
        "at": payout.settled_at,
        "entries": [_entry(leg) for leg in payout.legs],
    }


def _entry(leg: messages.LegOutcome) -> dict[str, Any]:
    why = leg.breakdown
    parts = (("gross", why.gross_minor), ("freight", why.freight_minor), ("commission", -why.commission_minor))
    return {
        "leg_id": leg.leg_id,
        "attempt": leg.attempt,
        "kind": "paid",
        "owner": leg.receiver,
        "amount_minor": leg.amount_minor,
        "lines": [{"kind": kind, "amount_minor": minor} for kind, minor in parts if minor],
    }


class Aftersale:
    """Copies of orders."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def run(self) -> None:
        """Work for ever."""
        await self._process.run({"order-paid": self.copy})

    async def copy(self, work: Work, batch: list[Taken]) -> None:
        """Keep each order as it came."""
        stored = await found(self._process.database.orders, (it.key for it in batch), {"body": 0}, work.session)
        known = {it["_id"] for it in stored}
        for it in batch:
            if it.key in known:
                continue
            order = messages.order(it.value)
            work.insert(
                "orders",
                {
                    "_id": it.key,
                    "marketplace": order.marketplace,
                    "order_id": order.order_id,
                    "hash": digest(it.value),
                    "body": it.value,
                    "claimed_at": work.now,
                    "state": "paid",
                    "rejection": None,
                    "others": [],
                    "version": 1,
                    "changed_at": work.now,
                },
            )
