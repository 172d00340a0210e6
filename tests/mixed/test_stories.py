"""The stories of a mixed run add up, and no seller is spared any kind."""

from collections import defaultdict

from tests.mixed.orders import EARLY_MAX, LATE_MAX, SELLERS, TERMS
from tests.mixed.stories import KINDS, story

from shared.messages import ChannelMoved, OrderProgressed, RefundApproved

NUMBERS = range(3 * len(KINDS) * len(SELLERS))


def test_what_is_taken_back_is_never_more_than_was_paid_nor_less_than_merchants_lose() -> None:
    for number in NUMBERS:
        it = story("test-mixed", number)
        paid = sum(line.amount_minor for line in it.order.lines)
        assert paid == sum(payment.amount_minor for payment in it.order.payments)
        assert 0 <= it.back_minor <= paid
        assert paid * 9 // 10 - it.back_minor <= it.wanted.total() <= paid * 9 // 10


def test_no_tenth_of_an_amount_is_rounded() -> None:
    for number in NUMBERS:
        it = story("test-mixed", number)
        moved = [told.event.amount_minor for told in it.told if isinstance(told.event, ChannelMoved)]
        refunded = [
            line.amount_minor for told in it.told if isinstance(told.event, RefundApproved) for line in told.event.lines
        ]
        assert all(amount % 10 == 0 for amount in [*moved, *refunded, *(line.amount_minor for line in it.order.lines)])


def test_every_seller_meets_every_kind_and_something_comes_before_its_order() -> None:
    met: dict[str, set[int]] = defaultdict(set)
    lags = [told.lag for number in NUMBERS for told in story("test-mixed", number).told]
    for number in NUMBERS:
        met[SELLERS[number % len(SELLERS)]].add(number % len(KINDS))
    assert {seller: len(kinds) for seller, kinds in met.items()} == dict.fromkeys(SELLERS, len(KINDS))
    assert set(SELLERS) < set(TERMS)
    assert -EARLY_MAX <= min(lags) < 0 < max(lags) <= LATE_MAX


def test_goods_of_every_order_go_all_the_way() -> None:
    for number in NUMBERS:
        kinds = {
            told.event.kind for told in story("test-mixed", number).told if isinstance(told.event, OrderProgressed)
        }
        assert kinds == {"shipped", "delivered", "completed"}
