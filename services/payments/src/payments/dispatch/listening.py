"""Does what callbacks hint at: has the institution asked, and later holds what was told against what it says then.

Never inside the request that brought one. What is done here may be done twice, or by two replicas: it only asks.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from payments.channels.port import NotSentError
from payments.channels.source import Source, Standing
from payments.dispatch.lanes import Line
from payments.dispatch.polling import Polling
from payments.domain import schedule
from payments.domain.callbacks import Type, contradicted
from payments.signal_metrics import SignalMetrics
from payments.store.callbacks import Callbacks, Disagreement, Stored
from payments.store.orders import Orders
from payments.store.payouts import Payouts
from shared import leases
from shared.mongo import Database

EVERY_S: Final = 2.0
BATCH_MAX: Final = 500
ROUNDS_MAX: Final = 25
AT_A_TIME: Final = 8
COMPARED_AFTER_S: Final = 5.0
"""An institution may tell before its own books can be asked; and what is asked at once is asked by the lanes."""

TRIES_MAX: Final = 10
"""Five days. An institution that gives no answer for so long contradicts nothing: what is told of late is in its bill.
Callbacks are kept for seven (`KEPT_S`): beyond that nobody would say that one was given up."""

NOT_KNOWN: Final = "not_known"

log = structlog.get_logger(__name__)


class Located(Protocol):
    """Asks again after a payout that is final, of which a bank may have returned money."""

    async def __call__(self, key: str) -> object:
        """Have the institution asked after what a payout has paid, by `<marketplace>/<payout id>`."""


class Due(Protocol):
    """Makes refunds due that wait and have one of these numbers."""

    async def __call__(self, profile: str, account: str, now: datetime, numbers: Sequence[str]) -> object:
        """Let them be looked at now."""


class Hinted(Protocol):
    """Has the institution asked after bindings."""

    async def __call__(self, numbers: Iterable[str], now: datetime) -> object:
        """Have these asked after now, by their numbers."""


class Listening:
    """What is done about the callbacks that are stored."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        database: Database,
        orders: Orders,
        payouts: Payouts,
        polling: Polling,
        metrics: SignalMetrics,
    ) -> None:
        """Take `sources` by profile."""
        self.doubt: Located = _nothing
        self.refunds_due: Due = _none
        """Told, too, of transfers that have changed: refunds have some."""
        self.ask_bindings: Hinted = _nobody
        self._sources = sources
        self._database = database
        self._callbacks = Callbacks(database)
        self._orders = orders
        self._payouts = payouts
        self._polling = polling
        self._metrics = metrics
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Say that there is a new callback."""
        self._news.set()

    async def run(self) -> None:
        """Do about new callbacks at once, for ever. What this leaves, the sweep takes."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self.once()
            except Exception:
                log.exception("callbacks left to the sweep")

    async def once(self) -> int:
        """Do about every callback that is due; return how many those were."""
        total = 0
        for _ in range(ROUNDS_MAX):
            now = await leases.now(self._database)
            due = await self._callbacks.due(now, BATCH_MAX)
            await self._act([it for it in due if it.step == "act"], now)
            await self._compare([it for it in due if it.step == "compare"], now)
            total += len(due)
            if len(due) < BATCH_MAX:
                break
        return total

    async def _act(self, some: list[Stored], now: datetime) -> None:
        for (line, kind), hints in _grouped(some).items():
            subjects = sorted({it.subject for it in hints})
            match kind:
                case "payment.succeeded":
                    await self._orders.make_due(line.profile, line.account, now, subjects)
                case "transfer.changed":
                    await self._payouts.make_due(line.profile, line.account, now, subjects)
                    await self.refunds_due(line.profile, line.account, now, subjects)
                case "movement.happened":
                    await self._polling.hear_of(line)
                case "binding.changed":
                    await self.ask_bindings(subjects, now)
        if some:
            later = now + timedelta(seconds=COMPARED_AFTER_S)
            await self._callbacks.put_off([it for it in some if it.type in _COMPARED], "compare", later)
            await self._callbacks.done([it for it in some if it.type not in _COMPARED])

    async def _compare(self, some: list[Stored], now: datetime) -> None:
        places = asyncio.Semaphore(AT_A_TIME)

        async def one(line: Line, kind: Type, hints: list[Stored]) -> None:
            async with places:
                try:
                    await self._compare_line(line, kind, hints, now)
                except NotSentError as error:
                    given_up = [it for it in hints if it.tries >= TRIES_MAX]
                    if given_up:
                        log.warning("callbacks not compared", line=line, callbacks=len(given_up), error=str(error))
                    await self._callbacks.done(given_up)
                    for it in hints:
                        if it.tries < TRIES_MAX:
                            await self._callbacks.put_off([it], "compare", schedule.ask_at(it.tries, now))

        await asyncio.gather(*(one(line, kind, hints) for (line, kind), hints in _grouped(some).items()))

    async def _compare_line(self, line: Line, kind: Type, hints: list[Stored], now: datetime) -> None:
        source = self._sources.get(line.profile)
        if source is None:  # it is asked in another way
            await self._callbacks.done(hints)
            return
        subjects = sorted({it.subject for it in hints})
        if kind == "payment.succeeded":
            paid = await source.paid(line.account, subjects)
            for it in hints:
                if it.subject not in paid:
                    await self._disagree(it, NOT_KNOWN, now)
        else:
            standings = await source.standings(line.account, subjects)
            for it in hints:
                found = standings.get(it.subject)
                if contradicted(it.told, found.state if found else None):
                    await self._disagree(it, found.state if found else NOT_KNOWN, now)
            await self._locate(line, [it for it in standings.values() if it.state == "returned"])
        await self._callbacks.done(hints)

    async def _locate(self, line: Line, returned: list[Standing]) -> None:
        """Have the payouts asked after that these numbers are of, where the institution says of which payment."""
        owners = await self._orders.claimed({f"{line.account}/{it.of}" for it in returned if it.of})
        for it in returned:
            order = owners.get(f"{line.account}/{it.of}")
            for payout in await self._payouts.of_order(order) if order else []:
                if any(leg["channel_number"] == it.number and leg["state"] == "succeeded" for leg in payout["legs"]):
                    await self.doubt(payout["_id"])

    async def _disagree(self, it: Stored, found: str, now: datetime) -> None:
        if await self._callbacks.disagree(Disagreement(hint=it, found=found, at=now)):
            self._metrics.disagreement(it.profile, it.type)
            log.error("the institution contradicts its callback", callback=it.key, told=it.told, found=found)


_COMPARED: Final = frozenset[Type]({"payment.succeeded", "transfer.changed"})


def _grouped(some: Iterable[Stored]) -> dict[tuple[Line, Type], list[Stored]]:
    found: dict[tuple[Line, Type], list[Stored]] = {}
    for it in some:
        found.setdefault((Line(it.profile, it.account), it.type), []).append(it)
    return found


async def _nobody(numbers: Iterable[str], now: datetime) -> None:
    """Nobody is asked."""


async def _none(profile: str, account: str, now: datetime, numbers: Sequence[str]) -> None:
    """Make nothing due."""


async def _nothing(key: str) -> None:
    """Nobody is asked."""
