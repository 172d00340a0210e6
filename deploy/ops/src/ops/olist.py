"""Real marketplace orders in the olist layout, as paid orders and agreements of Weir. Pure: a row in, an order out.

The rows are anonymised sales of 2016 to 2018 with integer centavos and local times without a zone. What is odd in
them stays odd: a difference between paid and sold becomes an adjustment that says so, never a repair.
"""

from datetime import UTC, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec

from ops.send.draft import MARKETING, PROFILE, ExternalId, MerchantDraft, standard_terms
from shared.messages import Adjustment, ChannelPayment, OrderLine, OrderPaid

MARKETPLACE: Final = "olist"
ZONE: Final = ZoneInfo("America/Sao_Paulo")
COMMISSION_BP: Final = 1_200
CATEGORY: Final = "goods"
"""The rows name no category."""

Centavos = Annotated[int, msgspec.Meta(ge=0)]


class Payment(msgspec.Struct, frozen=True):
    """One payment of a row; its value may be 0 (a spent voucher)."""

    seq: Annotated[int, msgspec.Meta(ge=1)]
    value: Centavos


class Item(msgspec.Struct, frozen=True):
    """One unit sold by one seller."""

    seq: Annotated[int, msgspec.Meta(ge=1)]
    product_id: ExternalId
    seller_id: ExternalId
    price: Centavos
    freight: Centavos


class Row(msgspec.Struct, frozen=True):
    """The fields of a row that an order-paid is made of; delivery and installments are other events' business."""

    order_id: ExternalId
    customer_id: ExternalId
    approved_at: datetime
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    payments: Annotated[tuple[Payment, ...], msgspec.Meta(min_length=1)]
    items: Annotated[tuple[Item, ...], msgspec.Meta(min_length=1)]


def order_paid(row: Row, marketplace: str, account: str) -> OrderPaid:
    """Return the order-paid of a row, paid into `account`."""
    return OrderPaid(
        marketplace=marketplace,
        order_id=row.order_id,
        buyer=row.customer_id,
        currency=row.currency,
        paid_at=instant(row.approved_at),
        payments=tuple(
            ChannelPayment(
                channel_profile=PROFILE,
                channel_account=account,
                channel_payment_id=f"{row.order_id}-{payment.seq}",
                amount_minor=payment.value,
            )
            for payment in row.payments
        ),
        lines=tuple(
            OrderLine(
                line_id=str(item.seq),
                sku=item.product_id,
                category=CATEGORY,
                merchant=item.seller_id,
                quantity=1,
                amount_minor=item.price,
                freight_minor=item.freight,
            )
            for item in row.items
        ),
        adjustments=difference(row),
    )


def instant(local: datetime) -> datetime:
    """Return the UTC time of a local one. An hour that came twice (the clocks went back) is taken for its first."""
    return local.replace(tzinfo=ZONE, fold=0).astimezone(UTC)


def difference(row: Row) -> tuple[Adjustment, ...]:
    """Return what explains paid minus sold: more is a surcharge the platform keeps, less a discount it bears."""
    paid = sum(payment.value for payment in row.payments)
    over = paid - sum(item.price + item.freight for item in row.items)
    if over > 0:
        return (Adjustment(kind="surcharge", amount_minor=over, party="platform:fee"),)
    if over < 0:
        return (Adjustment(kind="discount", amount_minor=over, party=MARKETING),)
    return ()


def seller(marketplace: str, seller_id: str) -> MerchantDraft:
    """Return a seller and its agreement: 12.00 % of the price of each line, none on freight, paid out when paid."""
    name = f"Seller {seller_id[:8]}"
    return MerchantDraft(
        marketplace=marketplace, merchant=seller_id, name=name, agreement=standard_terms(COMMISSION_BP)
    )
