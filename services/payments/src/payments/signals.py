"""Wires what institutions say and do by themselves: callbacks in, what they hint at, movements. By hand, as app.py."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from payments.api import bindings as bindings_api
from payments.api import callbacks as callbacks_api
from payments.api import cases
from payments.channels.ear import Ear
from payments.channels.keys import Keys
from payments.channels.source import Source
from payments.dispatch import binding, listening, polling
from payments.dispatch.binding import Bind
from payments.dispatch.listening import Listening
from payments.dispatch.polling import Polling
from payments.dispatch.sweep import Sweep
from payments.handlers.bindings import Answers, BindingHandlers
from payments.handlers.callbacks import CallbackHandlers
from payments.handlers.doubts import Doubts
from payments.signal_metrics import SignalMetrics
from payments.store.bindings import Bindings
from payments.store.callbacks import Callbacks
from payments.store.movements import Movements
from payments.store.orders import Orders
from payments.store.payouts import Payouts
from payments.store.refunds import Refunds
from shared.commits import Commits
from shared.marketplaces import Marketplaces
from shared.mongo import Database
from shared.service import Service


class Behind(Protocol):
    """The parts of payments that institutions' news are brought to."""

    @property
    def orders(self) -> Orders:
        """What is proved."""

    @property
    def payouts(self) -> Payouts:
        """What is paid out."""

    @property
    def sweep(self) -> Sweep:
        """What tells of accounts that answer."""

    @property
    def doubts(self) -> Doubts:
        """What is asked after again."""


@dataclass(frozen=True)
class Signals:
    """What takes callbacks, does about them, and asks for movements."""

    sources: Mapping[str, Source]
    callbacks: CallbackHandlers
    listening: Listening
    polling: Polling
    bind: Bind
    take_bindings: BindingHandlers
    answers: Answers

    async def run(self) -> None:
        """Do about callbacks and bindings until cancelled, then let go of the institutions."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.listening.run())
                group.create_task(self.bind.lanes.run())
        finally:
            await asyncio.gather(*(source.close() for source in set(self.sources.values())))


def assemble(  # noqa: PLR0913, PLR0917 - each is a part that is wired
    database: Database,
    commits: Commits,
    marketplaces: Marketplaces,
    behind: Behind,
    sources: Mapping[str, Source],
    keys: Keys,
    metrics: SignalMetrics,
    ears: Mapping[str, Ear] | None = None,
) -> Signals:
    """Wire the parts; `sources` by profile, and `ears` of those that sign in a way of their own."""
    asking = Polling(sources, database, behind.orders, marketplaces, commits)
    hearing = Listening(sources, database, behind.orders, behind.payouts, asking, metrics)
    hearing.doubt = behind.doubts.ask_again
    hearing.refunds_due = Refunds(database).make_due
    behind.sweep.heard_of = asking.hear_of
    taking = CallbackHandlers(keys, marketplaces, Callbacks(database), commits, metrics, ears or {})
    taking.stored = hearing.wake
    bindings = Bindings(database)
    bind = Bind(sources, bindings, database, commits)
    hearing.ask_bindings = bindings.make_due
    take_bindings = BindingHandlers(bindings, marketplaces, keys, bind.lanes)
    answers = Answers(database, bindings, commits, bind.lanes)
    return Signals(sources, taking, hearing, asking, bind, take_bindings, answers)


def install(
    service: Service, behind: Behind, sources: Mapping[str, Source], keys: Keys, ears: Mapping[str, Ear]
) -> Signals:
    """Add to the service what takes callbacks, does about them, and asks for movements and bindings; return that."""
    database, marketplaces = service.database, service.marketplaces
    metrics = SignalMetrics(service.metrics)
    it = assemble(database, service.commits, marketplaces, behind, sources, keys, metrics, ears)
    service.background(it.run)
    service.sweep("callbacks", listening.EVERY_S, it.listening.once)
    service.sweep("movements", polling.EVERY_S, it.polling.once)
    service.sweep("bindings", binding.EVERY_S, it.bind.sweep)
    service.app.include_router(callbacks_api.routes(it.callbacks))
    service.app.include_router(bindings_api.routes(it.answers, Bindings(database), marketplaces))
    service.app.include_router(cases.routes(Callbacks(database), Movements(database), marketplaces))
    return it
