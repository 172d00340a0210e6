"""The route of adjustments by hand: ask for one. Somebody else approves it before anything is booked."""

from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import Field

from shared.http import marketplace_of
from shared.marketplaces import Marketplaces
from shared.messages.models.contract import Currency, ExternalId, WeirId
from shared.money import AMOUNT_MINOR_MAX
from split.api.approvals import ApprovalAnswer, approval_answer
from split.api.operators import IdempotencyKey, Operation, done
from split.domain.charges import Category, Direction
from split.handlers.approvals import ApprovalHandlers, Draft

SUBJECT: Final = "merchant:"


class AdjustmentRequest(Operation):
    """What is to be put right between the platform and one merchant or receiver."""

    receiver: Annotated[ExternalId, Field(description="a merchant, a driver, an outlet: whoever statements know")]
    direction: Annotated[
        Direction,
        Field(description="credit: the platform's marketing money pays it; debit: it is netted from what comes next"),
    ]
    category: Annotated[
        Category, Field(description="a penalty is a debit; goodwill and the write-off of a debt are credits")
    ]
    amount_minor: Annotated[int, Field(ge=1, le=AMOUNT_MINOR_MAX, description="minor units of the currency")]
    currency: Currency
    channel_profile: ExternalId
    channel_account: Annotated[ExternalId, Field(description="the account that pays a credit")]
    order_id: Annotated[ExternalId | None, Field(description="the order that it is about, if of one")] = None
    statement_line: Annotated[WeirId | None, Field(description="the line of a statement that it is about")] = None


def routes(approve: ApprovalHandlers, marketplaces: Marketplaces) -> APIRouter:
    """Return the route over these."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}", tags=["operators"])

    @router.post("/adjustments", status_code=202)
    async def ask_for_adjustment(
        marketplace: str, body: AdjustmentRequest, idempotency_key: IdempotencyKey
    ) -> ApprovalAnswer:
        """Ask for an adjustment. It is booked when somebody else approves; `outcome` is its payout then."""
        tenant = marketplace_of(marketplaces, marketplace)
        draft = Draft(
            marketplace=tenant.id,
            action="adjustment",
            subject=f"{SUBJECT}{body.receiver}",
            details=body.model_dump(exclude={"actor", "reason"}, exclude_none=True),
            actor=body.actor,
            reason=body.reason,
            key=idempotency_key,
        )
        return approval_answer(done(await approve.ask(draft)))

    return router
