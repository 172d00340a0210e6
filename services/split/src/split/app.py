"""Composition root: everything is wired here by hand, nothing at import time."""

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from fastapi import APIRouter, FastAPI

from shared.clock import Clock
from shared.commits import Commits
from shared.marketplaces import Marketplaces
from shared.mongo import Database
from shared.profiles import shipped
from shared.service import Service
from shared.settings import load
from split import api, store
from split.consumers import consumers
from split.handlers import (
    Adjustments,
    ApprovalHandlers,
    ChargeReviews,
    CheckpointSweep,
    Corrections,
    Deadlines,
    FactHandlers,
    HoldHandlers,
    LegDeeds,
    MerchantHandlers,
    Moments,
    MovementHandlers,
    OrderHandlers,
    Payable,
    PayoutHandlers,
    PreviewHandlers,
    ReceiverHandlers,
    RefundHandlers,
    RefundRetries,
    Releases,
    Reviews,
    Rewards,
    RuleHandlers,
    StopHandlers,
    Waker,
)
from split.handlers.charges import SWEEP_EVERY_S as CHARGES_EVERY_S
from split.handlers.checkpoints import CHECKPOINTS_EVERY_S
from split.handlers.debts import SWEEP_EVERY_S as DEBTS_EVERY_S
from split.handlers.debts import DebtWatch
from split.handlers.lates import SWEEP_EVERY_S as LATES_EVERY_S
from split.handlers.merchants import Signals
from split.handlers.releases import SWEEP_EVERY_S
from split.handlers.wakes import SWEEP_EVERY_S as WAKES_EVERY_S
from split.metrics import Metrics
from split.settings import Settings
from split.store.accounts import Accounts
from split.store.approvals import Approvals
from split.store.byhand import FreezeChanges
from split.store.charges import Charges
from split.store.checkpoints import Checkpoints
from split.store.earnings import Earnings
from split.store.guards import Guards
from split.store.history import History
from split.store.lates import Lates
from split.store.merchants import Merchants
from split.store.orders import Orders
from split.store.receivers import Receivers
from split.store.refunds import Refunds
from split.store.resting import Resting
from split.store.rulesets import Rulesets
from split.store.stops import StopStore
from split.store.wakes import Wakes


@dataclass(frozen=True)
class Parts:
    """Split without Kafka and a server: its use cases, its releaser and its routes."""

    orders: Orders
    split_orders: OrderHandlers
    post_payouts: PayoutHandlers
    copy_merchants: MerchantHandlers
    note_facts: FactHandlers
    post_refunds: RefundHandlers
    post_movements: MovementHandlers
    releases: Releases
    deadlines: Deadlines
    approve: ApprovalHandlers
    hold: HoldHandlers
    behind: api.Behind
    waker: Waker
    corrections: Corrections
    of_charges: ChargeReviews
    checkpoints: CheckpointSweep
    debts: DebtWatch
    router: APIRouter


def assemble(
    database: Database,
    commits: Commits,
    marketplaces: Marketplaces,
    metrics: Metrics,
    clock: Clock,
    rules_lead: timedelta = timedelta(hours=1),
) -> Parts:
    """Wire the parts. `rules_lead`: how long before its effect a change of a marketplace's rules is stated."""
    orders, merchants, stops, wakes = Orders(database), Merchants(database), StopStore(database), Wakes(database)
    receivers, rulesets, lates = Receivers(database, shipped()), Rulesets(database), Lates(database)
    reviews = Reviews(database, orders, merchants, metrics, Moments(clock, marketplaces, rulesets, stops, receivers))
    releases = Releases(database, commits, orders, merchants, metrics, reviews)
    charges, freezes = Charges(database), FreezeChanges(database)
    of_charges = ChargeReviews(database, commits, charges, merchants, reviews.moments, metrics.note_imbalance)
    payable = Payable(merchants, stops, marketplaces)
    facts, hold = FactHandlers(orders, reviews), HoldHandlers(commits, clock, orders, freezes, reviews)
    approve = ApprovalHandlers(
        commits,
        Approvals(database),
        clock,
        {
            "adjustment": Adjustments(database, payable, shipped(), clock, metrics.note_imbalance),
            "hold_release": hold,
            "leg_restore": LegDeeds("restore", orders, charges, merchants, reviews, of_charges),
            "leg_retry": LegDeeds("retry", orders, charges, merchants, reviews, of_charges),
            "leg_write_off": LegDeeds("write_off", orders, charges, merchants, reviews, of_charges),
            "refund_retry": RefundRetries(orders, reviews.moments),
            "reward": Rewards(database, charges, payable, shipped(), metrics.note_imbalance),
        },
    )
    corrections = Corrections(commits, lates, orders, merchants, reviews)
    waker = Waker(commits, wakes, orders, reviews)
    reviews.wake = waker.signal
    told = Signals(releases.signal, corrections.signal, waker.signal)
    served = _Served(commits, database, marketplaces, clock)
    behind = _behind(served, reviews, waker, hold, approve, rules_lead)
    return Parts(
        orders=orders,
        split_orders=OrderHandlers(database, orders, merchants, metrics, reviews),
        post_payouts=PayoutHandlers(database, orders, charges, metrics, reviews),
        copy_merchants=MerchantHandlers(merchants, lates, wakes, clock, told),
        note_facts=facts,
        post_refunds=RefundHandlers(database, orders, metrics, reviews.moments),
        post_movements=MovementHandlers(database, facts),
        releases=releases,
        deadlines=Deadlines(database, commits, orders, reviews),
        approve=approve,
        hold=hold,
        behind=behind,
        waker=waker,
        corrections=corrections,
        of_charges=of_charges,
        checkpoints=CheckpointSweep(database, commits, Checkpoints(database)),
        debts=DebtWatch(behind.guards, stops, behind.stop, marketplaces, clock),
        router=api.routes(behind),
    )


class _Served(NamedTuple):
    """What all of split stands on."""

    commits: Commits
    database: Database
    marketplaces: Marketplaces
    clock: Clock


def _behind(
    on: _Served, reviews: Reviews, waker: Waker, hold: HoldHandlers, approve: ApprovalHandlers, rules_lead: timedelta
) -> api.Behind:
    """Wire what the routes are made over."""
    commits, database, marketplaces, clock = on
    orders, merchants, stops, wakes = Orders(database), Merchants(database), StopStore(database), Wakes(database)
    receivers, rulesets = Receivers(database, shipped()), Rulesets(database)
    return api.Behind(
        marketplaces=marketplaces,
        clock=clock,
        orders=orders,
        merchants=merchants,
        accounts=Accounts(database),
        history=History(database),
        guards=Guards(database),
        freezes=FreezeChanges(database),
        hold=hold,
        approvals=Approvals(database),
        approve=approve,
        stops=stops,
        stop=StopHandlers(commits, clock, stops, merchants, wakes, waker.signal),
        receivers=receivers,
        refunds=Refunds(database),
        charges=Charges(database),
        earnings=Earnings(database),
        bind=ReceiverHandlers(commits, clock, receivers, merchants, wakes, waker.signal),
        rulesets=rulesets,
        preview=PreviewHandlers(commits, merchants, reviews),
        rule=RuleHandlers(commits, clock, rulesets, merchants, wakes, waker.signal, rules_lead),
    )


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the service; `python -m uvicorn --factory split.app:create_app` runs it."""
    settings = settings or load(Settings)
    service = Service("split", settings, store.INDEXES)
    metrics = Metrics(service.metrics)
    lead = timedelta(seconds=settings.rules_lead_s)
    parts = assemble(service.database, service.commits, service.marketplaces, metrics, service.clock, lead)
    consumers(
        service.intake,
        parts.split_orders,
        parts.post_payouts,
        parts.copy_merchants,
        parts.note_facts,
        parts.post_refunds,
        parts.post_movements,
    )
    resting = Resting(service.database)
    service.background(parts.releases.run)
    service.background(parts.deadlines.run)
    service.background(parts.waker.run)
    service.background(parts.corrections.run)
    behind = parts.behind
    service.sample(lambda: metrics.sample(behind.orders, behind.guards, behind.refunds, resting, service.clock.now()))
    service.sweep("held", SWEEP_EVERY_S, parts.releases.sweep)
    service.sweep("late", LATES_EVERY_S, parts.corrections.sweep)
    service.sweep("charges", CHARGES_EVERY_S, parts.of_charges.sweep)
    service.sweep("debts", DEBTS_EVERY_S, parts.debts.once)
    service.sweep("wakes", WAKES_EVERY_S, parts.waker.sweep)
    service.sweep("checkpoints", CHECKPOINTS_EVERY_S, parts.checkpoints.once)
    service.app.include_router(parts.router)
    return service.app
