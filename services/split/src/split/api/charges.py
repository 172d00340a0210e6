"""The route of what was paid or owed without an order: rewards and adjustments, and where their money stands."""

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from shared.http import Problem, marketplace_of, parameter
from shared.ids import EXTERNAL_ID_PATTERN
from shared.marketplaces import Marketplaces
from split.api.models import Minor
from split.domain.charges import Category, Charge, Direction, key_of
from split.domain.shares import leg_id
from split.store.charges import Charges

ChargeId = Annotated[str, Path(pattern=parameter(EXTERNAL_ID_PATTERN), description="the id of its approval")]


class AdjustsAnswer(BaseModel):
    """What an adjustment by hand puts right."""

    direction: Annotated[Direction, Field(description="credit: its receiver gets it; debit: it owes it")]
    category: Category
    amount_minor: Minor
    order_id: Annotated[str, Field(description="the order that it is about; empty: none was named")]
    statement_line: Annotated[str, Field(description="the line of a statement that it is about; empty: none was named")]


class ChargeAnswer(BaseModel):
    """Money that was paid, or is owed, without an order."""

    charge_id: str
    kind: Literal["reward", "adjustment"]
    receiver: str
    amount_minor: Annotated[int, Field(description="minor units that are paid out; what is netted is not among them")]
    netted_minor: Annotated[int, Field(description="what of it paid off a debt; below zero: what became one")]
    currency: str
    state: Annotated[
        Literal["available", "in_transit", "paid", "taken", "written_off"],
        Field(description="available: it failed or came back"),
    ]
    reason: Annotated[str, Field(description="why it is available; else empty")]
    leg_id: Annotated[str, Field(description="by which operators have it paid again or written off")]
    attempt: int
    funded: Annotated[bool, Field(description="whether the marketing money for it has reached the account")]
    payout_id: str
    asked_by: str
    approved_by: str
    why: Annotated[str, Field(description="what whoever asked said")]
    adjusts: Annotated[AdjustsAnswer | None, Field(description="null for a reward")]


def routes(charges: Charges, marketplaces: Marketplaces) -> APIRouter:
    """Return the route over these."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}", tags=["operators"])

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
    share = charge.shares[0]
    netted = 0 if share.breakdown.netted_minor is msgspec.UNSET else share.breakdown.netted_minor
    adjusts = None if charge.adjusts is msgspec.UNSET else msgspec.structs.asdict(charge.adjusts)
    return ChargeAnswer.model_validate(
        {
            "charge_id": charge.order_id,
            "kind": charge.kind,
            "receiver": share.receiver,
            "amount_minor": share.amount_minor,
            "netted_minor": netted,
            "currency": charge.currency,
            "state": share.state,
            "reason": share.reason,
            "leg_id": leg_id(charge.document_key, share),
            "attempt": share.attempt,
            "funded": all(it.state == "succeeded" for it in charge.subsidies),
            "payout_id": share.payout_id,
            "asked_by": charge.asked_by,
            "approved_by": charge.approved_by,
            "why": charge.reason,
            "adjusts": adjusts,
        }
    )
