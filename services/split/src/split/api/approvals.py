"""The routes of what needs two people: what waits for the second one, and the second one's word."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from shared.clock import Clock
from shared.http import PAGE_ITEMS, Cursor, Limit, Problem, marketplace_of, parameter
from shared.ids import EXTERNAL_ID_PATTERN
from shared.marketplaces import Marketplaces
from split.api.operators import IdempotencyKey, Operation, cursor_at, done, place_of
from split.domain.approvals import Action, Approval, Ruling, State, Verdict
from split.handlers.approvals import ApprovalHandlers
from split.store.approvals import Approvals

ApprovalId = Annotated[str, Path(pattern=parameter(EXTERNAL_ID_PATTERN), description="as it was answered when asked")]
Wanted = Annotated[Literal["requested", "approved", "refused", "expired"], Query(alias="state")]


class ApprovalAnswer(BaseModel):
    """One action that somebody asked for. It is carried out when somebody else approves."""

    approval_id: str
    action: Action
    subject: Annotated[str, Field(description="what it is done to, such as a leg id")]
    details: Annotated[dict[str, str | int], Field(description="its figures; amounts are minor units")]
    actor: Annotated[str, Field(description="who asked")]
    reason: Annotated[str, Field(description="why")]
    requested_at: datetime
    expires_at: Annotated[datetime, Field(description="nobody can approve it from then on")]
    state: State
    decided_by: Annotated[str, Field(description="who approved or refused; empty while nobody has")]
    decided_reason: str
    decided_at: datetime | None
    outcome: Annotated[str, Field(description="what came of it, such as a payout id")]


class ApprovalPage(BaseModel):
    """Approvals in one state, the longest asked for first."""

    items: list[ApprovalAnswer]
    next_cursor: str | None


def approval_answer(approval: Approval) -> ApprovalAnswer:
    """Return an approval as the API shows it."""
    return ApprovalAnswer.model_validate(msgspec.structs.asdict(approval))


def routes(handlers: ApprovalHandlers, approvals: Approvals, clock: Clock, marketplaces: Marketplaces) -> APIRouter:
    """Return the routes over these."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}/approvals", tags=["operators"])

    @router.get("")
    async def list_approvals(
        marketplace: str, state: Wanted = "requested", cursor: Cursor = None, limit: Limit = PAGE_ITEMS
    ) -> ApprovalPage:
        """List what was asked for and stands in one state."""
        tenant = marketplace_of(marketplaces, marketplace)
        found = await approvals.page(tenant.id, state, clock.now(), place_of(cursor), limit + 1)
        page = found[:limit]
        more = cursor_at(page[-1].expires_at, page[-1].key) if len(found) > limit else None
        return ApprovalPage(items=[approval_answer(it.at(clock.now())) for it in page], next_cursor=more)

    @router.get("/{approval_id}")
    async def get_approval(marketplace: str, approval_id: ApprovalId) -> ApprovalAnswer:
        """Return one action that was asked for, and what became of it."""
        tenant = marketplace_of(marketplaces, marketplace)
        found = await approvals.find(f"{tenant.id}/{approval_id}")
        if found is None:
            raise Problem(404, "approval_unknown", "nothing of that id was asked for")
        return approval_answer(found.at(clock.now()))

    async def rule(marketplace: str, approval_id: str, verdict: Verdict, body: Operation, key: str) -> ApprovalAnswer:
        tenant = marketplace_of(marketplaces, marketplace)
        ruling = Ruling(verdict=verdict, actor=body.actor, reason=body.reason, key=key)
        return approval_answer(done(await handlers.rule(f"{tenant.id}/{approval_id}", ruling)))

    @router.post("/{approval_id}/approve")
    async def approve(
        marketplace: str, approval_id: ApprovalId, body: Operation, idempotency_key: IdempotencyKey
    ) -> ApprovalAnswer:
        """Approve it, as somebody other than who asked; it is carried out at once, or refused with the reason."""
        return await rule(marketplace, approval_id, "approved", body, idempotency_key)

    @router.post("/{approval_id}/refuse")
    async def refuse(
        marketplace: str, approval_id: ApprovalId, body: Operation, idempotency_key: IdempotencyKey
    ) -> ApprovalAnswer:
        """Refuse it; whoever asked may do so, too."""
        return await rule(marketplace, approval_id, "refused", body, idempotency_key)

    return router
