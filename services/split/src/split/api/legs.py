"""The routes of the operators' queue: legs that came back and that split does not pay again by itself."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared.clock import Clock
from shared.http import PAGE_ITEMS, Cursor, Limit, marketplace_of
from shared.marketplaces import Marketplace, Marketplaces
from shared.messages.models.contract import WeirId
from shared.profiles import Profiles
from split.api.approvals import ApprovalAnswer, approval_answer
from split.api.models import Minor
from split.api.operators import IdempotencyKey, Operation, cursor_at, done, place_of
from split.domain.approvals import Action
from split.domain.calendars import Calendar
from split.domain.charges import Charge
from split.domain.orders import Order
from split.domain.resting import Why, for_operator
from split.domain.shares import leg_id
from split.handlers.approvals import ApprovalHandlers, Draft
from split.store.charges import Charges
from split.store.orders import Orders


class LegRequest(Operation):
    """What is to be done with one leg, once somebody else has approved it."""

    leg_id: Annotated[
        WeirId, Field(description="`<marketplace>/o:<order>/<share path>/<part>`, of a charge `…/c:<charge>/…`")
    ]


class OperatorLeg(BaseModel):
    """A leg that came back, and that only an operator can have paid or written off."""

    leg_id: str
    order_id: Annotated[str, Field(description="empty where it pays a charge")]
    charge_id: Annotated[str, Field(description="the reward or adjustment that it pays; empty where it pays an order")]
    receiver: str
    amount_minor: Minor
    currency: str
    channel_profile: str
    channel_account: str
    attempt: Annotated[int, Field(description="how often it was tried")]
    payout_id: Annotated[str, Field(description="the payout that it came back from")]
    reason: Annotated[str, Field(description="the institution's word")]
    why: Annotated[
        Why,
        Field(description="why split does not pay it: the profile's closed list, the number of attempts, a cap"),
    ]
    since: Annotated[datetime, Field(description="when it came back")]
    age_s: Annotated[int, Field(ge=0)]


class OperatorLegPage(BaseModel):
    """Legs of the orders and charges that have waited longest. `limit` counts orders and charges."""

    items: list[OperatorLeg]
    next_cursor: str | None


def routes(
    orders: Orders,
    charges: Charges,
    approve: ApprovalHandlers,
    clock: Clock,
    profiles: Profiles,
    marketplaces: Marketplaces,
) -> APIRouter:
    """Return the routes over these."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}/operator/legs", tags=["operators"])

    @router.get("")
    async def list_legs(marketplace: str, cursor: Cursor = None, limit: Limit = PAGE_ITEMS) -> OperatorLegPage:
        """List the legs that wait for an operator, with the reason and the age."""
        tenant = marketplace_of(marketplaces, marketplace)
        place = place_of(cursor)
        waiting: list[tuple[datetime, str, Order]] = [
            (it.operator_at, it.key, it)
            for it in (
                *await orders.for_operators(tenant.id, place, limit + 1),
                *await charges.for_operators(tenant.id, place, limit + 1),
            )
            if isinstance(it.operator_at, datetime)
        ]
        waiting.sort(key=lambda it: it[:2])
        page = waiting[:limit]
        items = [leg for *_, order in page for leg in _legs(order, tenant, profiles, clock.now())]
        more = cursor_at(*page[-1][:2]) if len(waiting) > limit else None
        return OperatorLegPage(items=items, next_cursor=more)

    async def ask(marketplace: str, action: Action, body: LegRequest, key: str) -> ApprovalAnswer:
        tenant = marketplace_of(marketplaces, marketplace)
        draft = Draft(
            marketplace=tenant.id, action=action, subject=body.leg_id, actor=body.actor, reason=body.reason, key=key
        )
        return approval_answer(done(await approve.ask(draft)))

    @router.post("/retry", status_code=202)
    async def retry(marketplace: str, body: LegRequest, idempotency_key: IdempotencyKey) -> ApprovalAnswer:
        """Ask for a leg to be paid again, in the next payout of its order, under its id: somebody else approves it.

        It passes caps and minimums, and neither a block nor a stop.
        """
        return await ask(marketplace, "leg_retry", body, idempotency_key)

    @router.post("/write-off", status_code=202)
    async def write_off(marketplace: str, body: LegRequest, idempotency_key: IdempotencyKey) -> ApprovalAnswer:
        """Ask for a leg to be given up; once somebody else approves it, its money is in suspense and nobody is paid."""
        return await ask(marketplace, "leg_write_off", body, idempotency_key)

    @router.post("/restore", status_code=202)
    async def restore(marketplace: str, body: LegRequest, idempotency_key: IdempotencyKey) -> ApprovalAnswer:
        """Ask for a leg to be owed again that was written off by mistake; it then waits for operators to pay it."""
        return await ask(marketplace, "leg_restore", body, idempotency_key)

    return router


def _legs(order: Order, tenant: Marketplace, profiles: Profiles, now: datetime) -> list[OperatorLeg]:
    profile = profiles.find(order.channel_profile)
    calendar = Calendar(tenant.zone, tenant.day_cut, tenant.holidays, tenant.workdays)
    return [
        OperatorLeg(
            leg_id=leg_id(order.document_key, share),
            order_id="" if isinstance(order, Charge) else order.order_id,
            charge_id=order.order_id if isinstance(order, Charge) else "",
            receiver=share.receiver,
            amount_minor=share.amount_minor,
            currency=order.currency,
            channel_profile=order.channel_profile,
            channel_account=order.channel_account,
            attempt=share.attempt,
            payout_id=share.payout_id,
            reason=share.reason,
            why=why,
            since=(since := share.since or order.operator_at or now),
            age_s=max(0, int((now - since).total_seconds())),
        )
        for share in order.shares
        if (why := for_operator(order, share, profile, calendar)) is not None
    ]
