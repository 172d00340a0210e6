"""The floor's merchant and aftersale: those who only keep what they hear."""

from tests.bench.floor import messages
from tests.bench.floor.kit import Process, Taken, Work, digest, found


class Merchant:
    """Statement lines, one for each leg."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def run(self) -> None:
        """Work for ever."""
        await self._process.run({"payout-settled": self.keep})

    async def keep(self, work: Work, batch: list[Taken]) -> None:
        """Keep a line for each leg that was paid."""
        payouts = [messages.settled(it.value) for it in batch]
        lines = {f"{leg.leg_id}/{leg.attempt}/paid": (payout, leg) for payout in payouts for leg in payout.legs}
        stored = await found(self._process.database.statement_lines, lines, {"_id": 1}, work.session)
        known = {it["_id"] for it in stored}
        for identity, (payout, leg) in lines.items():
            if identity in known:
                continue
            why = leg.breakdown
            parts = (("gross", why.gross_minor), ("freight", why.freight_minor), ("commission", -why.commission_minor))
            work.insert(
                "statement_lines",
                {
                    "_id": identity,
                    "marketplace": payout.marketplace,
                    "merchant": leg.receiver,
                    "document": payout.document,
                    "payout_id": payout.payout_id,
                    "leg_id": leg.leg_id,
                    "attempt": leg.attempt,
                    "kind": "paid",
                    "amount_minor": leg.amount_minor,
                    "currency": payout.currency,
                    "at": payout.settled_at,
                    "lines": [{"kind": kind, "amount_minor": minor} for kind, minor in parts if minor],
                },
            )


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
