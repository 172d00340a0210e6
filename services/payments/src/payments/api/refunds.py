"""HTTP in: refunds as payments carries them out, part by part. No rule lives here."""

from datetime import datetime
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Path
from pydantic import BaseModel

from payments.handlers import Doubts
from payments.store.refunds import Refunds
from shared.http import Problem, marketplace_of, parameter
from shared.ids import EXTERNAL_ID_PATTERN
from shared.marketplaces import Marketplaces
from shared.mongo import Document

RefundId = Annotated[str, Path(pattern=parameter(EXTERNAL_ID_PATTERN), description="as it was approved")]


class RefundSummary(BaseModel):
    """One refund of an order. `standing`: of its last plan, as refund-settled tells it; `waits`: for what, until final.

    `amount_minor` is what the last plan gives the buyer; of what the channel took by itself that is nothing.
    """

    refund_id: str
    plan: int
    standing: Literal["under_way", "waiting_funds", "succeeded", "failed"]
    reason: str | None
    waits: Literal["sending", "accepted", "unknown", "waiting_funds", "checked"] | None
    revision: int
    amount_minor: int
    created_at: datetime
    settled_at: datetime | None

    @classmethod
    def of(cls, it: Document) -> Self:
        """Return the summary of a stored refund."""
        wanted = (part for part in it["parts"] if part["kind"] == "refund" and part["planned"])
        return cls.model_validate(it | {"amount_minor": sum(part["amount_minor"] for part in wanted)})


class PartStatus(BaseModel):
    """One movement of money: what comes back or is added, or what the buyer gets of a payment."""

    kind: Literal["return", "subsidy", "advance", "marketing_back", "refund"]
    name: str
    receiver: str
    amount_minor: int
    attempt: int
    state: str
    channel_number: str
    reason: str | None
    planned: bool


class RefundStatus(RefundSummary):
    """A refund with its parts: those of earlier plans too, which are not `planned` any more."""

    order_id: str
    currency: str
    channel_profile: str
    channel_account: str
    parts: list[PartStatus]


def routes(doubts: Doubts, refunds: Refunds, marketplaces: Marketplaces) -> APIRouter:
    """Return the routes of refunds."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}")

    @router.get("/refunds/{refund_id}")
    async def show_refund(marketplace: str, refund_id: RefundId) -> RefundStatus:
        """Show a refund with its parts."""
        marketplace_of(marketplaces, marketplace)
        stored = await refunds.show(f"{marketplace}/{refund_id}")
        if stored is None:
            raise _unknown(refund_id)
        return RefundStatus.of(stored)

    @router.post("/refunds/{refund_id}/check", status_code=202)
    async def check_refund(marketplace: str, refund_id: RefundId) -> RefundStatus:
        """Have the institution asked whether the buyer's bank has sent back a refund; asking twice is asking once.

        What it answers is told with the refund's next revision, if anything has changed.
        """
        marketplace_of(marketplaces, marketplace)
        key = f"{marketplace}/{refund_id}"
        if await doubts.ask_again_of_refund(key) is None:
            raise _unknown(refund_id)
        return RefundStatus.of(await refunds.show(key) or {})

    return router


def _unknown(refund_id: str) -> Problem:
    return Problem(404, "refund_unknown", f"no refund {refund_id!r} has been requested")
