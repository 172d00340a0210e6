"""The routes of money back: the refunds of an order with where their money comes from, those in a state, a new try."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from shared.clock import Clock
from shared.http import PAGE_ITEMS, Cursor, Limit, Problem, marketplace_of, parameter
from shared.ids import EXTERNAL_ID_PATTERN
from shared.marketplaces import Marketplaces
from shared.messages.models.contract import ExternalId
from split.api.approvals import ApprovalAnswer, approval_answer
from split.api.models import Minor
from split.api.operators import IdempotencyKey, Operation, cursor_at, done, place_of
from split.domain.holds import Facts
from split.domain.orders import Order
from split.domain.refunds import Kind, Mode, Refund, State
from split.handlers.approvals import ApprovalHandlers, Draft
from split.store.orders import Orders
from split.store.refunds import Listed, Refunds

Source = Literal["held", "until_finish", "available", "returns", "deposit", "advance", "platform"]
SOURCES: Final[dict[str, Source]] = {
    "merchant:held": "held",
    "merchant:in_transit": "until_finish",
    "merchant:available": "available",
    "merchant:returning": "returns",
    "deposit": "deposit",
    "merchant:debt": "advance",
}
"""By the kind of account that gave; what is in no list is the platform's own."""

OrderId = Annotated[str, Path(pattern=parameter(EXTERNAL_ID_PATTERN), description="id in its upstream system")]
Wanted = Annotated[State, Query(alias="state", description="where they stand")]


class RefundedAnswer(BaseModel):
    """A part of the order that is refunded, and who bears it."""

    line_id: Annotated[str, Field(description="empty: the whole order")]
    freight: bool
    amount_minor: Minor
    bearer: Annotated[Mode | None, Field(description="null until it is planned, where the agreement's policy decides")]
    bearing_merchant: Annotated[str, Field(description="the merchant that bears it alone, where one does")]


class GivenAnswer(BaseModel):
    """What one party gave, and out of what."""

    source: Annotated[Source, Field(description="`advance`: the platform pays, and the party owes it")]
    party: Annotated[str, Field(description="`merchant:<id>` or the platform's account")]
    amount_minor: Annotated[int, Field(description="minor units; below zero: so much it got")]


class ReturnAnswer(BaseModel):
    """What a receiver is asked to give back through the channel of a leg that was paid."""

    return_id: str
    receiver: str
    payout_id: str
    amount_minor: Minor
    attempt: int
    state: Literal["requested", "succeeded", "failed"]


class FundingAnswer(BaseModel):
    """What the platform pays into the pool for it, or gets back of it."""

    funding_id: str
    kind: Literal["marketing", "advance", "marketing_back"]
    account: str
    amount_minor: Minor
    state: Literal["requested", "succeeded"]


class PaymentAnswer(BaseModel):
    """What goes back to the buyer of one payment."""

    channel_payment_id: str
    amount_minor: Minor
    state: Literal["requested", "succeeded"]


class RefundAnswer(BaseModel):
    """One refund, chargeback or refund made in the channel's console, and how far it is."""

    refund_id: str
    kind: Kind
    state: State
    reason: Annotated[str, Field(description="why it waits, was refused or failed; empty otherwise")]
    amount_minor: Annotated[int, Field(description="what the buyer gets, or has got; minor units")]
    currency: str | None
    approved_at: datetime | None
    waits_until: Annotated[datetime | None, Field(description="until when it waits for legs that are on their way")]
    called_off: Annotated[list[str], Field(description="payouts of which unsent legs were called off for it")]
    revision: Annotated[int, Field(description="of its plan; 0 while there is none")]
    settled_revision: Annotated[int, Field(description="the institution's last one that is applied")]
    lines: list[RefundedAnswer]
    given: Annotated[list[GivenAnswer], Field(description="its plan, by source; the sum is what the buyer gets")]
    returns: list[ReturnAnswer]
    fundings: list[FundingAnswer]
    payments: list[PaymentAnswer]
    movement_id: Annotated[str, Field(description="the channel's own id, of what the channel took by itself")]
    reversed_by: Annotated[list[str], Field(description="the movements that brought a chargeback back")]


class OrderRefunds(BaseModel):
    """All refunds of one order, in the order in which split last looked at them."""

    order_id: str
    items: list[RefundAnswer]


class RefundItem(BaseModel):
    """One refund of some order."""

    order_id: str
    refund_id: str
    kind: Kind
    state: State
    reason: str
    currency: str
    amount_minor: Minor
    since: Annotated[datetime, Field(description="when it came to this state")]
    age_s: Annotated[int, Field(ge=0)]


class RefundPage(BaseModel):
    """Refunds in one state, the longest in it first."""

    items: list[RefundItem]
    next_cursor: str | None


class RetryRequest(Operation):
    """Try a refund again that has failed, once somebody else has approved it."""

    order_id: ExternalId
    refund_id: ExternalId


def routes(
    orders: Orders, refunds: Refunds, approve: ApprovalHandlers, clock: Clock, marketplaces: Marketplaces
) -> APIRouter:
    """Return the routes over these."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}", tags=["refunds"])

    @router.get("/orders/{order_id}/refunds")
    async def list_refunds_of_order(marketplace: str, order_id: OrderId) -> OrderRefunds:
        """List what goes back of an order: how far it is, who bears it, and out of what.

        What was approved before its order came is here too, and waits.
        """
        tenant = marketplace_of(marketplaces, marketplace)
        stored = await orders.find(f"{tenant.id}/{order_id}")
        if stored is None:
            raise Problem(404, "order_unknown", f"split has not been asked about order {order_id!r}")
        return OrderRefunds(order_id=order_id, items=list(_of_order(stored.order, stored.facts)))

    @router.get("/refunds")
    async def list_refunds(
        marketplace: str, state: Wanted = "failed", cursor: Cursor = None, limit: Limit = PAGE_ITEMS
    ) -> RefundPage:
        """List the refunds of a state, with the reason and the age: what waits for funds, has failed, was refused."""
        tenant = marketplace_of(marketplaces, marketplace)
        found = await refunds.page(tenant.id, state, place_of(cursor), limit + 1)
        page, now = found[:limit], clock.now()
        more = cursor_at(page[-1].since, page[-1].key) if len(found) > limit else None
        return RefundPage(items=[_item(it, now) for it in page], next_cursor=more)

    @router.post("/operator/refunds/retry", status_code=202)
    async def retry(marketplace: str, body: RetryRequest, idempotency_key: IdempotencyKey) -> ApprovalAnswer:
        """Ask for a refund that has failed to be tried again, under its id: somebody else approves it."""
        tenant = marketplace_of(marketplaces, marketplace)
        draft = Draft(
            marketplace=tenant.id,
            action="refund_retry",
            subject=f"{body.order_id}/{body.refund_id}",
            details={"order_id": body.order_id, "refund_id": body.refund_id},
            actor=body.actor,
            reason=body.reason,
            key=idempotency_key,
        )
        return approval_answer(done(await approve.ask(draft)))

    return router


def _of_order(order: Order | None, facts: Facts) -> Iterator[RefundAnswer]:
    known = order.known_refunds if order else ()
    approved_at = {it.refund_id: it.approved_at for it in facts.approved}
    early = (Refund(refund_id=it.refund_id, cause=it.cause, reason="order_unknown") for it in facts.approved)
    for refund in known if order else early:
        yield _answer(refund, order, facts, approved_at.get(refund.refund_id))


def _answer(refund: Refund, order: Order | None, facts: Facts, approved_at: datetime | None) -> RefundAnswer:
    lines = list(_lines(refund, facts))
    return RefundAnswer(
        refund_id=refund.refund_id,
        kind=refund.kind,
        state=refund.state,
        reason=refund.reason,
        amount_minor=order.asked_minor(refund) if order else sum(it.amount_minor for it in lines),
        currency=order.currency if order else None,
        approved_at=approved_at,
        waits_until=refund.waits_until or None,
        called_off=list(refund.stopped),
        revision=refund.revision,
        settled_revision=refund.settled,
        lines=lines,
        given=[_given(account, amount) for account, amount in sorted(refund.given.items())],
        returns=[ReturnAnswer.model_validate(it, from_attributes=True) for it in refund.returns],
        fundings=[FundingAnswer.model_validate(it, from_attributes=True) for it in refund.fundings],
        payments=[PaymentAnswer.model_validate(it, from_attributes=True) for it in refund.payments],
        movement_id=refund.movement,
        reversed_by=list(refund.reversed),
    )


def _lines(refund: Refund, facts: Facts) -> Iterator[RefundedAnswer]:
    """Give the parts that are refunded: as they are planned, else as they were approved."""
    for it in refund.lines:
        yield RefundedAnswer(
            line_id=it.line_id,
            freight=it.freight,
            amount_minor=it.amount_minor,
            bearer=it.mode,
            bearing_merchant=it.bearing,
        )
    approval = next((it for it in facts.approved if it.refund_id == refund.refund_id), None)
    for line in approval.lines if approval and not refund.lines else ():
        for freight, amount in ((False, line.amount_minor), (True, line.freight_minor)):
            if approval and amount:
                yield RefundedAnswer(
                    line_id=line.line_id,
                    freight=freight,
                    amount_minor=amount,
                    bearer=approval.mode,
                    bearing_merchant=approval.bearing,
                )


def _given(account: str, amount_minor: int) -> GivenAnswer:
    kind, _, owner = account.partition("/")
    source = SOURCES.get(kind, "platform")
    return GivenAnswer(source=source, party=f"merchant:{owner}" if owner else account, amount_minor=amount_minor)


def _item(it: Listed, now: datetime) -> RefundItem:
    return RefundItem(
        order_id=it.order_id,
        refund_id=it.refund_id,
        kind=it.kind,
        state=it.state,
        reason=it.reason,
        currency=it.currency,
        amount_minor=it.amount_minor,
        since=it.since,
        age_s=max(0, int((now - it.since).total_seconds())),
    )
