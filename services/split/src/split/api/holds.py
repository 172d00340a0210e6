"""The routes of what an order waits for: who gets what of it, which lines are held and why, and holds by hand."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from shared.http import PAGE_ITEMS, Cursor, Limit, Problem, marketplace_of, parameter
from shared.ids import EXTERNAL_ID_PATTERN
from shared.marketplaces import Marketplaces
from shared.messages.models.contract import ExternalId, Timestamp, listed
from split.api.answers import split_answer
from split.api.approvals import ApprovalAnswer, approval_answer
from split.api.models import SplitAnswer
from split.api.operators import IdempotencyKey, Operation, cursor_at, done, place_of
from split.domain.byhand import Change
from split.handlers.approvals import ApprovalHandlers, Draft
from split.handlers.byhand import HoldHandlers, Wish
from split.handlers.reviews import calendar_of
from split.store.byhand import FreezeChanges
from split.store.orders import Orders

LINES_MAX: Final = 500

OrderId = Annotated[str, Path(pattern=parameter(EXTERNAL_ID_PATTERN), description="id in its upstream system")]
FreezeId = Annotated[str, Path(pattern=parameter(EXTERNAL_ID_PATTERN), description="chosen by whoever freezes")]
Lines = Annotated[
    tuple[ExternalId, ...],
    listed(0, LINES_MAX),
    Field(description="the lines that it concerns; none: all of the order"),
]


class FreezeRequest(Operation):
    """Keep what is held of these lines where it is, until the freeze ends or is let go."""

    line_ids: Lines = ()
    expires_at: Annotated[Timestamp | None, Field(description="when it ends by itself; null: never")] = None


class ReleaseRequest(Operation):
    """Let lines go before their trigger has fired or their days are over. Every other reason still holds them."""

    line_ids: Lines = ()


class FreezeChange(BaseModel):
    """A freeze that was made, changed or let go by hand."""

    change_id: str
    order_id: str
    freeze_id: str
    open: Annotated[bool, Field(description="whether it stops the lines from then on")]
    line_ids: Annotated[list[str], Field(description="none: all of the order")]
    expires_at: datetime | None
    actor: str
    approved_by: Annotated[str, Field(description="the second person; empty where none was needed")]
    reason: str
    at: datetime

    @classmethod
    def of(cls, change: Change) -> "FreezeChange":
        """Return a change as the API shows it."""
        return cls.model_validate(change, from_attributes=True)


class FreezeChangePage(BaseModel):
    """What was done to the freezes of an order by hand, the oldest first."""

    items: list[FreezeChange]
    next_cursor: str | None


def read_routes(
    router: APIRouter, orders: Orders, changes: FreezeChanges, holds: HoldHandlers, marketplaces: Marketplaces
) -> None:
    """Add the routes that only show something."""

    @router.get("/orders/{order_id}/split")
    async def get_split(marketplace: str, order_id: OrderId) -> SplitAnswer:
        """Return who gets what of an order, where the money stands, and what is waited for, line by line."""
        tenant = marketplace_of(marketplaces, marketplace)
        stored = await orders.find(f"{tenant.id}/{order_id}")
        if stored is None:
            raise Problem(404, "order_unknown", f"split has not been asked about order {order_id!r}")
        return split_answer(stored, calendar_of(tenant), holds.now())

    @router.get("/orders/{order_id}/freezes")
    async def list_freeze_changes(
        marketplace: str, order_id: OrderId, cursor: Cursor = None, limit: Limit = PAGE_ITEMS
    ) -> FreezeChangePage:
        """List who froze lines of an order by hand and who let them go, and why."""
        tenant = marketplace_of(marketplaces, marketplace)
        found = await changes.page(f"{tenant.id}/{order_id}", place_of(cursor), limit + 1)
        return FreezeChangePage(items=[FreezeChange.of(it) for it in found[:limit]], next_cursor=_more(found, limit))


def write_routes(router: APIRouter, holds: HoldHandlers, approve: ApprovalHandlers, marketplaces: Marketplaces) -> None:
    """Add the routes by which people hold money and let it go."""

    async def ask(
        marketplace: str, order_id: str, what: str, body: Operation, key: str, **details: str
    ) -> ApprovalAnswer:
        tenant = marketplace_of(marketplaces, marketplace)
        draft = Draft(
            marketplace=tenant.id,
            action="hold_release",
            subject=f"orders/{order_id}{what}",
            details={"order_id": order_id, **details},
            actor=body.actor,
            reason=body.reason,
            key=key,
        )
        return approval_answer(done(await approve.ask(draft)))

    @router.put("/orders/{order_id}/freezes/{freeze_id}")
    async def put_freeze(
        marketplace: str, order_id: OrderId, freeze_id: FreezeId, body: FreezeRequest, idempotency_key: IdempotencyKey
    ) -> FreezeChange:
        """Freeze lines of an order, or state a freeze anew: never less than it stops already."""
        tenant = marketplace_of(marketplaces, marketplace)
        wish = Wish(marketplace=tenant.id, order_id=order_id, freeze_id=freeze_id, key=idempotency_key, **dict(body))
        return FreezeChange.of(done(await holds.freeze(wish)))

    @router.delete("/orders/{order_id}/freezes/{freeze_id}", status_code=202)
    async def delete_freeze(
        marketplace: str, order_id: OrderId, freeze_id: FreezeId, body: Operation, idempotency_key: IdempotencyKey
    ) -> ApprovalAnswer:
        """Ask that a freeze by hand be let go. It is when somebody else approves; `outcome` is the payout then."""
        what = f"/freezes/{freeze_id}"
        return await ask(marketplace, order_id, what, body, idempotency_key, freeze_id=freeze_id)

    @router.post("/orders/{order_id}/releases", status_code=202)
    async def ask_for_release(
        marketplace: str, order_id: OrderId, body: ReleaseRequest, idempotency_key: IdempotencyKey
    ) -> ApprovalAnswer:
        """Ask that lines be let go before their time. They are when somebody else approves; `outcome` is the payout."""
        lines = {"lines": "/".join(body.line_ids)} if body.line_ids else {}
        return await ask(marketplace, order_id, "", body, idempotency_key, **lines)


def routes(
    orders: Orders,
    changes: FreezeChanges,
    holds: HoldHandlers,
    approve: ApprovalHandlers,
    marketplaces: Marketplaces,
) -> APIRouter:
    """Return the routes over these."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}", tags=["split"])
    read_routes(router, orders, changes, holds, marketplaces)
    write_routes(router, holds, approve, marketplaces)
    return router


def _more(found: Sequence[Change], limit: int) -> str | None:
    return cursor_at(found[limit - 1].at, found[limit - 1].key) if len(found) > limit else None
