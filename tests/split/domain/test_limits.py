"""What a profile forbids is held with its reason before anything is booked; what it allows goes out."""

from datetime import timedelta
from typing import Any, get_args

import msgspec
import pytest
from tests.split.channels import ECOMMERCE, WECHAT, at_channel
from tests.split.decisions import at, legs_of, reasons_of
from tests.split.examples import PAID_AT, agreement, copies, extra, line, merchant, paid_order

from shared.messages import Adjustment, ChannelPayment, CommissionLimit, MerchantChanged, SplitRequested
from split.domain import splits
from split.domain.holds import NO_FACTS
from split.domain.limits import Refusal, key_of, keys_of
from split.domain.rounds import Decision

ALIPAY_SYNC = "alipay-split-sync"
LATER = PAID_AT + timedelta(minutes=1)
EVERYBODY = ("platform:commission", "platform:tax", "platform:fee", *(f"merchant:r{number}" for number in range(60)))


def bound(order: SplitRequested, *receivers: str) -> list[str]:
    """Return what the registry has when each seller of the order has bound these receivers."""
    place = order.payments[0]
    return [
        key_of(order.marketplace, seller, place.channel_profile, place.channel_account, receiver)
        for seller in {it.merchant for it in order.lines}
        for receiver in receivers or EVERYBODY
    ]


def split(order: SplitRequested, merchants: dict[str, MerchantChanged], *keys: str, now: Any = LATER) -> Decision:  # noqa: ANN401 - a time
    decision = splits.split(order, merchants, NO_FACTS, at(now, bound=keys))
    assert isinstance(decision, Decision)
    return decision


def seller(name: str = "m1", **terms: Any) -> MerchantChanged:  # noqa: ANN401 - any field of an agreement
    return merchant(name, agreement(**{"channel_profile": WECHAT, "commission_bp": 1_000} | terms))


def why(order: SplitRequested, *merchants: MerchantChanged, keys: list[str] | None = None) -> str:
    """Return why the order is held, empty if it is not."""
    decision = split(order, copies(*merchants), *(bound(order) if keys is None else keys))
    return next(iter(reasons_of(decision).values()), "")


TWO = (line(1, 6_000), line(2, 4_000, merchant="m2"))
COMMON = (seller("m1", channel_profile=ECOMMERCE), seller("m2", channel_profile=ECOMMERCE))


def test_an_order_within_its_profile_is_paid() -> None:
    order = at_channel(paid_order(line(1, 10_000), receivers=(extra("r1", "merchant:m1", "fixed", 2_000),)), WECHAT)
    assert why(order, seller()) == ""
    assert why(at_channel(paid_order(*TWO), ECOMMERCE, m1=6_000, m2=4_000), *COMMON) == ""


REFUSED: dict[Refusal, tuple[SplitRequested, tuple[MerchantChanged, ...]]] = {
    "profile_unknown": (at_channel(paid_order(), "paypal"), (seller(),)),
    "collector_ambiguous": (at_channel(paid_order(*TWO), ECOMMERCE), COMMON),
    "subsidy_not_allowed": (
        at_channel(
            paid_order(adjustments=(Adjustment(kind="subsidy", amount_minor=-1, party="platform:marketing"),)), WECHAT
        ),
        (seller(),),
    ),
    "subsidy_too_large": (
        at_channel(
            paid_order(
                line(1, 600_000),
                adjustments=(Adjustment(kind="subsidy", amount_minor=-500_001, party="platform:marketing"),),
                currency="CNY",
            ),
            ECOMMERCE,
        ),
        (seller(),),
    ),
    "receiver_twice": (
        at_channel(
            paid_order(
                line(1, 10_000, freight_minor=5),
                receivers=(extra("r1", "merchant:m1", "fixed", 5), extra("r1", "freight", "remainder")),
            ),
            WECHAT,
        ),
        (seller(freight_to="chain"),),
    ),
    "receiver_not_bound": (
        at_channel(paid_order(receivers=(extra("stranger", "merchant:m1", "fixed", 5),)), WECHAT),
        (seller(),),
    ),
    "too_many_receivers": (
        at_channel(
            paid_order(receivers=tuple(extra(f"r{n}", "merchant:m1", "fixed", 1) for n in range(5))),
            "alipay-split-sync",
        ),
        (seller(),),
    ),
    "cap_exceeded": (
        at_channel(paid_order(line(1, 10_000), receivers=(extra("r1", "merchant:m1", "fixed", 2_001),)), WECHAT),
        (seller(),),
    ),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_a_profile_forbids_is_held_with_its_reason(reason: Refusal) -> None:
    order, merchants = REFUSED[reason]
    decision = split(order, copies(*merchants), *bound(order))
    assert set(reasons_of(decision).values()) == {reason}
    assert decision.payout is None
    waits = {"receiver_not_bound": ("receivers/m1",), "cap_exceeded": ("m1",)}
    assert decision.order.waiting_for == waits.get(reason, ())


def test_every_refusal_has_an_order_that_shows_it() -> None:
    assert set(REFUSED) | {"too_many_requests"} == set(get_args(Refusal))


def test_a_pool_has_none_of_these_limits() -> None:
    order = paid_order(*TWO, receivers=(extra("stranger", "merchant:m1", "percent", 9_000),))
    assert why(order, seller("m1"), seller("m2"), keys=[]) == ""


def test_a_cap_is_raised_by_what_the_institution_grants() -> None:
    order, _ = REFUSED["cap_exceeded"]
    assert why(order, seller(split_cap_bp=3_001)) == ""
    assert why(order, seller(split_cap_bp=3_000)) == "cap_exceeded"
    later = agreement(version=2, split_cap_bp=3_001, effective_from=LATER)
    raised = merchant("m1", agreement(commission_bp=1_000), later)
    assert why(order, raised) == ""


def test_a_pot_that_waits_for_a_receiver_goes_once_it_is_bound() -> None:
    order = at_channel(paid_order(line(1, 10_000), receivers=(extra("r1", "merchant:m1", "fixed", 5),)), WECHAT)
    held = split(order, copies(seller()), *bound(order, "platform:commission"))
    assert reasons_of(held) == {"merchant:m1": "receiver_not_bound"}
    again = splits.review(held.order, order, copies(seller()), at(LATER, bound=bound(order)))
    assert again is not None
    assert legs_of(again)["merchant:r1"] == 5


def test_a_receiver_of_nothing_need_not_be_bound() -> None:
    order = at_channel(paid_order(receivers=(extra("stranger", "merchant:m1", "fixed", 0),)), WECHAT)
    assert why(order, seller()) == ""


def test_all_that_leaves_the_collector_counts_against_the_cap() -> None:
    """Commission 1,000, surcharge 500, freight 700 and an agent's 800 are 3,000 of 10,000; one more is too much."""
    surcharge = Adjustment(kind="surcharge", amount_minor=500, party="platform:fee")
    for agent, reason in ((800, ""), (801, "cap_exceeded")):
        order = at_channel(
            paid_order(
                line(1, 8_800, freight_minor=700),
                adjustments=(surcharge,),
                receivers=(extra("r1", "merchant:m1", "fixed", agent), extra("r2", "freight", "remainder")),
            ),
            WECHAT,
        )
        assert why(order, seller(commission_bp=0, commission_limits=(FLOOR,), freight_to="chain")) == reason


FLOOR = CommissionLimit(currency="BRL", floor_minor=1_000)


def test_what_is_passed_on_counts_once() -> None:
    receivers = (extra("r1", "merchant:m1", "fixed", 2_000), extra("r2", "receiver:r1", "percent", 9_000))
    assert why(at_channel(paid_order(line(1, 10_000), receivers=receivers), WECHAT), seller()) == ""


def test_each_seller_of_a_combined_payment_has_a_cap_of_its_own() -> None:
    order = at_channel(
        paid_order(*TWO, receivers=(extra("r1", "merchant:m2", "fixed", 801),)), ECOMMERCE, m1=6_000, m2=4_000
    )
    decision = split(order, copies(*COMMON), *bound(order))
    assert reasons_of(decision) == {"merchant:m2": "cap_exceeded"}
    assert legs_of(decision)["platform:commission"] == 600


@pytest.mark.parametrize(
    "payments",
    [
        {"m1": 6_001, "m2": 3_999},
        {"m1": 10_000},
        {"m1": 6_000, "m3": 4_000},
    ],
)
def test_payments_that_are_not_one_of_each_seller_are_ambiguous(payments: dict[str, int]) -> None:
    assert why(at_channel(paid_order(*TWO), ECOMMERCE, **payments), *COMMON) == "collector_ambiguous"


def test_a_payment_that_names_no_seller_is_ambiguous_beside_another() -> None:
    order = at_channel(paid_order(*TWO), ECOMMERCE, m1=6_000, m2=4_000)
    unnamed = msgspec.structs.replace(order.payments[1], merchant=msgspec.UNSET)
    assert why(_paid_by(order, order.payments[0], unnamed), *COMMON) == "collector_ambiguous"
    twice = at_channel(paid_order(line(1, 6_000)), ECOMMERCE)
    half = [msgspec.structs.replace(twice.payments[0], amount_minor=3_000, channel_payment_id=it) for it in "ab"]
    assert why(_paid_by(twice, *half), COMMON[0]) == "collector_ambiguous"
    nothing = msgspec.structs.replace(half[0], amount_minor=0)
    assert why(_paid_by(twice, *twice.payments, nothing), COMMON[0]) == ""


def _paid_by(order: SplitRequested, *payments: ChannelPayment) -> SplitRequested:
    return msgspec.structs.replace(order, payments=payments)


def test_what_the_platform_takes_off_a_line_is_off_its_sellers_payment() -> None:
    def order(line_id: str | None) -> SplitRequested:
        off = Adjustment(kind="discount", amount_minor=-500, party="platform:marketing", line_id=line_id)
        return at_channel(paid_order(*TWO, adjustments=(off,), currency="CNY"), ECOMMERCE, m1=6_000, m2=3_500)

    assert why(order("l2"), *COMMON) == ""
    assert why(order("l1"), *COMMON) == "collector_ambiguous"
    assert why(order(None), *COMMON) == "collector_ambiguous"


def test_the_freight_of_two_sellers_is_in_two_payments() -> None:
    lines = (line(1, 6_000, freight_minor=10), line(2, 4_000, merchant="m2"))
    order = paid_order(*lines, receivers=(extra("r1", "freight", "remainder"),))
    order = at_channel(order, ECOMMERCE, m1=6_010, m2=4_000)
    chained = seller("m1", channel_profile=ECOMMERCE, freight_to="chain")
    decision = split(order, copies(chained, COMMON[1]), *bound(order))
    assert reasons_of(decision) == {"merchant:m1": "collector_ambiguous"}


def test_an_order_is_split_a_minute_after_it_was_paid_and_not_before() -> None:
    order = at_channel(paid_order(), WECHAT)
    early = split(order, copies(seller()), *bound(order), now=LATER - timedelta(milliseconds=1))
    assert reasons_of(early) == {"merchant:m1": "too_early"}
    assert early.order.look_at == LATER
    again = splits.review(early.order, order, copies(seller()), at(LATER, bound=bound(order)))
    assert again is not None
    assert reasons_of(again) == {}
    assert again.order.look_at is msgspec.UNSET


def test_the_registry_is_asked_for_whom_the_order_may_pay() -> None:
    order = at_channel(paid_order(*TWO, receivers=(extra("r1", "freight", "remainder"),)), WECHAT)
    assert set(keys_of(order)) == set(
        bound(order, "platform:commission", "platform:tax", "platform:fee", "merchant:r1")
    )
