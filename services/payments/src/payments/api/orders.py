"""HTTP in: orders of upstreams without Kafka, where an order stands, payouts with their legs. No rule lives here."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal, NamedTuple, Self
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel

from payments.api.refunds import RefundSummary
from payments.handlers import Doubts, Ingress
from payments.store.orders import Orders
from payments.store.payouts import Payouts
from payments.store.refunds import Refunds
from shared.http import Problem, marketplace_of, parameter
from shared.ids import EXTERNAL_ID_PATTERN, WEIR_ID_PATTERN
from shared.marketplaces import Marketplaces
from shared.messages import OrderPaid, decode, models
from shared.mongo import Document

type Standing = Literal["received", "rejected", "unverified", "accepted", "settled"]

OrderId = Annotated[str, Path(pattern=parameter(EXTERNAL_ID_PATTERN), description="id in its upstream system")]
PayoutId = Annotated[str, Path(pattern=parameter(WEIR_ID_PATTERN), description="`<document>.<n>`, such as o:1001.1")]


class Received(BaseModel):
    """An order that is kept; whether it is true is shown at its status URL."""

    order_id: str
    state: Literal["received"] = "received"
    status_url: str


class PayoutSummary(BaseModel):
    """One payout of an order. `waits`: what it waits for, while it is not final."""

    payout_id: str
    state: Literal["sending", "waiting", "final"]
    waits: Literal["sending", "accepted", "unknown", "waiting_funds", "checked"] | None
    revision: int
    amount_minor: int
    created_at: datetime
    settled_at: datetime | None

    @classmethod
    def of(cls, it: Document) -> Self:
        """Return the summary of a stored payout."""
        amount_minor = sum(leg["amount_minor"] for leg in it["legs"])
        return cls.model_validate(it | {"amount_minor": amount_minor})


class OrderStatus(BaseModel):
    """Where an order stands. `unpaid_minor` is what the pool has got for it and has not paid out."""

    order_id: str
    state: Standing
    reason: str | None = None
    detail: str = ""
    currency: str | None = None
    paid_minor: int | None = None
    unpaid_minor: int | None = None
    received_at: datetime
    proved_at: datetime | None = None
    settled_at: datetime | None = None
    payouts: list[PayoutSummary] = []
    refunds: list[RefundSummary] = []


class LegStatus(BaseModel):
    """One receiver's amount and what became of it; of which payment, where the seller collects."""

    leg_id: str
    receiver: str
    amount_minor: int
    attempt: int
    state: str
    channel_number: str
    reason: str | None
    channel_payment_id: str | None = None


class SubsidyStatus(BaseModel):
    """Money from the marketing account and what became of it."""

    subsidy_id: str
    amount_minor: int
    attempt: int
    state: str
    channel_number: str
    reason: str | None


class PayoutStatus(PayoutSummary):
    """A payout with its legs."""

    document: str
    kind: Literal["pay", "finish", "cancel"]
    currency: str
    channel_profile: str
    channel_account: str
    legs: list[LegStatus]
    subsidies: list[SubsidyStatus]


class Stores(NamedTuple):
    """What the routes read."""

    orders: Orders
    payouts: Payouts
    refunds: Refunds


def routes(ingress: Ingress, doubts: Doubts, stores: Stores, marketplaces: Marketplaces) -> APIRouter:
    """Return the routes of orders and payouts."""
    orders, payouts = stores.orders, stores.payouts
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}")

    @router.post("/orders", status_code=202)
    async def take_order(marketplace: str, order: models.OrderPaid, request: Request, response: Response) -> Received:
        """Keep an order-paid; the same body again is answered the same."""
        marketplace_of(marketplaces, marketplace)
        if order.marketplace != marketplace:
            raise Problem(422, "marketplace_differs", "the order names another marketplace than the path")
        try:
            event = decode(OrderPaid, await request.body())
        except msgspec.DecodeError as error:  # JSON to one reader and not to the other, such as NaN
            raise Problem(422, "contract", str(error)) from error
        if await ingress.let_in(event) == "order_conflict":
            raise Problem(409, "order_conflict", "this order id is known with another body; the first stands")
        in_path = quote(event.order_id, safe="")  # an id may hold ?, # and %
        url = request.url_for("show_order", marketplace=marketplace, order_id=in_path).path
        response.headers["location"] = url
        return Received(order_id=event.order_id, status_url=url)

    @router.get("/orders/{order_id}/status")
    async def show_order(marketplace: str, order_id: OrderId) -> OrderStatus:
        """Show where an order stands."""
        marketplace_of(marketplaces, marketplace)
        key = f"{marketplace}/{order_id}"
        stored, came_in_at = await orders.show(key), await orders.received_at(key)
        if stored is not None:
            refunds = await stores.refunds.of_order(key)
            return _status(stored, came_in_at, await payouts.of_order(key), refunds)
        if came_in_at is None:
            raise Problem(404, "order_unknown", f"no order {order_id!r} has been received")
        return OrderStatus(order_id=order_id, state="received", received_at=came_in_at)

    _payouts(router, doubts, payouts, marketplaces)
    return router


def _payouts(router: APIRouter, doubts: Doubts, payouts: Payouts, marketplaces: Marketplaces) -> None:
    """Add the routes of payouts."""

    @router.get("/payouts/{payout_id}")
    async def show_payout(marketplace: str, payout_id: PayoutId) -> PayoutStatus:
        """Show a payout with its legs."""
        marketplace_of(marketplaces, marketplace)
        stored = await payouts.show(f"{marketplace}/{payout_id}")
        if stored is None:
            raise _unknown(payout_id)
        return PayoutStatus.of(stored)

    @router.post("/payouts/{payout_id}/check", status_code=202)
    async def check_payout(marketplace: str, payout_id: PayoutId) -> PayoutStatus:
        """Have the institution asked whether a bank has returned what a payout has paid; asking twice is asking once.

        What it answers is told with the payout's next revision, if anything has changed.
        """
        marketplace_of(marketplaces, marketplace)
        key = f"{marketplace}/{payout_id}"
        if await doubts.ask_again(key) is None:
            raise _unknown(payout_id)
        return PayoutStatus.of(await payouts.show(key) or {})


def _unknown(payout_id: str) -> Problem:
    return Problem(404, "payout_unknown", f"no payout {payout_id!r} has been requested")


def _status(
    order: Document, came_in_at: datetime | None, payouts: Iterable[Document], refunds: Iterable[Document]
) -> OrderStatus:
    """Settled is when all of the order's money has gone to receivers or back; what split holds keeps it `accepted`.

    Its money is what was paid and what the platform promised to add: an order that cost the buyer nothing is owed too.
    What was refunded the platform adds nothing to.
    """
    found = list(payouts)
    shown = [PayoutSummary.of(it) for it in found]
    back = [RefundSummary.of(it) for it in refunds]
    added = sum(sub["amount_minor"] for it in found for sub in it["subsidies"] if sub["state"] == "succeeded")
    paid_out = sum(leg["amount_minor"] for it in found for leg in it["legs"] if leg["state"] == "succeeded")
    state = _STANDING[order["state"]]
    unpaid_minor = _in_pool(order) + order.get("moved_minor", 0) + added - paid_out
    gone = any(it.standing == "succeeded" and it.amount_minor for it in back)
    nothing_left = unpaid_minor == 0 and (gone or added >= order["promised_minor"])
    under_way = any(it.state != "final" for it in shown) or any(it.waits for it in back)
    settled = state == "accepted" and nothing_left and not under_way
    ended = [*(it.settled_at for it in shown), *(it.settled_at for it in back)]
    times = [at for at in ended if at] or [order["proved_at"]]
    return OrderStatus.model_validate(
        order
        | {
            "state": "settled" if settled else state,
            "unpaid_minor": unpaid_minor,
            "received_at": came_in_at or order["received_at"],
            "settled_at": max(times) if settled else None,
            "payouts": shown,
            "refunds": back,
        }
    )


def _in_pool(order: Document) -> int:
    """Return what the pool has got for an order: what is claimed until it is proved, then that less the fee."""
    if order["state"] == "rejected":
        return 0
    return int(order["paid_minor"] if order["net_minor"] is None else order["net_minor"])


_STANDING: dict[str, Standing] = {
    "sending": "received",
    "unverified": "unverified",
    "accepted": "accepted",
    "rejected": "rejected",
}
