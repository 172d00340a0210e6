"""HTTP in: what became of an order, the books, and what operators do by hand. No rule lives here."""

from dataclasses import dataclass

from fastapi import APIRouter

from shared.clock import Clock
from shared.marketplaces import Marketplaces
from shared.profiles import shipped
from split.api import (
    adjustments,
    approvals,
    charges,
    debts,
    earnings,
    holds,
    ledger,
    legs,
    previews,
    receivers,
    refunds,
    rewards,
    rules,
    stops,
)
from split.api.routes import routes as reading
from split.handlers.approvals import ApprovalHandlers
from split.handlers.byhand import HoldHandlers
from split.handlers.previews import PreviewHandlers
from split.handlers.receivers import ReceiverHandlers
from split.handlers.rules import RuleHandlers
from split.handlers.stops import StopHandlers
from split.store.accounts import Accounts
from split.store.approvals import Approvals
from split.store.byhand import FreezeChanges
from split.store.charges import Charges
from split.store.earnings import Earnings
from split.store.guards import Guards
from split.store.history import History
from split.store.merchants import Merchants
from split.store.orders import Orders
from split.store.receivers import Receivers
from split.store.refunds import Refunds
from split.store.rulesets import Rulesets
from split.store.stops import StopStore


@dataclass(frozen=True)
class Behind:
    """What the routes are made over."""

    marketplaces: Marketplaces
    clock: Clock
    orders: Orders
    merchants: Merchants
    accounts: Accounts
    history: History
    guards: Guards
    freezes: FreezeChanges
    hold: HoldHandlers
    approvals: Approvals
    approve: ApprovalHandlers
    stops: StopStore
    stop: StopHandlers
    receivers: Receivers
    bind: ReceiverHandlers
    rulesets: Rulesets
    rule: RuleHandlers
    preview: PreviewHandlers
    refunds: Refunds
    charges: Charges
    earnings: Earnings


def routes(behind: Behind) -> APIRouter:
    """Return the routes of split."""
    router = APIRouter()
    router.include_router(reading(behind.accounts, behind.marketplaces))
    router.include_router(holds.routes(behind.orders, behind.freezes, behind.hold, behind.approve, behind.marketplaces))
    router.include_router(ledger.routes(behind.accounts, behind.history, behind.clock, behind.marketplaces))
    router.include_router(debts.routes(behind.guards, behind.marketplaces))
    router.include_router(approvals.routes(behind.approve, behind.approvals, behind.clock, behind.marketplaces))
    router.include_router(previews.routes(behind.preview, behind.clock, behind.marketplaces))
    router.include_router(rules.routes(behind.rule, behind.rulesets, behind.clock, behind.marketplaces))
    router.include_router(stops.routes(behind.stop, behind.stops, behind.merchants, behind.marketplaces))
    router.include_router(receivers.routes(behind.bind, behind.receivers, behind.marketplaces))
    router.include_router(rewards.routes(behind.approve, behind.marketplaces))
    router.include_router(adjustments.routes(behind.approve, behind.marketplaces))
    router.include_router(charges.routes(behind.charges, behind.marketplaces))
    router.include_router(earnings.routes(behind.earnings, behind.clock, behind.marketplaces))
    router.include_router(
        legs.routes(behind.orders, behind.charges, behind.approve, behind.clock, shipped(), behind.marketplaces)
    )
    router.include_router(
        refunds.routes(behind.orders, behind.refunds, behind.approve, behind.clock, behind.marketplaces)
    )
    return router
