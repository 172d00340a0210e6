"""The payout of one pass: what it asks of marketing, and which shares have a leg."""

import msgspec
from hypothesis import given
from tests.split.decisions import decided, held_of, legs_of, review
from tests.split.examples import PAID_AT, agreement, copies, line, merchant, merchant_copies, orders, paid_order
from tests.split.tariffs import rule

from shared.messages import Adjustment, Breakdown, MerchantChanged, SplitRequested
from split.domain.holds import Progress
from split.domain.orders import Order


@given(orders(), merchant_copies(), merchant_copies())
def test_a_payout_takes_from_the_pool_what_is_the_orders_and_brings_in_what_else_it_pays_out(
    order: SplitRequested, some: dict[str, MerchantChanged], more: dict[str, MerchantChanged]
) -> None:
    """Nobody may be paid on the strength of a subsidy that another payout still waits for."""
    decision = decided(order, some)
    unblocked = {name: msgspec.structs.replace(it, blocked=()) for name, it in {**more, **some}.items()}
    left = sum(it.amount_minor - it.fee_minor for it in order.payments)
    for step in (decision, review(decision.order, order, unblocked)):
        if step is None or step.payout is None:
            continue
        legs, added = (sum(it.amount_minor for it in part) for part in (step.payout.legs, step.payout.subsidies))
        assert added <= legs
        left += added - legs
        assert left >= 0


def test_a_platform_discount_is_paid_in_by_marketing_where_the_pool_lacks_it() -> None:
    discount = Adjustment(kind="discount", amount_minor=-1_300, party="platform:marketing")
    order = paid_order(line(1, 1_000), line(2, 500, merchant="m2"), adjustments=(discount,))
    held = decided(order, {})
    assert held.payout is None
    assert held.order.subsidy_due_minor == 1_300
    first = review(held.order, order, copies(merchant("m2", agreement())))
    assert first is not None
    assert first.payout is not None
    assert [it.amount_minor for it in first.payout.subsidies] == [300]
    assert first.order.subsidy_due_minor == 1_000
    second = review(first.order, order, copies(merchant("m1", agreement())))
    assert second is not None
    assert second.payout is not None
    assert [it.amount_minor for it in second.payout.subsidies] == [1_000]
    assert second.order.subsidy_due_minor == 0


def test_a_surcharge_to_the_platform_is_a_leg_of_its_own() -> None:
    surcharge = Adjustment(kind="surcharge", amount_minor=70, party="platform:fee")
    decision = decided(paid_order(line(1, 1_000), adjustments=(surcharge,)), copies(merchant("m1", agreement())))
    assert legs_of(decision) == {"merchant:m1": 880, "platform:commission": 120, "platform:fee": 70}


def test_the_tax_on_commission_is_a_leg_of_its_own_and_stands_in_the_merchants_breakdown() -> None:
    decision = decided(paid_order(line(1, 1_000)), copies(merchant("m1", agreement(tax_bp=1_000))))
    assert legs_of(decision) == {"merchant:m1": 868, "platform:commission": 120, "platform:tax": 12}
    assert decision.payout is not None
    why = {leg.receiver: leg.breakdown for leg in decision.payout.legs}
    assert why["merchant:m1"] == Breakdown(gross_minor=1_000, commission_minor=120, commission_tax_minor=12)
    assert why["platform:tax"] == Breakdown(gross_minor=12)
    assert decision.entries["platform:tax"] == 12


def test_lines_released_one_at_a_time_pay_their_own_tax() -> None:
    """Each line's commission has the rate of tax of the rule that decided about it."""
    own = (rule("books", category="books", tax_bp=1_000), rule("shoes", category="shoes", tax_bp=2_000))
    order = paid_order(line(1, 1_000), line(2, 1_000, category="books"))
    held = decided(order, copies(merchant("m1", agreement(trigger="shipped", rules=own))))
    assert legs_of(held) == {}
    first = review(shipped(held.order, "l2"), order, {})
    assert first is not None
    assert legs_of(first) == {"merchant:m1": 890, "platform:commission": 100, "platform:tax": 10}
    last = review(shipped(first.order, "l1"), order, {})
    assert last is not None
    assert legs_of(last) == {"merchant:m1": 880, "platform:commission": 100, "platform:tax": 20}
    assert held_of(last) == {}


def shipped(order: Order, line_id: str) -> Order:
    news = Progress(kind="shipped", progress_id=line_id, line_ids=(line_id,), occurred_at=PAID_AT, hash="00")
    facts = order.known_facts
    return msgspec.structs.replace(order, facts=msgspec.structs.replace(facts, progress=(*facts.progress, news)))


def test_a_platform_share_of_nothing_has_no_leg_and_is_kept() -> None:
    decision = decided(paid_order(line(1, 1_000)), copies(merchant("m1", agreement(commission_bp=0))))
    assert legs_of(decision) == {"merchant:m1": 1_000}
    assert [(it.path, it.state) for it in decision.order.shares] == [
        ("merchant:m1", "in_transit"),
        ("platform:commission", "paid"),
    ]


def test_a_sale_that_brings_its_merchant_nothing_has_a_leg_that_says_why() -> None:
    decision = decided(paid_order(line(1, 1_000)), copies(merchant("m1", agreement(commission_bp=10_000))))
    assert legs_of(decision) == {"merchant:m1": 0, "platform:commission": 1_000}
    assert decision.payout is not None
    assert decision.payout.legs[0].breakdown == Breakdown(gross_minor=1_000, commission_minor=1_000)


def test_an_order_of_nothing_is_split_without_entries_and_told_to_its_merchant() -> None:
    decision = decided(paid_order(line(1, 0)), copies(merchant("m1", agreement())))
    assert decision.entries == {}
    assert legs_of(decision) == {"merchant:m1": 0}
