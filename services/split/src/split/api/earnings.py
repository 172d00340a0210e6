"""The route of what a receiver earned: from which order, how much, and when it will be paid."""

from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from shared.clock import Clock
from shared.http import Cursor, Problem, cursor_of, key_of, marketplace_of, parameter
from shared.ids import EXTERNAL_ID_PATTERN
from shared.marketplaces import Marketplaces
from split.api.operators import EPOCH, MILLISECOND
from split.api.routes import Currency
from split.domain.calendars import Calendar
from split.domain.charges import Charge
from split.domain.prospects import Prospect, View, expected, released
from split.store.earnings import Earned, Earnings, Mark

ITEMS_MAX: Final = 100
"""Orders of a page: each is read, some with the request that it came from."""

ReceiverId = Annotated[
    str, Path(pattern=parameter(EXTERNAL_ID_PATTERN), description="a merchant, an outlet, a fleet, a driver")
]
Items = Annotated[int, Query(alias="limit", ge=1, le=ITEMS_MAX, description="orders of a page")]


class AmountAnswer(BaseModel):
    """One amount of the receiver's. What is expected may become less by a refund."""

    amount_minor: Annotated[int | None, Field(description="minor units; null while nobody can say")]
    state: Literal["expected", "available", "in_transit", "paid"]
    reason: Annotated[str, Field(description="why it is not paid yet; else empty")]
    pay_at: Annotated[datetime | None, Field(description="when it is expected to go; null where nobody can say when")]
    payout_id: Annotated[str, Field(description="the payout that pays it; empty while there is none")]


class EarningAnswer(BaseModel):
    """What a receiver has of one order, or of something that is paid without one."""

    kind: Literal["order", "reward", "adjustment"]
    id: Annotated[str, Field(description="the order's id, or the charge's")]
    split_at: Annotated[datetime, Field(description="when it was divided")]
    currency: str
    amounts: list[AmountAnswer]


class EarningPage(BaseModel):
    """A receiver's earnings, the newest first."""

    items: list[EarningAnswer]
    next_cursor: str | None


def routes(earnings: Earnings, clock: Clock, marketplaces: Marketplaces) -> APIRouter:
    """Return the route over these."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}/receivers", tags=["split"])

    @router.get("/{receiver}/earnings")
    async def list_earnings(
        marketplace: str, receiver: ReceiverId, currency: Currency, cursor: Cursor = None, limit: Items = ITEMS_MAX
    ) -> EarningPage:
        """List what a receiver earned, and what it may expect of orders that are held."""
        tenant = marketplace_of(marketplaces, marketplace)
        calendar = Calendar(tenant.zone, tenant.day_cut, tenant.holidays, tenant.workdays)
        view = View(receiver, calendar, clock.now())
        found = await earnings.page(tenant.id, receiver, currency, _before(cursor), limit + 1)
        page = found[:limit]
        more = _cursor(page[-1].mark) if len(found) > limit else None
        return EarningPage(items=[_shown(it, view) for it in page], next_cursor=more)

    return router


def _shown(it: Earned, view: View) -> EarningAnswer:
    amounts = [*released(it.order, view), *(expected(it.order, it.request, view) if it.request else ())]
    return EarningAnswer(
        kind=it.order.kind if isinstance(it.order, Charge) else "order",
        id=it.order.order_id,
        split_at=it.mark.at,
        currency=it.order.currency,
        amounts=[_amount(prospect) for prospect in amounts],
    )


def _amount(prospect: Prospect) -> AmountAnswer:
    return AmountAnswer(
        amount_minor=prospect.amount_minor,
        state=prospect.state,
        reason=prospect.reason,
        pay_at=prospect.pay_at,
        payout_id=prospect.payout_id,
    )


def _cursor(mark: Mark) -> str:
    return cursor_of((mark.at - EPOCH) // MILLISECOND, int(mark.listed), mark.id)


def _before(cursor: str | None) -> Mark | None:
    key = key_of(cursor, int, int, str)
    if key is None:
        return None
    try:
        return Mark(EPOCH + key[0] * MILLISECOND, bool(key[1]), key[2])
    except OverflowError:
        raise Problem(422, "cursor_invalid", "use next_cursor of the page before, or none") from None
