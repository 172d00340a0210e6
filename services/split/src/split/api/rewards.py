"""The routes of rewards: ask for one, and see what became of it. Somebody else approves it before anything is paid."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from shared.http import Problem, marketplace_of, parameter
from shared.ids import EXTERNAL_ID_PATTERN
from shared.marketplaces import Marketplaces
from shared.messages.models.contract import Currency, ExternalId
from shared.money import AMOUNT_MINOR_MAX
from split.api.approvals import ApprovalAnswer, approval_answer
from split.api.models import Minor
from split.api.operators import IdempotencyKey, Operation, done
from split.domain.charges import Charge, key_of
from split.handlers.approvals import ApprovalHandlers, Draft
from split.store.charges import Charges

SUBJECT: Final = "merchant:"

ChargeId = Annotated[str, Path(pattern=parameter(EXTERNAL_ID_PATTERN), description="the id of its approval")]


class RewardRequest(Operation):
    """Who is to get how much, out of which account of the marketplace. Its marketing money pays it."""

    receiver: Annotated[ExternalId, Field(description="a merchant, a driver, an outlet: whoever statements know")]
    amount_minor: Annotated[int, Field(ge=1, le=AMOUNT_MINOR_MAX, description="minor units of the currency")]
    currency: Currency
    channel_profile: ExternalId
    channel_account: ExternalId


class ChargeAnswer(BaseModel):
    """Money that was paid without an order."""

    charge_id: str
    kind: Literal["reward"]
    receiver: str
    amount_minor: Minor
    currency: str
    state: Annotated[Literal["available", "in_transit", "paid"], Field(description="available: it failed or came back")]
    reason: Annotated[str, Field(description="why it is available; else empty")]
    funded: Annotated[bool, Field(description="whether the marketing money for it has reached the account")]
    payout_id: str
    asked_by: str
    approved_by: str
    why: Annotated[str, Field(description="what whoever asked said")]


def routes(approve: ApprovalHandlers, charges: Charges, marketplaces: Marketplaces) -> APIRouter:
    """Return the routes over these."""
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

    @router.get("/charges/{charge_id}")
    async def get_charge(marketplace: str, charge_id: ChargeId) -> ChargeAnswer:
        """Return a charge, and where its money stands."""
        tenant = marketplace_of(marketplaces, marketplace)
        found = await charges.find(key_of(tenant.id, charge_id))
        if found is None:
            raise Problem(404, "charge_unknown", f"nothing was charged under {charge_id!r}")
        return _shown(found)

    return router


def _shown(charge: Charge) -> ChargeAnswer:
    (share,) = charge.shares
    return ChargeAnswer.model_validate(
        {
            "charge_id": charge.order_id,
            "kind": charge.kind,
            "receiver": share.receiver,
            "amount_minor": share.amount_minor,
            "currency": charge.currency,
            "state": share.state,
            "reason": share.reason,
            "funded": all(it.state == "succeeded" for it in charge.subsidies),
            "payout_id": share.payout_id,
            "asked_by": charge.asked_by,
            "approved_by": charge.approved_by,
            "why": charge.reason,
        }
    )
