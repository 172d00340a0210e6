"""Orders, rejections and merchants to start a test from, as they are received from Kafka."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from shared import envelope
from shared.messages import ChannelPayment, Event, MerchantChanged, OrderLine, OrderPaid, OrderRejected, encode
from shared.record import Batch, Raw, Received

BEGIN: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MARKETPLACE: Final = "test-shop"


def at(second: float) -> datetime:
    return BEGIN + timedelta(seconds=second)


def order(identity: str = "o-1", sku: str = "sku-1", **fields: Any) -> OrderPaid:  # noqa: ANN401 - any field
    """Return an order of one line, 10.00 and 2.00 freight; another `sku` makes another body of it."""
    payment = ChannelPayment(
        channel_profile="sandbox-direct",
        channel_account=MARKETPLACE,
        channel_payment_id=f"pay-{identity}",
        amount_minor=1_200,
    )
    line = OrderLine(
        line_id="l1", sku=sku, category="books", merchant="alice", quantity=1, amount_minor=1_000, freight_minor=200
    )
    given: dict[str, Any] = {
        "marketplace": MARKETPLACE,
        "buyer": "b-1",
        "currency": "EUR",
        "paid_at": BEGIN,
        "payments": (payment,),
        "lines": (line,),
    }
    return OrderPaid(order_id=identity, **given | fields)


def rejection(identity: str = "o-1", second: float = 0.5) -> OrderRejected:
    return OrderRejected(
        marketplace=MARKETPLACE, order_id=identity, reason="amount_mismatch", detail="1 != 2", rejected_at=at(second)
    )


def merchant(identity: str = "alice", version: int = 1) -> MerchantChanged:
    return MerchantChanged(
        marketplace=MARKETPLACE, merchant=identity, version=version, name=f"{identity} {version}", kind="pop"
    )


def received[E: Event](event: E, second: float = 0) -> Received[E]:
    """Return an event as Kafka gives it; its chain began with an order-paid emitted at that second."""
    headers = envelope.headers_of(event, "/upstream/shop", BEGIN, at(second))
    raw = Raw(event.topic, 0, 0, 0, event.key.encode(), encode(event), headers)
    return Received(event, envelope.read(headers), raw)


def batch[E: Event](*events: Received[E]) -> Batch[E]:
    return Batch(events, BEGIN)
