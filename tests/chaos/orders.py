"""The orders of a chaos run, and what the institution must have moved for each: worked out here, not asked of Weir.

Every amount stands for one order only, so that the institution's record by itself tells what became of each.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from ops.send.draft import MARKETING, PROFILE, MerchantDraft, Terms
from shared.messages import Adjustment, ChannelPayment, OrderLine, OrderPaid

MARKETS: Final = ("test-north", "test-south")
"""Two marketplaces, each with a channel account of its own (the same name) and so a lane of its own."""

SELLERS: Final = 5
PARTNER: Final = "partner"
COMMISSION_BP: Final = 1_000
"""A tenth, so that nothing is ever rounded."""

PAID_AT: Final = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
UNIT_FROM: Final = 100_000
KINDS: Final = 10
TWO_SELLERS: Final = (1, 2)
SUBSIDISED: Final = 0
LARGE: Final = 4
LARGE_BY: Final = 100_000
"""So that amounts need more than 32 bits, which MongoDB keeps in another type."""
LATE_EVERY: Final = 500
LATE: Final = 3
"""Of 500 orders, one has a seller of its own, who comes after it: until then the order waits."""


class Move(NamedTuple):
    """One movement of money as the institution records it, in minor units."""

    account: str
    kind: str
    receiver: str
    currency: str
    amount_minor: int


def merchants() -> Iterator[MerchantDraft]:
    """Return everybody who sells from the beginning, in both marketplaces."""
    for market in MARKETS:
        for merchant in (*(f"seller-{number}" for number in range(SELLERS)), PARTNER):
            yield _draft(market, merchant)


def latecomer(number: int) -> MerchantDraft | None:
    """Return the seller who comes after this order, if there is one."""
    return _draft(_market(number), _seller(number)) if number % LATE_EVERY == LATE else None


def order(number: int) -> OrderPaid:
    """Return one order. Of ten, two have two sellers, one is very large, and of one the platform bears a tenth."""
    unit, market, seller = UNIT_FROM + number, _market(number), _seller(number)
    lines, currency, paid_minor = [_line("1", seller, 10 * unit)], "CNY", 10 * unit
    adjustments: tuple[Adjustment, ...] = ()
    if number % KINDS in TWO_SELLERS:
        lines.append(_line("2", PARTNER, 20 * unit))
        currency, paid_minor = "BRL", 30 * unit
    elif number % KINDS == SUBSIDISED:
        adjustments = (Adjustment(kind="discount", amount_minor=-unit, party=MARKETING),)
        currency, paid_minor = "JPY", 9 * unit
    elif number % KINDS == LARGE:
        lines, currency, paid_minor = [_line("1", seller, 10 * unit * LARGE_BY)], "KRW", 10 * unit * LARGE_BY
    order_id = order_id_of(number)
    payment = ChannelPayment(
        channel_profile=PROFILE, channel_account=market, channel_payment_id=order_id, amount_minor=paid_minor
    )
    return OrderPaid(
        marketplace=market,
        order_id=order_id,
        buyer=f"buyer-{number % 97}",
        currency=currency,
        paid_at=PAID_AT + timedelta(milliseconds=number),
        payments=(payment,),
        lines=tuple(lines),
        adjustments=adjustments,
    )


def order_id_of(number: int) -> str:
    """Return the id of an order."""
    return f"{number:08}"


def moves(number: int) -> tuple[Move, ...]:
    """Return all that the institution must have moved for an order, once each."""
    unit, market, seller = UNIT_FROM + number, _market(number), f"merchant:{_seller(number)}"
    if number % KINDS in TWO_SELLERS:
        return (
            Move(market, "payout", seller, "BRL", 9 * unit),
            Move(market, "payout", f"merchant:{PARTNER}", "BRL", 18 * unit),
            Move(market, "payout", "platform:commission", "BRL", 3 * unit),
        )
    if number % KINDS == LARGE:
        unit *= LARGE_BY
    currency = {SUBSIDISED: "JPY", LARGE: "KRW"}.get(number % KINDS, "CNY")
    paid = (
        Move(market, "payout", seller, currency, 9 * unit),
        Move(market, "payout", "platform:commission", currency, unit),
    )
    return (*paid, Move(market, "subsidy", "pool", currency, unit)) if currency == "JPY" else paid


def wanted(numbers: Iterable[int]) -> dict[Move, int]:
    """Return every move that the institution must have made, and the order that it is for."""
    return {move: number for number in numbers for move in moves(number)}


def compare(orders: dict[Move, int], moved: Counter[Move]) -> tuple[list[str], list[str]]:
    """Return what was not moved, and what was moved more than once or for no order."""
    lost = [f"order {number}: no {move}" for move, number in orders.items() if not moved[move]]
    more = [f"{count} times {move}" for move, count in moved.items() if count > (move in orders)]
    return lost, more


def _market(number: int) -> str:
    return MARKETS[number // KINDS % 2]


def _seller(number: int) -> str:
    return f"late-{number}" if number % LATE_EVERY == LATE else f"seller-{number % SELLERS}"


def _draft(market: str, merchant: str) -> MerchantDraft:
    agreement = Terms(commission_bp=COMMISSION_BP)
    return MerchantDraft(marketplace=market, merchant=merchant, name=merchant, agreement=agreement)


def _line(line_id: str, merchant: str, amount_minor: int) -> OrderLine:
    return OrderLine(
        line_id=line_id, sku="tea", category="food", merchant=merchant, quantity=1, amount_minor=amount_minor
    )
