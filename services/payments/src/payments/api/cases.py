"""What operators look at of what institutions say and do by themselves: contradictions, movements, whose they are."""

from datetime import datetime
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel

from payments.store.callbacks import Callbacks
from payments.store.movements import Movements
from shared.http import PAGE_ITEMS, Cursor, Limit, cursor_of, key_of, marketplace_of
from shared.marketplaces import Marketplaces
from shared.mongo import Document


class DisagreementStatus(BaseModel):
    """What a callback told, and what the institution said when it was asked. What it said then is what was believed."""

    channel_profile: str
    channel_account: str
    event_id: str
    type: str
    subject: str
    told: str
    found: str
    told_at: datetime
    found_at: datetime

    @classmethod
    def of(cls, it: Document) -> Self:
        """Return a stored case."""
        event_id = it["_id"].split("/", 2)[2]
        named = {"channel_profile": it["profile"], "channel_account": it["account"], "event_id": event_id}
        return cls.model_validate(it | named)


class Disagreements(BaseModel):
    """A page of them."""

    items: list[DisagreementStatus]
    next_cursor: str | None = None


class MovementStatus(BaseModel):
    """A movement of an institution's own. `state` says what was done about it; minor units.

    `published`: it was told as channel-moved. `waiting`: for the order of its payment. `unowned`: the account is no
    marketplace's. `unreadable`: what the institution says of it breaks the contract, as `detail` tells.
    """

    movement_id: str
    kind: str
    state: str
    detail: str
    order_id: str | None
    channel_profile: str
    channel_account: str
    channel_payment_id: str | None
    currency: str
    amount_minor: int
    receiver: str | None
    reference: str | None
    reverses: str | None
    moved_at: datetime
    seen_at: datetime

    @classmethod
    def of(cls, it: Document) -> Self:
        """Return a stored movement."""
        named = {
            "order_id": it["order"].split("/", 1)[1] if it["order"] else None,
            "channel_profile": it["profile"],
            "channel_account": it["account"],
            "channel_payment_id": it["payment_id"],
        }
        return cls.model_validate(it | named)


class MovementList(BaseModel):
    """A page of them."""

    items: list[MovementStatus]
    next_cursor: str | None = None


def routes(callbacks: Callbacks, movements: Movements, marketplaces: Marketplaces) -> APIRouter:
    """Return the routes for operators."""
    router = APIRouter(prefix="/v1")

    @router.get("/marketplaces/{marketplace}/disagreements")
    async def list_disagreements(marketplace: str, cursor: Cursor = None, limit: Limit = PAGE_ITEMS) -> Disagreements:
        """List the callbacks that the institution contradicted when it was asked."""
        marketplace_of(marketplaces, marketplace)
        (after,) = key_of(cursor, str) or ("",)
        found = await callbacks.disagreements(marketplace, after, limit)
        following = cursor_of(found[-1]["_id"]) if len(found) == limit else None
        return Disagreements(items=[DisagreementStatus.of(it) for it in found], next_cursor=following)

    @router.get("/marketplaces/{marketplace}/movements")
    async def list_movements(marketplace: str, cursor: Cursor = None, limit: Limit = PAGE_ITEMS) -> MovementList:
        """List what institutions moved by themselves in a marketplace's accounts."""
        marketplace_of(marketplaces, marketplace)
        (after,) = key_of(cursor, str) or ("",)
        found = await movements.of_marketplace(marketplace, after, limit)
        following = cursor_of(found[-1]["_id"]) if len(found) == limit else None
        return MovementList(items=[MovementStatus.of(it) for it in found], next_cursor=following)

    @router.get("/unowned-movements")
    async def list_unowned(limit: Limit = PAGE_ITEMS) -> MovementList:
        """List movements of accounts that are no marketplace's, until the marketplaces file says whose they are."""
        return MovementList(items=[MovementStatus.of(it) for it in await movements.unowned(limit)])

    return router
