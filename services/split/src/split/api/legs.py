"""The routes of the operators' queue: legs that came back and that split does not pay again by itself."""

from datetime import datetime
from typing import Annotated, Literal

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
from split.domain.orders import Order
from split.domain.resting import for_operator
from split.domain.retries import ATTEMPTS_MAX
from split.domain.shares import Share, leg_id
from split.handlers.approvals import ApprovalHandlers, Draft
from split.store.orders import Orders


class LegRequest(Operation):
    """What is to be done with one leg, once somebody else has approved it."""

    leg_id: Annotated[WeirId, Field(description="`<marketplace>/o:<order>/<share path>/<part>`")]


class OperatorLeg(BaseModel):
    """A leg that came back, and that only an operator can have paid or written off."""

    leg_id: str
    order_id: str
    receiver: str
    amount_minor: Minor
    currency: str
    channel_profile: str
    channel_account: str
    attempt: Annotated[int, Field(description="how often it was tried")]
    payout_id: Annotated[str, Field(description="the payout that it came back from")]
    reason: Annotated[str, Field(description="the institution's word")]
    why: Annotated[
        Literal["never_retried", "unlisted", "tried_too_often"],
        Field(description="why split does not try it again: the profile's closed list, or the number of attempts"),
    ]
    since: Annotated[datetime, Field(description="when it came back")]
    age_s: Annotated[int, Field(ge=0)]


class OperatorLegPage(BaseModel):
    """Legs of the orders that have waited longest. `limit` counts orders."""

    items: list[OperatorLeg]
    next_cursor: str | None


def routes(
    orders: Orders, approve: ApprovalHandlers, clock: Clock, profiles: Profiles, marketplaces: Marketplaces
) -> APIRouter:
    """Return the routes over these."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}/operator/legs", tags=["operators"])

    @router.get("")
    async def list_legs(marketplace: str, cursor: Cursor = None, limit: Limit = PAGE_ITEMS) -> OperatorLegPage:
        """List the legs that wait for an operator, with the reason and the age."""
        tenant = marketplace_of(marketplaces, marketplace)
        found = await orders.for_operators(tenant.id, place_of(cursor), limit + 1)
        page, last = found[:limit], found[limit - 1 : limit]
        items = [leg for order in page for leg in _legs(order, tenant, profiles, clock.now())]
        more = len(found) > limit and last and last[0].operator_at
        return OperatorLegPage(items=items, next_cursor=cursor_at(more, last[0].key) if more else None)

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

    return router


def _legs(order: Order, tenant: Marketplace, profiles: Profiles, now: datetime) -> list[OperatorLeg]:
    profile = profiles.find(order.channel_profile)
    calendar = Calendar(tenant.zone, tenant.day_cut, tenant.holidays, tenant.workdays)
    never = profile.failures.never if profile else ()
    return [
        OperatorLeg(
            leg_id=leg_id(order.document_key, share),
            order_id=order.order_id,
            receiver=share.receiver,
            amount_minor=share.amount_minor,
            currency=order.currency,
            channel_profile=order.channel_profile,
            channel_account=order.channel_account,
            attempt=share.attempt,
            payout_id=share.payout_id,
            reason=share.reason,
            why=_why(share, never),
            since=share.since or now,
            age_s=max(0, int((now - (share.since or now)).total_seconds())),
        )
        for share in order.shares
        if for_operator(share, profile, calendar)
    ]


def _why(share: Share, never: tuple[str, ...]) -> Literal["never_retried", "unlisted", "tried_too_often"]:
    if share.reason in never:
        return "never_retried"
    return "tried_too_often" if share.attempt >= ATTEMPTS_MAX else "unlisted"
