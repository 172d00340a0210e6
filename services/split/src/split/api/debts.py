"""The route of debts: which merchants owe, how much, and since when. What they earn next is netted first."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared.http import PAGE_ITEMS, Cursor, Limit, Problem, cursor_of, key_of, marketplace_of
from shared.marketplaces import Marketplaces
from split.domain.guards import Guard
from split.store.blocks import EPOCH, MILLISECOND
from split.store.guards import Guards, Place


class DebtAnswer(BaseModel):
    """What one merchant owes in one currency."""

    merchant: str
    currency: str
    debt_minor: Annotated[int, Field(ge=1, description="minor units of the currency")]
    since: Annotated[datetime, Field(description="when the first of it was made that is not paid off")]


class DebtPage(BaseModel):
    """Debts, the oldest first."""

    items: list[DebtAnswer]
    next_cursor: str | None


def routes(guards: Guards, marketplaces: Marketplaces) -> APIRouter:
    """Return the route over these guards."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}", tags=["books"])

    @router.get("/debts")
    async def list_debts(marketplace: str, cursor: Cursor = None, limit: Limit = PAGE_ITEMS) -> DebtPage:
        """Return which merchants owe, the oldest debt first."""
        tenant = marketplace_of(marketplaces, marketplace)
        found = await guards.in_debt(tenant.id, _place(cursor), limit + 1)
        page = found[:limit]
        more = _cursor(page[-1][0]) if len(found) > limit else None
        return DebtPage(items=[_answer(*it) for it in page], next_cursor=more)

    return router


def _answer(place: Place, guard: Guard) -> DebtAnswer:
    since, key = place
    _, merchant, currency = key.split("/")
    return DebtAnswer(merchant=merchant, currency=currency, debt_minor=guard.debt_minor, since=since)


def _cursor(place: Place) -> str:
    return cursor_of((place[0] - EPOCH) // MILLISECOND, place[1])


def _place(cursor: str | None) -> Place | None:
    key = key_of(cursor, int, str)
    try:
        return None if key is None else (EPOCH + key[0] * MILLISECOND, key[1])
    except OverflowError:
        raise Problem(422, "cursor_invalid", "use next_cursor of the page before, or none") from None
