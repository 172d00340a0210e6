"""HTTP in: aftersale's copy of an order. No rule lives here."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path

from aftersale.store.orders import Orders
from shared.http import Problem, marketplace_of, parameter
from shared.ids import EXTERNAL_ID_PATTERN
from shared.marketplaces import Marketplaces
from shared.messages.models import OrderPaid
from shared.messages.models.contract import ExternalId, MarketplaceId, Model, Timestamp
from shared.mongo import Document

OrderId = Annotated[str, Path(pattern=parameter(EXTERNAL_ID_PATTERN), description="id in its upstream system")]


class Refusal(Model):
    """Why payments refused an order."""

    reason: ExternalId
    """As a code, such as `amount_mismatch`."""
    detail: str
    """The same for a person, with the numbers that did not fit."""
    rejected_at: Timestamp
    """When payments decided; RFC 3339, UTC."""


class OrderCopy(Model):
    """An order as aftersale knows it."""

    marketplace: MarketplaceId
    """The marketplace that it belongs to."""
    order_id: ExternalId
    """Its id in its upstream system."""
    state: Literal["paid", "rejected"]
    """`paid`: it was claimed to be paid and payments has not refused it. `rejected`: payments has refused it."""
    rejection: Refusal | None
    """Why it was refused; null while it is not."""
    order: OrderPaid | None
    """Payments, lines, adjustments and receivers, with amounts in minor units of its currency; null when the refusal
    came here before the order itself."""


def routes(orders: Orders, marketplaces: Marketplaces) -> APIRouter:
    """Return the routes of aftersale."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}")

    @router.get("/orders/{order_id}")
    async def show_order(marketplace: str, order_id: OrderId) -> OrderCopy:
        """Show one order."""
        marketplace_of(marketplaces, marketplace)
        stored = await orders.show(f"{marketplace}/{order_id}")
        if stored is None:
            raise Problem(404, "order_unknown", f"no order {order_id} has been received here")
        return _shown(stored)

    return router


def _shown(stored: Document) -> OrderCopy:
    paid = stored["state"] == "paid"
    return OrderCopy(
        marketplace=stored["marketplace"],
        order_id=stored["order_id"],
        state="paid" if paid else "rejected",
        rejection=None if paid else Refusal.model_validate(stored["rejection"]),
        order=OrderPaid.read(bytes(stored["body"])) if stored["body"] is not None else None,
    )
