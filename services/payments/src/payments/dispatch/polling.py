"""Asks institutions what they moved by themselves, and tells of every movement once, in the order in which it happened.

What is asked is the institution's list behind a cursor. A page is recorded in one transaction with the cursor, the
events and what it does to its orders, so that neither a crash nor another replica tells of a movement twice.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog

from payments.channels.port import NotSentError
from payments.channels.source import Page, Source, Told
from payments.dispatch.lanes import Line
from payments.domain.movements import TAKES, Kept, Movement, Order, came_minor, judged
from payments.store.channel_accounts import ChannelAccounts, Known
from payments.store.movements import Movements
from payments.store.orders import Orders
from shared import leases
from shared.commits import Commits
from shared.marketplaces import Marketplaces
from shared.mongo import Database
from shared.work import Work

EVERY_S: Final = 2.0
POLLED_EVERY_S: Final = 60.0
"""Of one account, unless somebody hints that there is something new."""

SILENT_AGAIN_S_MAX: Final = 600.0
"""How long an account is left alone at most that gives no answer."""

ACCOUNTS_MAX: Final = 200
AT_A_TIME: Final = 8
PAGE_MAX: Final = 200
PAGES_MAX: Final = 25
"""Of one account in one pass; the rest is asked for in the next."""

log = structlog.get_logger(__name__)


class Polling:
    """The movements of every account that payments knows."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        database: Database,
        orders: Orders,
        marketplaces: Marketplaces,
        commits: Commits,
    ) -> None:
        """Take `sources` by profile."""
        self._sources = sources
        self._database = database
        self._accounts = ChannelAccounts(database)
        self._movements = Movements(database)
        self._orders = orders
        self._marketplaces = marketplaces
        self._commits = commits

    async def hear_of(self, line: Line) -> None:
        """Have an account asked about at once, and from now on every minute."""
        await self._accounts.ask_now(line.profile, line.account, await leases.now(self._database))

    async def once(self) -> int:
        """Ask about every account that is due, look again at what waits; return how many movements were new."""
        now = await leases.now(self._database)
        places = asyncio.Semaphore(AT_A_TIME)

        async def ask(known: Known) -> int:
            async with places:
                return await self._ask(known)

        found = await asyncio.gather(*(ask(it) for it in await self._accounts.due(now, ACCOUNTS_MAX)))
        for account in await self._movements.due(now, ACCOUNTS_MAX):
            await self._look_again(account)
        return sum(found)

    async def _ask(self, known: Known) -> int:
        source, total = self._sources.get(known.profile), 0
        if source is None:
            await self._accounts.put_off([known], await self._later(SILENT_AGAIN_S_MAX))
            return 0
        for _ in range(PAGES_MAX):
            asked_at = await leases.now(self._database)
            try:
                page = await source.movements(known.account, known.cursor, PAGE_MAX)
            except NotSentError as error:
                if not known.failures:
                    log.warning("movements not told", profile=known.profile, account=known.account, error=str(error))
                again_s = min(SILENT_AGAIN_S_MAX, POLLED_EVERY_S * 2.0 ** min(known.failures, 8))
                await self._accounts.put_off([known], await self._later(again_s))
                return total
            new, after = await self._record(known, page, asked_at)
            total += new
            if after is None or len(page.movements) < PAGE_MAX or after.cursor == known.cursor:
                return total
            known = after
        return total

    async def _record(self, known: Known, page: Page, asked_at: datetime) -> tuple[int, Known | None]:
        """Record a page; return how many movements were new, and the account after it. None: another was faster."""

        async def decide(work: Work) -> tuple[int, Known | None]:
            standing = await self._accounts.known(known.key, work.session)
            if standing is None or standing.cursor != known.cursor:
                return 0, None
            now = await leases.now(self._database)
            told = [_movement(known, it, now) for it in page.movements]
            there = await self._movements.known((it.key for it in told), work.session)
            new: dict[str, Movement] = {}
            for it in told:
                if it.key not in there and it.key not in new:
                    new[it.key] = msgspec.structs.replace(it, place=standing.count + len(new))
            if new:
                waiting = await self._movements.waiting(known.account, work.session)
                await self._settle(work, waiting, list(new.values()), now)
            cursor = page.next_cursor or standing.cursor
            more = len(page.movements) == PAGE_MAX or standing.hinted_at >= asked_at
            due_at = now if more else now + timedelta(seconds=POLLED_EVERY_S)
            self._accounts.advance(work, standing, cursor, standing.count + len(new), due_at)
            return len(new), msgspec.structs.replace(
                standing, cursor=cursor, count=standing.count + len(new), failures=0
            )

        return await self._commits.run(decide, origin="clock")

    async def _look_again(self, account: str) -> None:
        async def decide(work: Work) -> None:
            waiting = await self._movements.waiting(account, work.session)
            await self._settle(work, waiting, [], await leases.now(self._database))

        await self._commits.run(decide, origin="clock")

    async def _settle(self, work: Work, waiting: Sequence[Movement], new: Sequence[Movement], now: datetime) -> None:
        """Tell of what can be told: what waited first, so that a reversal never passes what it reverses."""
        all_of_them = [*waiting, *new]
        wanted = {it.claim for it in all_of_them if it.claim is not None}
        claims = await self._orders.claimed(wanted, work.session)
        paid = await self._orders.payable(set(claims.values()), work.session)
        orders = {claim: Order(key, paid[key]["channel_profile"]) for claim, key in claims.items()}
        for number, it in enumerate(all_of_them):
            owner = self._marketplaces.owner_of(it.profile, it.account)
            kept = judged(it, orders.get(it.claim or ""), owner.id if owner else None, now)
            if number < len(waiting):
                self._movements.settle(work, it, kept)
            else:
                self._movements.add(work, it, kept)
            self._tell(work, it, kept)

    def _tell(self, work: Work, it: Movement, kept: Kept) -> None:
        if kept.event is not None:
            work.publish(kept.event)
            if kept.order is not None:
                came = came_minor(it)
                self._orders.moved(work, kept.order, came, covered_minor=came if it.kind in TAKES else 0)
        elif kept.state in {"unowned", "unreadable"}:
            log.error("movement kept as a case", movement=it.key, state=kept.state, detail=kept.detail)

    async def _later(self, after_s: float) -> datetime:
        return await leases.now(self._database) + timedelta(seconds=after_s)


def _movement(known: Known, it: Told, now: datetime) -> Movement:
    return Movement(
        profile=known.profile,
        account=known.account,
        place=0,
        movement_id=it.movement_id,
        kind=it.kind,
        currency=it.currency,
        amount_minor=it.amount_minor,
        moved_at=it.moved_at,
        payment_id=it.payment_id,
        receiver=it.receiver,
        reference=it.reference,
        reverses=it.reverses,
        seen_at=now,
    )
