"""Brings hand-overs back to their lanes: those that a crash left behind, and those that a full lane put off."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from payments.dispatch.lanes import Item, Lanes, Line
from payments.store.handovers import HandOver, HandOvers, Operation
from shared import leases
from shared.commits import Commits
from shared.mongo import Database, Session
from shared.work import Work

HANDOVERS_MAX: Final = 4
"""Brought back in one unit: each has up to 500 orders."""

ROUNDS_MAX: Final = 25

type Load[T] = Callable[[Iterable[str], Session], Awaitable[list[Item[T]]]]
"""Return those of these orders or payouts that are still to be sent, as a lane takes them."""


class Left[T]:
    """What is left of the hand-overs of one operation."""

    def __init__(
        self, operation: Operation, handovers: HandOvers, database: Database, commits: Commits, load: Load[T]
    ) -> None:
        self._operation = operation
        self._handovers = handovers
        self._database = database
        self._commits = commits
        self._load = load

    async def sweep(self, lanes: Lanes[T]) -> int:
        """Hand over again what is due by MongoDB's clock; return how many orders or payouts that were."""
        total = 0
        for _ in range(ROUNDS_MAX):

            async def due(work: Work) -> list[HandOver]:
                now = await leases.now(self._database)
                return await self._handovers.due(self._operation, now, HANDOVERS_MAX, work.session)

            found, items = await self._bring(lanes, due)
            total += items
            if found < HANDOVERS_MAX:
                break
        return total

    async def reload(self, lanes: Lanes[T], identities: list[str]) -> None:
        """Hand over what a lane had no room for."""

        async def named(work: Work) -> list[HandOver]:
            return await self._handovers.find(identities, work.session)

        await self._bring(lanes, named)

    async def _bring(self, lanes: Lanes[T], find: Callable[[Work], Awaitable[list[HandOver]]]) -> tuple[int, int]:
        """Commit that a lane has them from now on, then hand them over; so a second sweep leaves them alone."""

        async def decide(work: Work) -> tuple[int, int]:
            found = await find(work)
            now = await leases.now(self._database)
            handed: list[tuple[HandOver, list[Item[T]]]] = []
            for it in found:
                items = await self._load(it.keys, work.session)
                if items:
                    self._handovers.again(work, it.id, [item.id for item in items], now)
                    handed.append((it, items))
                else:
                    self._handovers.end(work, it.id)
            work.after_commit(lambda: _hand(lanes, handed))
            return len(found), sum(len(items) for _, items in handed)

        return await self._commits.run(decide, origin="clock")


def _hand[T](lanes: Lanes[T], handed: list[tuple[HandOver, list[Item[T]]]]) -> None:
    for it, items in handed:
        lanes.hand(Line(it.profile, it.account, it.receiver), items, it.id)
