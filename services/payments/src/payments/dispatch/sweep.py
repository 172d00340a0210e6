"""Brings to the lanes what the clock makes due and what a crash left behind. Leased: one replica does it at a time.

The hand-over is committed before the lane has it, so a second sweep, or one on another replica, leaves it alone.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from payments.dispatch import paying, proving, refunding
from payments.dispatch.lanes import Item, Lanes, Line, Recovered
from payments.dispatch.left import Left
from payments.domain.outcomes import started
from payments.domain.payouts import Payout
from payments.domain.refunds import course
from payments.domain.refunds.refund import Refund
from payments.store.handovers import HandOvers
from payments.store.orders import Asked, Orders
from payments.store.payouts import Payouts
from payments.store.refunds import Refunds
from shared import leases
from shared.commits import Commits
from shared.mongo import Database, Session
from shared.work import Work

EVERY_S: Final = 2.0
BATCH_MAX: Final = 200
ROUNDS_MAX: Final = 25


class Sweep:
    """One pass over everything that is due, by MongoDB's clock."""

    def __init__(
        self,
        database: Database,
        orders: Orders,
        payouts: Payouts,
        refunds: Refunds,
        handovers: HandOvers,
        commits: Commits,
    ) -> None:
        self._database = database
        self._orders = orders
        self._payouts = payouts
        self._refunds = refunds
        self._commits = commits
        self.heard_of: Recovered = _nothing
        """Told, too, of an account that answers again, or for the first time."""

        async def orders_left(keys: Iterable[str], session: Session) -> list[Item[Asked]]:
            return [proving.item(it) for it in await orders.sending(keys, session)]

        async def payouts_left(keys: Iterable[str], session: Session) -> list[Item[Payout]]:
            return [paying.item(it) for it in await payouts.sending(keys, session)]

        async def refunds_left(keys: Iterable[str], session: Session) -> list[Item[Refund]]:
            return [refunding.item(it) for it in await refunds.sending(keys, session)]

        self.left_orders = Left("prove", handovers, database, commits, orders_left)
        self.left_payouts = Left("pay", handovers, database, commits, payouts_left)
        self.left_refunds = Left("refund", handovers, database, commits, refunds_left)

    async def orders(self, lanes: Lanes[Asked]) -> int:
        """Hand over the orders whose proof is due, or was left behind; return how many."""

        async def decide(work: Work) -> int:
            now = await leases.now(self._database)
            due = await self._orders.due(now, BATCH_MAX, work.session)
            for asked in due:
                self._orders.hand_over(work, asked, now)
            items = _by_line((proving.line(it), proving.item(it)) for it in due)
            work.after_commit(lambda: _hand(lanes, items))
            return len(due)

        return await self.left_orders.sweep(lanes) + await self._rounds(decide)

    async def payouts(self, lanes: Lanes[Payout]) -> int:
        """Hand over the payouts that are due to be sent or asked after, or were left behind; return how many."""

        async def decide(work: Work) -> int:
            now = await leases.now(self._database)
            due = await self._payouts.due(now, BATCH_MAX, work.session)
            handed = [started(it) if it.waits == "waiting_funds" else it for it in due]
            for before, after in zip(due, handed, strict=True):
                self._payouts.hand_over(work, before, after, now)
            items = _by_line((paying.line(it), paying.item(it)) for it in handed)
            work.after_commit(lambda: _hand(lanes, items))
            return len(due)

        return await self.left_payouts.sweep(lanes) + await self._rounds(decide)

    async def refunds(self, lanes: Lanes[Refund]) -> int:
        """Hand over the refunds that are due to be sent or asked after, or were left behind; return how many."""

        async def decide(work: Work) -> int:
            now = await leases.now(self._database)
            handed = [course.started(it) for it in await self._refunds.due(now, BATCH_MAX, work.session)]
            for after in handed:
                self._refunds.hand_over(work, after, now)
            items = _by_line((refunding.line(it), refunding.item(it)) for it in handed)
            work.after_commit(lambda: _hand(lanes, items))
            return len(handed)

        return await self.left_refunds.sweep(lanes) + await self._rounds(decide)

    async def recovered(self, line: Line) -> None:
        """Let everything of an account that answers again be asked for at once."""
        now = await leases.now(self._database)
        await self._orders.make_due(line.profile, line.account, now)
        await self._payouts.make_due(line.profile, line.account, now)
        await self._refunds.make_due(line.profile, line.account, now)
        await self.heard_of(line)

    async def _rounds(self, decide: Callable[[Work], Awaitable[int]]) -> int:
        total = 0
        for _ in range(ROUNDS_MAX):
            count = await self._commits.run(decide, origin="clock")
            total += count
            if count < BATCH_MAX:
                break
        return total


async def _nothing(_: Line) -> None:
    """Nobody is told."""


def _by_line[T](pairs: Iterable[tuple[Line, Item[T]]]) -> dict[Line, list[Item[T]]]:
    found: dict[Line, list[Item[T]]] = {}
    for line, item in pairs:
        found.setdefault(line, []).append(item)
    return found


def _hand[T](lanes: Lanes[T], items: dict[Line, list[Item[T]]]) -> None:
    for line, some in items.items():
        lanes.hand(line, some)
