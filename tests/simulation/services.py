"""The four services as replicas: which handlers, lanes and sweeps each of them runs. Wired as their `app.py` does."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from tests.simulation.institution import Institution, Line
from tests.simulation.replica import Replica, Surroundings

import aftersale.handlers
import merchant.app
import payments.app
import split.app
from aftersale.store import merchants as aftersale_merchants
from aftersale.store import orders as aftersale_orders
from merchant import store as merchant_store
from payments import store as payments_store
from shared import leases, outbox, parking
from shared.clock import Clock
from shared.messages import (
    CaseChanged,
    MerchantChanged,
    OrderPaid,
    OrderProgressed,
    OrderRejected,
    PayoutRequested,
    PayoutSettled,
    SplitRequested,
)
from shared.mongo import Index
from shared.topics import Topics
from split import store as split_store

DUE_EVERY_S: Final = 15.0
"""Payments' sweeps run every 2 s; nothing depends on it, and an idle sweep tells nothing."""

DEADLINES_EVERY_S: Final = 10.0
"""Split looks every second; nothing depends on it either."""

HELD_EVERY_S: Final = 45.0
RELEASE_EVERY_S: Final = 15.0

SERVICES: Final = ("payments", "split", "merchant", "aftersale")
ROOT: Final = Path(__file__).parents[2]
TAKERS: Final[Mapping[str, tuple[str, ...]]] = {
    topic.name: topic.consumers for topic in Topics.load(ROOT / "deploy" / "topics.yaml") if not topic.dead_letters_of
}
KIT: Final[Mapping[str, list[Index]]] = {**outbox.INDEXES, **parking.INDEXES, leases.COLLECTION: []}
INDEXES: Final[Mapping[str, Mapping[str, list[Index]]]] = {
    "payments": {**payments_store.INDEXES, **KIT},
    "split": {**split_store.INDEXES, **KIT},
    "merchant": {**merchant_store.INDEXES, **KIT},
    "aftersale": {"orders": [], "merchants": [], **KIT},
}

NO_ROUTES: Final[Any] = SimpleNamespace(routes=lambda *_: None, Behind=SimpleNamespace)
"""In place of a service's `api`: making its routes takes longer than a schedule."""


def start(around: Surroundings, institution: Institution, service: str, name: str) -> Replica:
    """Start a replica of a service."""
    replica = Replica(around, service, name)
    _STARTS[service](replica, around, institution)
    return replica


def _start_payments(it: Replica, around: Surroundings, institution: Institution) -> None:
    line = Line(institution, around.weather, it.process)
    parts = payments.app.assemble(it.database, it.commits, around.marketplaces, {"sandbox-direct": line}, it.metrics)
    it.background(parts.run)
    it.take(OrderPaid, parts.take_orders.take_orders)
    it.take(PayoutRequested, parts.take_payouts.take_payouts)
    it.take(MerchantChanged, parts.take_merchants.copy_merchants)
    it.sweep("proofs", DUE_EVERY_S, lambda: parts.sweep.orders(parts.proofs))
    it.sweep("payouts", DUE_EVERY_S, lambda: parts.sweep.payouts(parts.transfers))
    it.api["let_in"] = parts.ingress.let_in


def _start_split(it: Replica, around: Surroundings, _: Institution) -> None:
    clock = Clock(it.database, movable=False)
    parts = split.app.assemble(it.database, it.commits, around.marketplaces, it.metrics, clock)
    it.background(parts.releases.run)
    it.background(parts.waker.run)
    it.take(SplitRequested, parts.split_orders.split_orders)
    it.take(PayoutSettled, parts.post_payouts.post_payouts)
    it.take(MerchantChanged, parts.copy_merchants.copy_merchants)
    it.take(OrderProgressed, parts.note_facts.progress_orders)
    it.take(CaseChanged, parts.note_facts.freeze_orders)
    it.sweep("deadlines", DEADLINES_EVERY_S, parts.deadlines.once)
    it.sweep("held", HELD_EVERY_S, parts.releases.sweep)
    if around.parks:
        it.release_parks(RELEASE_EVERY_S)


def _start_merchant(it: Replica, around: Surroundings, _: Institution) -> None:
    parts = merchant.app.assemble(it.database, it.commits, around.marketplaces, timedelta(hours=1))
    it.take(PayoutSettled, parts.keep_statements.keep_entries)
    it.api["change"] = parts.change_merchants.change


def _start_aftersale(it: Replica, _: Surroundings, __: Institution) -> None:
    orders = aftersale.handlers.OrderHandlers(aftersale_orders.Orders(it.database))
    it.take(OrderPaid, orders.copy_orders)
    it.take(OrderRejected, orders.reject_orders)
    merchants = aftersale_merchants.Merchants(it.database)
    it.take(MerchantChanged, aftersale.handlers.MerchantHandlers(merchants).copy_merchants)


_STARTS: Final = {
    "payments": _start_payments,
    "split": _start_split,
    "merchant": _start_merchant,
    "aftersale": _start_aftersale,
}
