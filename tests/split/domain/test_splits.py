"""The split of a whole order: exact for every order and agreement, and the same as an independent oracle says."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.split.decisions import decided, held_of, legs_of, marketing_of, nonzero, reasons_of, review, split
from tests.split.examples import (
    PAID_AT,
    agreement,
    copies,
    extra,
    line,
    merchant,
    merchant_copies,
    orders,
    paid_order,
    payment,
)
from tests.split.oracle import expected
from tests.split.tariffs import MERCHANTS, Market, rule_sets

from shared.messages import MerchantChanged, SplitRequested

markets = st.one_of(st.none(), rule_sets(MERCHANTS))


@given(orders(), merchant_copies(), markets)
def test_every_minor_unit_is_where_an_independent_oracle_says(
    order: SplitRequested, merchants: dict[str, MerchantChanged], market: Market
) -> None:
    decision, answer = decided(order, merchants, market=market), expected(order, merchants, market or ())
    assert nonzero(legs_of(decision)) == nonzero(answer.legs)
    assert nonzero(held_of(decision)) == nonzero(answer.held)
    assert marketing_of(decision) == answer.marketing


@given(orders(), merchant_copies(), markets)
def test_what_is_paid_in_is_what_is_owed_for_every_order(
    order: SplitRequested, merchants: dict[str, MerchantChanged], market: Market
) -> None:
    decision = decided(order, merchants, market=market)
    pooled = sum(it.amount_minor - it.fee_minor for it in order.payments)
    after = decision.order
    assert sum(share.amount_minor for share in after.shares) == pooled + marketing_of(decision)
    assert all(share.amount_minor >= 0 for share in after.shares)
    assert sum(decision.entries.values()) == 0
    asked = sum(it.amount_minor for it in decision.payout.subsidies) if decision.payout else 0
    assert asked + after.subsidy_due_minor == marketing_of(decision)


@given(orders(), merchant_copies(), markets)
def test_every_breakdown_explains_its_amount(
    order: SplitRequested, merchants: dict[str, MerchantChanged], market: Market
) -> None:
    for share in decided(order, merchants, market=market).order.shares:
        why = share.breakdown
        brought = why.gross_minor + why.freight_minor + why.adjustments_minor
        taken = why.commission_minor + (why.commission_tax_minor or 0) + why.fee_minor
        assert share.amount_minor == brought - taken - why.passed_on_minor


@given(orders(), merchant_copies(), merchant_copies(), merchant_copies())
def test_releasing_in_steps_ends_where_splitting_at_once_does(
    order: SplitRequested,
    first: dict[str, MerchantChanged],
    second: dict[str, MerchantChanged],
    last: dict[str, MerchantChanged],
) -> None:
    """Each merchant's agreement is the first that it had; news of it only ever adds, and the freight comes together."""
    final = {name: _unblocked(copy) for name, copy in {**last, **second, **first}.items() if copy.agreements}
    second = {name: copy for name, copy in final.items() if name in second}
    first = {name: final.get(name, copy) if copy.agreements else copy for name, copy in first.items()}
    blocked_first = {name: msgspec.structs.replace(copy, blocked=("kyc",)) for name, copy in first.items()}
    decision = decided(order, blocked_first)
    paid, booked = legs_of(decision), [decision.entries]
    for merchants in (first, second, final):
        step = review(decision.order, order, merchants)
        if step is None:
            continue
        decision = step
        booked.append(decision.entries)
        for receiver, amount in legs_of(decision).items():
            paid[receiver] = paid.get(receiver, 0) + amount
    at_once = decided(order, final)
    assert paid == legs_of(at_once)
    assert nonzero(held_of(decision)) == nonzero(held_of(at_once))
    assert {sum(entries.values()) for entries in booked} == {0}
    totals: dict[str, int] = {}
    for account, amount in (it for entries in booked for it in entries.items()):
        totals[account] = totals.get(account, 0) + amount
    assert nonzero(totals) == at_once.entries


def _unblocked(copy: MerchantChanged) -> MerchantChanged:
    return msgspec.structs.replace(copy, blocked=())


@given(orders(), merchant_copies(), merchant_copies())
def test_no_leg_id_is_ever_given_twice(
    order: SplitRequested, merchants: dict[str, MerchantChanged], more: dict[str, MerchantChanged]
) -> None:
    decision = decided(order, merchants)
    after = review(decision.order, order, {**merchants, **more}) or decision
    paths = [(share.path, share.part) for share in after.order.shares]
    assert len(set(paths)) == len(paths)
    released = [share for share in after.order.shares if share.part]
    before = [share for share in decision.order.shares if share.part]
    assert released[: len(before)] == before


def test_an_order_that_does_not_add_up_is_not_booked() -> None:
    wrong = msgspec.structs.replace(paid_order(), payments=(payment(9_999),))
    assert split(wrong, copies(merchant("m1", agreement()))) == "amount_mismatch"
    mixed = msgspec.structs.replace(paid_order(), payments=(payment(4_000), payment(6_000, account="test-b")))
    assert split(mixed, {}) == "accounts_mixed"
    below = msgspec.structs.replace(paid_order(line(1, -5), line(2, 10)), payments=(payment(5),))
    assert split(below, {}) == "amount_out_of_range"
    owed = msgspec.structs.replace(paid_order(), payments=(payment(10_000, fee=-1),))
    assert split(owed, {}) == "amount_out_of_range"


def test_an_unknown_merchant_waits_while_the_other_is_paid() -> None:
    order = paid_order(line(1, 1_000), line(2, 500, merchant="m2"))
    decision = decided(order, copies(merchant("m1", agreement())))
    assert legs_of(decision) == {"merchant:m1": 880, "platform:commission": 120}
    assert reasons_of(decision) == {"merchant:m2": "merchant_unknown"}
    assert decision.order.waiting_for == ("m2",)
    after = review(decision.order, order, copies(merchant("m1", agreement()), merchant("m2", agreement())))
    assert after is not None
    assert legs_of(after) == {"merchant:m2": 440, "platform:commission": 60}
    assert after.payout is not None
    assert after.payout.payout_id == "o:1.2"
    assert [leg.leg_id for leg in after.payout.legs] == [
        "test-a/o:1/merchant:m2/1",
        "test-a/o:1/platform:commission/2",
    ]
    assert after.order.waiting_for == ()


def test_every_reason_to_wait_is_named() -> None:
    order = paid_order()
    for terms, reason in (
        ({"direction": "collect"}, "collect"),
        ({"trigger": "shipped"}, "awaiting_shipped"),
        ({"trigger": "paid", "trigger_days": 7}, "awaiting_paid"),
        ({"cycle": "month"}, "periodic"),
        ({"price_mode": "settlement_price"}, "settlement_price_missing"),
        ({"effective_from": PAID_AT.replace(hour=13)}, "agreement_missing"),
    ):
        decision = decided(order, copies(merchant("m1", agreement(**terms))))
        assert reasons_of(decision) == {"merchant:m1": reason}
        assert decision.payout is None
    assert reasons_of(decided(order, {})) == {"merchant:m1": "merchant_unknown"}


def test_only_news_of_the_merchant_can_end_a_wait_for_the_merchant() -> None:
    order = paid_order()
    waits = decided(order, copies(merchant("m1", agreement(trigger="shipped")))).order
    assert waits.waiting_for == ()
    assert review(waits, order, copies(merchant("m1", agreement(version=2)))) is None


def test_a_blocked_merchant_gets_what_its_agreement_said_when_it_was_blocked() -> None:
    order = paid_order(line(1, 1_000))
    held = decided(order, copies(merchant("m1", agreement(), blocked=("kyc",))))
    assert reasons_of(held) == {"merchant:m1": "blocked:kyc"}
    assert held_of(held) == {"m1": 1_000}
    still = review(held.order, order, copies(merchant("m1", agreement(), blocked=("kyc", "risk"))))
    assert still is None
    other = review(held.order, order, copies(merchant("m1", agreement(), blocked=("risk",))))
    assert other is not None
    assert reasons_of(other) == {"merchant:m1": "blocked:risk"}
    assert other.entries == {}
    dearer = copies(merchant("m1", agreement(commission_bp=5_000, version=7)))
    free = review(other.order, order, dearer)
    assert free is not None
    assert legs_of(free) == {"merchant:m1": 880, "platform:commission": 120}
    assert {share.agreement_version for share in free.order.shares if share.merchant == "m1"} == {1}


def test_freight_goes_to_the_chain_once_every_merchant_that_feeds_it_is_paid() -> None:
    chain = agreement(freight_to="chain")
    order = paid_order(
        line(1, 1_000, freight_minor=100),
        line(2, 1_000, merchant="m2", freight_minor=200),
        receivers=(extra("outlet", "freight", "fixed", 150), extra("fleet", "freight", "remainder")),
    )
    first = decided(order, copies(merchant("m1", chain)))
    assert legs_of(first) == {"merchant:m1": 880, "platform:commission": 120}
    assert reasons_of(first) == {"merchant:m2": "merchant_unknown", "freight:m1": "freight_incomplete"}
    last = review(first.order, order, copies(merchant("m2", chain)))
    assert last is not None
    assert legs_of(last) == {
        "merchant:m2": 880,
        "merchant:outlet": 150,
        "merchant:fleet": 150,
        "platform:commission": 120,
    }
    assert held_of(last) == {}


def test_freight_for_a_chain_that_is_not_there_is_held() -> None:
    order = paid_order(line(1, 1_000, freight_minor=100))
    decision = decided(order, copies(merchant("m1", agreement(freight_to="chain"))))
    assert legs_of(decision) == {"merchant:m1": 880, "platform:commission": 120}
    assert reasons_of(decision) == {"freight:m1": "freight_chain_missing"}


def test_fifty_receivers_share_one_merchants_net_exactly() -> None:
    receivers = tuple(extra(f"r{number}", "merchant:m1", "percent", 199) for number in range(50))
    decision = decided(paid_order(line(1, 99_999), receivers=receivers), copies(merchant("m1", agreement())))
    assert sum(legs_of(decision).values()) == 99_999
    assert len(legs_of(decision)) == 52


@given(st.permutations(["m1", "m2"]))
def test_a_tree_that_cannot_be_paid_holds_its_own_merchant_only(order_of: list[str]) -> None:
    order = paid_order(
        *(line(number, 1_000, merchant=name) for number, name in enumerate(order_of)),
        receivers=(extra("r", "merchant:m1", "fixed", 881),),
    )
    decision = decided(order, copies(merchant("m1", agreement()), merchant("m2", agreement())))
    assert reasons_of(decision) == {"merchant:m1": "fixed_above_share"}
    assert legs_of(decision) == {"merchant:m2": 880, "platform:commission": 120}
