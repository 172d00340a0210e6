"""The route of rewards: ask for one. Somebody else approves it before anything is paid."""

from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import Field

from shared.http import marketplace_of
from shared.marketplaces import Marketplaces
from shared.messages.models.contract import Currency, ExternalId
from shared.money import AMOUNT_MINOR_MAX
from split.api.approvals import ApprovalAnswer, approval_answer
from split.api.operators import IdempotencyKey, Operation, done
from split.handlers.approvals import ApprovalHandlers, Draft

SUBJECT: Final = "merchant:"


class RewardRequest(Operation):
    """Who is to get how much, out of which account of the marketplace. Its marketing money pays it."""

    receiver: Annotated[ExternalId, Field(description="a merchant, a driver, an outlet: whoever statements know")]
    amount_minor: Annotated[int, Field(ge=1, le=AMOUNT_MINOR_MAX, description="minor units of the currency")]
    currency: Currency
    channel_profile: ExternalId
    channel_account: ExternalId


def routes(approve: ApprovalHandlers, marketplaces: Marketplaces) -> APIRouter:
    """Return the route over these."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}", tags=["operators"])

    @router.post("/rewards", status_code=202)
    async def ask_for_reward(marketplace: str, body: RewardRequest, idempotency_key: IdempotencyKey) -> ApprovalAnswer:
        """Ask for a reward. It is paid when somebody else approves; `outcome` is its payout then."""
        tenant = marketplace_of(marketplaces, marketplace)
        draft = Draft(
            marketplace=tenant.id,
            action="reward",
            subject=f"{SUBJECT}{body.receiver}",
            details=body.model_dump(exclude={"actor", "reason"}),
            actor=body.actor,
            reason=body.reason,
            key=idempotency_key,
        )
        return approval_answer(done(await approve.ask(draft)))

    return router
