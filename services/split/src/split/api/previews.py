"""The route that previews a split: an order in, who would get what of it and why out. Nothing is stored."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared.clock import Clock
from shared.http import Problem, marketplace_of
from shared.marketplaces import Marketplaces
from shared.messages import SplitRequested
from shared.messages.models import OrderPaid
from split.api.answers import held_answer
from split.api.models import Minor, ShareAnswer
from split.domain.calendars import Calendar
from split.domain.previews import Line, Preview
from split.handlers.previews import PreviewHandlers
from split.handlers.reviews import calendar_of
from split.store.orders import Stored


class DecidedBy(BaseModel):
    """The rule or term that decides about a line."""

    set: Annotated[Literal["agreement", "marketplace"], Field(description="whose it is")]
    version: Annotated[int, Field(description="of the agreement, or of the marketplace's rules")]
    rule_id: Annotated[
        str,
        Field(description="a rule's name, or `commission_bp`, `category_rates/<category>`, `settlement_price`"),
    ]
    conditions: Annotated[list[str], Field(description="what it states and the line keeps; the most stated wins")]


class LineAnswer(BaseModel):
    """What the platform takes of one line. What the parts come to is the commission, unless discounts leave less."""

    line_id: str
    merchant: str
    base_minor: Annotated[int, Field(description="the line after the adjustments that its merchant bears, minor units")]
    reason: Annotated[str, Field(description="why nothing can be said of it; else empty")]
    decided_by: DecidedBy | None
    rate_bp: Annotated[int, Field(description="basis points, of the tier that is reached")]
    percent_minor: Annotated[int, Field(description="the rate's part, within floor and cap, minor units")]
    units_minor: Annotated[int, Field(description="the fee by unit, minor units")]
    order_minor: Annotated[int, Field(description="the line's part of the fee by order, minor units")]
    commission_minor: Minor
    tax_bp: Annotated[int, Field(description="basis points of the commission")]
    tax_minor: Minor


class ReceiverAnswer(BaseModel):
    """What an extra receiver gets out of its parent's share, and why. Who stands in two places stands here twice."""

    receiver: str
    parent: Annotated[str, Field(description="`merchant:<id>`, `receiver:<id>` or `freight`, as the order states it")]
    share: Literal["percent", "fixed", "remainder"]
    value: Annotated[int, Field(description="basis points of a percent, minor units of a fixed amount")]
    taken_minor: Annotated[int, Field(description="what it gets of its parent's share, minor units")]
    passed_on_minor: Annotated[int, Field(description="how much of that goes to receivers below it, minor units")]


class PreviewAnswer(BaseModel):
    """What splitting the order now would do. A share that is `held` says why; the others would be paid at once."""

    currency: str
    shares: list[ShareAnswer]
    lines: list[LineAnswer]
    receivers: Annotated[
        list[ReceiverAnswer], Field(description="of shares that can be divided; the others say why they are held")
    ]
    subsidy_minor: Annotated[int, Field(description="what marketing would add for the shares paid at once")]
    subsidy_due_minor: Annotated[int, Field(description="what it would still owe for those that are held")]


def routes(handlers: PreviewHandlers, clock: Clock, marketplaces: Marketplaces) -> APIRouter:
    """Return the route over these."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}/rules", tags=["rules"])

    @router.post("/preview")
    async def preview_split(marketplace: str, body: OrderPaid) -> PreviewAnswer:
        """Say who would get what of this order, as order-paid has it, and which rule decides about each line.

        The sums are checked as payments checks them, and refused with the same reason; no payment is asked for.
        """
        tenant = marketplace_of(marketplaces, marketplace)
        if body.marketplace != tenant.id:
            raise Problem(422, "marketplace_differs", f"the order is of {body.marketplace!r}")
        request = msgspec.convert(body.model_dump(), SplitRequested)
        answer = await handlers.preview(request)
        if isinstance(answer, str):
            raise Problem(422, answer, "an order like this would not be split")
        return _answer(answer, request, calendar_of(tenant), clock.now())

    return router


def _answer(preview: Preview, request: SplitRequested, calendar: Calendar, now: datetime) -> PreviewAnswer:
    order = preview.decision.order
    stored = Stored(request.order_id, order, request.paid_at, request.lines, order.known_facts)
    return PreviewAnswer(
        currency=order.currency,
        shares=[held_answer(it, stored, order, calendar, now) for it in order.shares],
        lines=[_line(it) for it in preview.lines],
        receivers=[ReceiverAnswer.model_validate(msgspec.structs.asdict(it)) for it in preview.passed],
        subsidy_minor=sum(it.amount_minor for it in order.subsidies),
        subsidy_due_minor=order.subsidy_due_minor,
    )


def _line(it: Line) -> LineAnswer:
    decided = (
        None
        if it.by == "nothing"
        else DecidedBy(set=it.by, version=it.version, rule_id=it.rule_id, conditions=list(it.stated))
    )
    return LineAnswer.model_validate(msgspec.structs.asdict(it) | {"decided_by": decided})
