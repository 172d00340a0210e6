"""Composition root: everything is wired here by hand, nothing at import time."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from fastapi import FastAPI

from payments import api, signals, store
from payments.channels import chosen
from payments.channels.keys import Keys
from payments.channels.port import Channel
from payments.channels.sandbox import SandboxChannel
from payments.channels.source import SandboxSource
from payments.consumers import consumers
from payments.dispatch import paces, sweep
from payments.dispatch.lanes import Lanes
from payments.dispatch.paying import Paying
from payments.dispatch.proving import Proving
from payments.dispatch.refunding import Refunding
from payments.dispatch.sweep import Sweep
from payments.domain.claims import PROFILES
from payments.domain.payouts import Payout
from payments.domain.refunds.refund import Refund
from payments.handlers import Doubts, Ingress, MerchantHandlers, OrderHandlers, PayoutHandlers, RefundHandlers
from payments.metrics import Metrics
from payments.settings import Settings
from payments.store.handovers import HandOvers
from payments.store.merchants import Merchants
from payments.store.orders import Asked, Orders
from payments.store.payouts import Payouts
from payments.store.refunds import Refunds
from shared.commits import Commits
from shared.marketplaces import Marketplaces
from shared.mongo import Database
from shared.service import Service
from shared.settings import load


@dataclass(frozen=True)
class Parts:
    """Payments without Kafka and HTTP: its stores, use cases, lanes and sweep."""

    channels: Mapping[str, Channel]
    orders: Orders
    payouts: Payouts
    refunds: Refunds
    proofs: Lanes[Asked]
    transfers: Lanes[Payout]
    money_back: Lanes[Refund]
    sweep: Sweep
    take_orders: OrderHandlers
    take_payouts: PayoutHandlers
    take_refunds: RefundHandlers
    take_merchants: MerchantHandlers
    ingress: Ingress
    doubts: Doubts

    @property
    def stores(self) -> api.Stores:
        """What the routes read."""
        return api.Stores(self.orders, self.payouts, self.refunds)

    def open_lanes(self) -> Counter[str]:
        """Return how many lanes of each profile have an institution that did not answer."""
        return self.proofs.open() + self.transfers.open() + self.money_back.open()

    async def run(self) -> None:
        """Run the lanes until cancelled, then let go of the institutions."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.proofs.run())
                group.create_task(self.transfers.run())
                group.create_task(self.money_back.run())
        finally:
            for channel in set(self.channels.values()):
                await channel.close()


def assemble(
    database: Database,
    commits: Commits,
    marketplaces: Marketplaces,
    channels: Mapping[str, Channel],
    metrics: Metrics,
) -> Parts:
    """Wire the parts; `channels` by profile."""
    orders, payouts, refunds = Orders(database), Payouts(database), Refunds(database)
    merchants = Merchants(database)
    handovers = HandOvers(database)
    sweeping = Sweep(database, orders, payouts, refunds, handovers, commits)
    proving = Proving(channels.__getitem__, orders, commits)
    paying = Paying(channels.__getitem__, payouts, commits)
    refunding = Refunding(channels.__getitem__, refunds, orders, commits)
    proofs = Lanes("prove", proving.send, sweeping.recovered, paces.of("query"))
    transfers = Lanes("pay", paying.send, sweeping.recovered, paces.of("pay"))
    money_back = Lanes("refund", refunding.send, sweeping.recovered, paces.of("return"))
    paying.hand, refunding.hand = transfers.hand, money_back.hand
    proofs.concluded = transfers.concluded = money_back.concluded = handovers.close
    proofs.reload = partial(sweeping.left_orders.reload, proofs)
    transfers.reload = partial(sweeping.left_payouts.reload, transfers)
    money_back.reload = partial(sweeping.left_refunds.reload, money_back)
    paying.on_settled = metrics.settled
    return Parts(
        channels=channels,
        orders=orders,
        payouts=payouts,
        refunds=refunds,
        proofs=proofs,
        transfers=transfers,
        money_back=money_back,
        sweep=sweeping,
        take_orders=OrderHandlers(orders, handovers, marketplaces, proofs),
        take_payouts=PayoutHandlers(orders, payouts, handovers, marketplaces, merchants, transfers),
        take_refunds=RefundHandlers(orders, payouts, refunds, handovers, money_back),
        take_merchants=MerchantHandlers(merchants),
        ingress=Ingress(orders, commits),
        doubts=Doubts(database, payouts, refunds, commits),
    )


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the service; `python -m uvicorn --factory payments.app:create_app` runs it."""
    settings = settings or load(Settings)
    service = Service("payments", settings, store.INDEXES)
    timeout_s = settings.institution_timeout_s
    sandbox = SandboxChannel(str(settings.institution_url), timeout_s)
    metrics = Metrics(service.metrics)
    channels = chosen.channels(PROFILES, sandbox.under, settings.credentials_dir, timeout_s)
    parts = assemble(service.database, service.commits, service.marketplaces, channels, metrics)
    source = SandboxSource(str(settings.institution_url), timeout_s)
    sources = {name: source for name, channel in channels.items() if isinstance(channel, SandboxChannel)}
    heard = signals.install(service, parts, sources, Keys(settings.keys_dir), chosen.ears(settings.credentials_dir))
    consumers(
        service.intake,
        parts.take_orders,
        parts.take_payouts,
        parts.take_refunds,
        parts.take_merchants,
        heard.take_bindings,
    )
    service.background(parts.run)
    service.sample(lambda: metrics.sample(service.database, parts.open_lanes()))
    service.sweep("proofs", sweep.EVERY_S, lambda: parts.sweep.orders(parts.proofs))
    service.sweep("payouts", sweep.EVERY_S, lambda: parts.sweep.payouts(parts.transfers))
    service.sweep("refunds", sweep.EVERY_S, lambda: parts.sweep.refunds(parts.money_back))
    service.app.include_router(api.routes(parts.ingress, parts.doubts, parts.stores, service.marketplaces))
    return service.app
