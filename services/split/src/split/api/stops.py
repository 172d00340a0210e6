"""The routes that pause payouts and let them go on, and that show what is paused, since when, by whom and why."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator

from shared.http import PAGE_ITEMS, Cursor, Limit, Problem, cursor_of, key_of, marketplace_of
from shared.marketplaces import Marketplace, Marketplaces
from shared.messages.models.contract import ExternalId
from split.api.operators import IdempotencyKey, Operation, cursor_at, done, place_of
from split.domain.stops import Change, Scope, Target
from split.handlers.stops import StopHandlers, Wish
from split.store.merchants import Merchants
from split.store.stops import StopStore


class StopRequest(Operation):
    """What to pause or resume: a whole marketplace, what is paid out of one channel account, or one merchant."""

    scope: Scope
    subject: Annotated[
        ExternalId | None, Field(description="the channel account or the merchant; nothing for a marketplace")
    ] = None

    @model_validator(mode="after")
    def _names_what_its_scope_needs(self) -> Self:
        if (self.scope == "marketplace") != (self.subject is None):
            message = "subject is the channel account or the merchant, and is left out for the whole marketplace"
            raise ValueError(message)
        return self


class StopChange(BaseModel):
    """One pause or resumption."""

    change_id: str
    scope: Scope
    subject: Annotated[str, Field(description="the channel account or the merchant; empty for the marketplace")]
    paused: Annotated[bool, Field(description="whether it was paused by this; else it was resumed")]
    actor: str
    reason: str
    at: datetime


class StopAnswer(StopChange):
    """Something that is paused now."""

    orders_held: Annotated[int, Field(description="orders of which something waits for this stop to end")]


class StopPage(BaseModel):
    """What is paused now."""

    items: list[StopAnswer]
    next_cursor: str | None


class StopChangePage(BaseModel):
    """Pauses and resumptions, the oldest first."""

    items: list[StopChange]
    next_cursor: str | None


def routes(handlers: StopHandlers, stops: StopStore, merchants: Merchants, marketplaces: Marketplaces) -> APIRouter:
    """Return the routes over these."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}/payouts", tags=["operators"])

    async def change(marketplace: str, body: StopRequest, key: str, *, paused: bool) -> StopChange:
        target = _target(marketplace_of(marketplaces, marketplace), body)
        wish = Wish(target=target, paused=paused, actor=body.actor, reason=body.reason, key=key)
        return _shown(done(await handlers.change(wish)))

    @router.post("/pause")
    async def pause(marketplace: str, body: StopRequest, idempotency_key: IdempotencyKey) -> StopChange:
        """Pause payouts: no later unit of work requests one. Orders are split and held meanwhile."""
        return await change(marketplace, body, idempotency_key, paused=True)

    @router.post("/resume")
    async def resume(marketplace: str, body: StopRequest, idempotency_key: IdempotencyKey) -> StopChange:
        """Let payouts go on; what was held by this stop is released behind the answer, page by page."""
        return await change(marketplace, body, idempotency_key, paused=False)

    @router.get("/stops")
    async def list_stops(marketplace: str, cursor: Cursor = None, limit: Limit = PAGE_ITEMS) -> StopPage:
        """List what is paused, and how many orders it holds."""
        tenant = marketplace_of(marketplaces, marketplace)
        (after,) = key_of(cursor, str) or (None,)
        found = await stops.page(tenant.id, after, limit + 1)
        page = found[:limit]
        counts = await merchants.stopped(it.target.key for it in page)
        items = [StopAnswer(**_shown(it).model_dump(), orders_held=max(0, counts[it.target.key])) for it in page]
        return StopPage(items=items, next_cursor=cursor_of(page[-1].target.key) if len(found) > limit else None)

    @router.get("/stops/changes")
    async def list_stop_changes(marketplace: str, cursor: Cursor = None, limit: Limit = PAGE_ITEMS) -> StopChangePage:
        """List who paused and resumed what, and why."""
        tenant = marketplace_of(marketplaces, marketplace)
        found = await stops.changes(tenant.id, place_of(cursor), limit + 1)
        page = found[:limit]
        key = f"{tenant.id}/{page[-1].change_id}" if page else ""
        more = cursor_at(page[-1].at, key) if len(found) > limit else None
        return StopChangePage(items=[_shown(it) for it in page], next_cursor=more)

    return router


def _target(tenant: Marketplace, body: StopRequest) -> Target:
    if body.scope == "channel" and body.subject not in {it.account for it in tenant.channel_accounts}:
        raise Problem(404, "channel_account_unknown", f"{tenant.id} has no channel account {body.subject!r}")
    return Target(marketplace=tenant.id, scope=body.scope, subject=body.subject or "")


def _shown(change: Change) -> StopChange:
    return StopChange(
        change_id=change.change_id,
        scope=change.target.scope,
        subject=change.target.subject,
        paused=change.paused,
        actor=change.actor,
        reason=change.reason,
        at=change.at,
    )
