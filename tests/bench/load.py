"""The orders of the bench: deterministic, so that two runs do the same work. Merchants, orders, buyers' payments."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Final

from ops.institution import Institution
from ops.send import merchants
from ops.send.draft import PROFILE, MerchantDraft, standard_terms
from ops.send.run import copied
from shared.messages import ChannelPayment, OrderLine, OrderPaid

MARKETPLACE: Final = "test-bench"
"""Its channel account has the same name, as deploy/marketplaces.yaml gives it to `test-*`."""
MERCHANTS: Final = 3_000
LEGS: Final = 3
COMMISSION_BP: Final = 1_000
FEE_BP: Final = 60
PAID_FROM: Final = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
PAID_EVERY: Final = timedelta(milliseconds=10)
PAYMENTS_PER_STEP: Final = 5_000


def order(number: int, legs: int = LEGS, marketplace: str = MARKETPLACE) -> OrderPaid:
    """Return one order: a line each of `legs` merchants, one payment, the channel's fee 0.6 % of it, in CNY."""
    lines = tuple(_line(number, place, legs) for place in range(legs))
    paid_minor = sum(it.amount_minor + it.freight_minor for it in lines)
    identity = order_id(number)
    payment = ChannelPayment(
        channel_profile=PROFILE,
        channel_account=marketplace,
        channel_payment_id=f"pay-{identity}",
        amount_minor=paid_minor,
        fee_minor=paid_minor * FEE_BP // 10_000,
    )
    return OrderPaid(
        marketplace=marketplace,
        order_id=identity,
        buyer=f"buyer-{number % 9_973}",
        currency="CNY",
        paid_at=PAID_FROM + number * PAID_EVERY,
        payments=(payment,),
        lines=lines,
    )


def _line(number: int, place: int, legs: int) -> OrderLine:
    """Return a line: all merchants sell equally often, and none twice in one order."""
    return OrderLine(
        line_id=str(place + 1),
        sku=f"sku-{(number * 7 + place) % 100_000:05}",
        category=f"category-{number % 40:02}",
        merchant=merchant((number * legs + place) % MERCHANTS),
        quantity=1 + number % 3,
        amount_minor=1_000 + (number * 37 + place * 101) % 90_000,
        freight_minor=500 * (number % 2),
    )


def order_id(number: int) -> str:
    """Return an order's id."""
    return f"{number:08}"


def merchant(number: int) -> str:
    """Return a merchant's id."""
    return f"m-{number:04}"


def drafts(marketplace: str = MARKETPLACE) -> Iterator[MerchantDraft]:
    """Return every merchant with a real-time agreement of 10 % commission."""
    for number in range(MERCHANTS):
        name = merchant(number)
        yield MerchantDraft(marketplace=marketplace, merchant=name, name=name, agreement=standard_terms(COMMISSION_BP))


async def agree(merchant_url: str, bootstrap: str, *marketplaces: str) -> None:
    """Make all agreements, and wait until the services have their copies."""
    for marketplace in marketplaces or (MARKETPLACE,):
        await merchants.ensure(merchant_url, drafts(marketplace))
    await copied(bootstrap)


async def pay(institution_url: str, first: int, count: int, legs: int = LEGS, marketplace: str = MARKETPLACE) -> None:
    """Have the buyers of these orders pay: what is true before Weir hears of an order is no work of Weir."""
    async with Institution(institution_url) as institution:
        for numbers in batched(range(first, first + count), PAYMENTS_PER_STEP):
            orders = (order(number, legs, marketplace) for number in numbers)
            await institution.pay(marketplace, ((it.payments[0], it.currency) for it in orders))
