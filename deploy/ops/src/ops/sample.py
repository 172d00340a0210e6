"""A small sample of paid orders, made up here: every kind of share, in currencies of 0, 2 and 3 decimals.

Deterministic: the same marketplace and run give the same orders, byte for byte, so that sending them twice changes
nothing. No clock, no chance, no I/O.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from ops.send.draft import MARKETING, PROFILE, Item, MerchantDraft, Terms
from shared.messages import (
    Adjustment,
    CategoryRate,
    ChannelPayment,
    CommissionLimit,
    ExtraReceiver,
    OrderLine,
    OrderPaid,
)

PAID_FROM: Final = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
PAID_EVERY: Final = timedelta(seconds=7)
CURRENCIES: Final = ("CNY", "JPY", "BRL", "KWD")
DEFAULT_ORDERS: Final = 1_000

_COMMISSION: Final = Terms(commission_bp=1_200)
_RATED: Final = Terms(
    commission_bp=800,
    category_rates=(
        CategoryRate(category="books", commission_bp=450),
        CategoryRate(category="phones", commission_bp=300),
    ),
    commission_limits=(CommissionLimit(currency="CNY", floor_minor=10, cap_minor=5_000),),
)
_SELLERS: Final = {
    "tea-house": ("Tea House", _COMMISSION),
    "lamp-works": ("Lamp Works", _COMMISSION),
    "book-cellar": ("Book Cellar", _RATED),
    "phone-corner": ("Phone Corner", _RATED),
    "loom-supply": ("Loom Supply", Terms(price_mode="settlement_price")),
    "own-fee": ("Own Fee Traders", Terms(commission_bp=1_000, fee_bearer="merchant")),
    "shared-fee": ("Shared Fee Traders", Terms(commission_bp=1_000, fee_bearer="pro_rata")),
    "bulky-goods": ("Bulky Goods", Terms(commission_bp=600, freight_to="chain")),
}
_CHAIN: Final = {
    "outlet-north": "Outlet North",
    "fleet-blue": "Fleet Blue",
    "driver-7": "Driver 7",
    "guide-lin": "Guide Lin",
}


def items(marketplace: str, account: str, run: str, orders: int = DEFAULT_ORDERS) -> Iterator[Item]:
    """Return the merchants and then the orders of one run of the sample, paid into `account`."""
    yield from merchants(marketplace)
    for number in range(orders):
        yield order(marketplace, account, run, number)


def merchants(marketplace: str) -> Iterator[MerchantDraft]:
    """Return everybody whom the sample pays, with the agreements that its scenes need."""
    for merchant, (name, terms) in _SELLERS.items():
        yield MerchantDraft(marketplace=marketplace, merchant=merchant, name=name, agreement=terms)
    for merchant, name in _CHAIN.items():
        yield MerchantDraft(marketplace=marketplace, merchant=merchant, name=name, kind="logistics", agreement=Terms())


def order(marketplace: str, account: str, run: str, number: int) -> OrderPaid:
    """Return one order: its number chooses the scene, the currency and the prices."""
    scene = SCENES[number % len(SCENES)]
    lines, adjustments, receivers = scene(number)
    sold = sum(it.amount_minor + it.freight_minor for it in lines)
    paid = sold + sum(it.amount_minor for it in adjustments)
    order_id = f"{run}-{number:06}"
    return OrderPaid(
        marketplace=marketplace,
        order_id=order_id,
        buyer=f"buyer-{number % 211}",
        currency=CURRENCIES[number // len(SCENES) % len(CURRENCIES)],
        paid_at=PAID_FROM + number * PAID_EVERY,
        payments=_payments(order_id, account, number, paid),
        lines=lines,
        adjustments=adjustments,
        receivers=receivers,
    )


def _payments(order_id: str, account: str, number: int, paid_minor: int) -> tuple[ChannelPayment, ...]:
    """Return one to three payments; the channel keeps 0.6 % of each, rounded down, of every second order."""
    count = number % 3 + 1 if number % 4 == 0 else 1
    part = paid_minor // count
    amounts = [part] * (count - 1) + [paid_minor - part * (count - 1)]
    return tuple(
        ChannelPayment(
            channel_profile=PROFILE,
            channel_account=account,
            channel_payment_id=f"{order_id}-{seq}",
            amount_minor=amount,
            fee_minor=amount * 6 // 1_000 if number % 2 else 0,
        )
        for seq, amount in enumerate(amounts, start=1)
    )


Scene = tuple[tuple[OrderLine, ...], tuple[Adjustment, ...], tuple[ExtraReceiver, ...]]


def _price(number: int, step: int) -> int:
    """Return a price between 2,000 and 91,999 minor units that does not divide evenly on purpose."""
    return 2_000 + (number * 7_919 + step * 104_729) % 90_000


def _line(number: int, seq: int, merchant: str, category: str = "home", freight: int = 0) -> OrderLine:
    return OrderLine(
        line_id=str(seq),
        sku=f"sku-{merchant}-{number % 37}",
        category=category,
        merchant=merchant,
        quantity=1,
        amount_minor=_price(number, seq),
        freight_minor=freight,
    )


def one_seller(number: int) -> Scene:
    """Sell from one seller: commission on the price, freight to the seller."""
    return (_line(number, 1, "tea-house", freight=1_200),), (), ()


def several_sellers(number: int) -> Scene:
    """Sell from three sellers in one order, two of them with rates by category."""
    lines = (
        _line(number, 1, "tea-house"),
        _line(number, 2, "book-cellar", "books", freight=350),
        _line(number, 3, "phone-corner", "phones"),
    )
    return lines, (), ()


def settlement_price(number: int) -> Scene:
    """Pay a supplier a price per unit; the platform keeps the rest."""
    quantity, unit = number % 3 + 1, _price(number, 1)
    line = OrderLine(
        line_id="1",
        sku="loom",
        category="tools",
        merchant="loom-supply",
        quantity=quantity,
        amount_minor=unit * quantity,
        settlement_price_minor=unit * 83 // 100,
    )
    return (line,), (), ()


def logistics_chain(number: int) -> Scene:
    """Pay the freight to an outlet, which pays its fleet (30 %) and its driver (fixed)."""
    chain = (
        ExtraReceiver(receiver="outlet-north", parent="freight", share="remainder"),
        ExtraReceiver(receiver="fleet-blue", parent="receiver:outlet-north", share="percent", value=3_000),
        ExtraReceiver(receiver="driver-7", parent="receiver:outlet-north", share="fixed", value=500),
    )
    return (_line(number, 1, "bulky-goods", freight=4_000),), (), chain


def merchant_bears_fee(number: int) -> Scene:
    """Sell from two sellers, one bearing the channel's fee whole, one in proportion with the platform."""
    return (_line(number, 1, "own-fee"), _line(number, 2, "shared-fee", freight=99)), (), ()


def platform_discount(number: int) -> Scene:
    """Let the platform bear a discount out of its marketing pocket."""
    off = Adjustment(kind="discount", amount_minor=-(100 + number % 900), party=MARKETING)
    return (_line(number, 1, "lamp-works"), _line(number, 2, "tea-house")), (off,), ()


def merchant_discount(number: int) -> Scene:
    """Let a seller bear the discount of its own line; the buyer pays a surcharge that the platform keeps."""
    off = Adjustment(kind="discount", amount_minor=-300, party="merchant:lamp-works", line_id="1")
    extra = Adjustment(kind="surcharge", amount_minor=50 + number % 7, party="platform:fee")
    return (_line(number, 1, "lamp-works"),), (off, extra), ()


def subsidised(number: int) -> Scene:
    """Let the platform subsidise what the buyer pays less."""
    subsidy = Adjustment(kind="subsidy", amount_minor=-(_price(number, 1) // 10), party=MARKETING)
    return (_line(number, 1, "book-cellar", "books"),), (subsidy,), ()


def shared_with_guide(number: int) -> Scene:
    """Share 5 % of a seller's part with the guide who brought the buyer."""
    guide = ExtraReceiver(receiver="guide-lin", parent="merchant:tea-house", share="percent", value=500)
    return (_line(number, 1, "tea-house", freight=800), _line(number, 2, "tea-house")), (), (guide,)


SCENES: Final[tuple[Callable[[int], Scene], ...]] = (
    one_seller,
    several_sellers,
    settlement_price,
    logistics_chain,
    merchant_bears_fee,
    platform_discount,
    merchant_discount,
    subsidised,
    shared_with_guide,
)
