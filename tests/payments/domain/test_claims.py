"""The rules of an order-paid, each by the smallest order that breaks it, and the order in which they are judged."""

from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.payments.examples import NOW, discount, line, order, payment, receiver

from payments.domain.claims import Claim, refusal
from payments.domain.reasons import ClaimReason
from shared.messages import OrderPaid
from shared.money import AMOUNT_MINOR_MAX


def reason_of(claimed: OrderPaid, *, owned: bool = True) -> str | None:
    refused = refusal(Claim(claimed, owned, NOW))
    return refused.reason if refused else None


TOO_MUCH = AMOUNT_MINOR_MAX + 1
MERCHANTS = [f"m{number}" for number in range(51)]
BROKEN: list[tuple[ClaimReason, OrderPaid]] = [
    ("currency_unknown", order(currency="XXX")),
    ("profiles_mixed", order(payments=(payment("a", 600), payment("b", 600, channel_profile="stripe-connect")))),
    ("accounts_mixed", order(payments=(payment("a", 600), payment("b", 600, channel_account="other")))),
    ("profile_unknown", order(payments=(payment(channel_profile="paypal"),))),
    ("paid_at_in_future", order(paid_at=NOW + timedelta(minutes=5, seconds=1))),
    ("line_twice", order(lines=(line(amount_minor=0), line(amount_minor=800)))),
    ("payment_twice", order(payments=(payment("a", 600), payment("a", 600)))),
    ("receiver_twice", order(receivers=(receiver("driver"), receiver("driver", parent="freight")))),
    ("receivers_too_many", order(lines=tuple(line(it, 0, 0, merchant=it) for it in MERCHANTS))),
    ("receivers_too_many", order(receivers=tuple(receiver(it) for it in MERCHANTS))),
    ("receivers_too_many", order(receivers=tuple(receiver(it, "freight") for it in MERCHANTS[:50]))),
    ("receiver_invalid", order(receivers=(receiver("driver", parent="merchant:bob"),))),
    ("receiver_invalid", order(receivers=(receiver("driver", value=10_001),))),
    ("receiver_invalid", order(receivers=(receiver("driver", share="fixed", value=TOO_MUCH),))),
    ("receiver_invalid", order(receivers=(receiver("a", value=5_001), receiver("b", value=5_000)))),
    ("receiver_invalid", order(receivers=(receiver("a", share="remainder"), receiver("b", share="remainder")))),
    ("receiver_invalid", order(receivers=(receiver("a", parent="receiver:b"), receiver("b", parent="receiver:a")))),
    ("amount_out_of_range", order(lines=(line(amount_minor=-1),))),
    ("amount_out_of_range", order(lines=(line(freight_minor=-1),))),
    ("amount_out_of_range", order(lines=(line(settlement_price_minor=-1),))),
    ("amount_out_of_range", order(lines=(line(settlement_price_minor=AMOUNT_MINOR_MAX // 2, quantity=3),))),
    ("amount_out_of_range", order(lines=(line(amount_minor=TOO_MUCH),))),
    ("amount_out_of_range", order(lines=(line("a", AMOUNT_MINOR_MAX // 2), line("b", AMOUNT_MINOR_MAX // 2)))),
    ("amount_out_of_range", order(payments=(payment(amount_minor=-1),))),
    ("amount_out_of_range", order(payments=(payment(fee_minor=-1),))),
    ("amount_out_of_range", order(payments=(payment(amount_minor=TOO_MUCH),))),
    ("amount_out_of_range", order(adjustments=(discount(-TOO_MUCH),))),
    ("fee_above_amount", order(payments=(payment(fee_minor=1_201),))),
    ("adjustment_invalid", order(adjustments=(discount(100),))),
    ("adjustment_invalid", order(adjustments=(discount(100, kind="subsidy"),))),
    ("adjustment_invalid", order(adjustments=(discount(-100, "platform:fee", kind="surcharge"),))),
    ("adjustment_invalid", order(adjustments=(discount(-100, "merchant:alice", kind="subsidy"),))),
    ("adjustment_invalid", order(adjustments=(discount(-100, "merchant:bob"),))),
    ("adjustment_invalid", order(adjustments=(discount(-100, "platform:fee"),))),
    ("adjustment_invalid", order(adjustments=(discount(100, "platform:marketing", kind="surcharge"),))),
    ("adjustment_invalid", order(adjustments=(discount(-100, "nobody"),))),
    ("adjustment_invalid", order(adjustments=(discount(-100, line_id="l9"),))),
    ("amount_mismatch", order(payments=(payment(amount_minor=1_199),))),
    ("amount_mismatch", order(adjustments=(discount(-1),))),
]


@pytest.mark.parametrize(("reason", "claimed"), BROKEN)
def test_an_order_that_breaks_a_rule_is_refused_by_its_name(reason: ClaimReason, claimed: OrderPaid) -> None:
    assert reason_of(claimed) == reason


def test_an_order_paid_to_somebody_elses_account_is_refused() -> None:
    assert reason_of(order(), owned=False) == "channel_account_unknown"


def test_every_reason_has_an_order_that_shows_it() -> None:
    assert {reason for reason, _ in BROKEN} | {"channel_account_unknown"} == set(get_args(ClaimReason))


@pytest.mark.parametrize(
    "claimed",
    [
        order(),
        order(paid_at=NOW + timedelta(minutes=5)),
        order(payments=(payment("a", 1_200), payment("b", 0))),
        order(lines=(line(amount_minor=0, freight_minor=0),), payments=(payment(amount_minor=0),)),
        order(adjustments=(discount(-100), discount(100, "platform:fee", kind="surcharge", line_id="l1"))),
        order(adjustments=(discount(-100, "merchant:alice"), discount(100, "merchant:alice", kind="surcharge"))),
        order(adjustments=(discount(0),)),
        order(receivers=(receiver("outlet"), receiver("driver", parent="receiver:outlet", share="remainder", value=0))),
        order(lines=tuple(line(it, 24, 0, merchant=it) for it in MERCHANTS[:50])),
        order(receivers=tuple(receiver(it) for it in MERCHANTS[:50])),
        order(receivers=(receiver("hub"), *(receiver(it, parent="receiver:hub") for it in MERCHANTS[:50]))),
        order(
            lines=(line(amount_minor=AMOUNT_MINOR_MAX, freight_minor=0),), payments=(payment("a", AMOUNT_MINOR_MAX),)
        ),
    ],
)
def test_an_order_at_the_edge_of_the_rules_is_taken(claimed: OrderPaid) -> None:
    assert reason_of(claimed) is None


def test_a_chain_of_receivers_may_be_five_levels_deep_and_no_deeper() -> None:
    chain = [receiver("r1")] + [receiver(f"r{level}", parent=f"receiver:r{level - 1}") for level in range(2, 7)]
    assert reason_of(order(receivers=tuple(chain[:5]))) is None
    assert reason_of(order(receivers=tuple(chain))) == "receiver_invalid"


def test_whose_money_it_is_comes_before_how_much() -> None:
    wrong_in_everything = order(currency="XXX", payments=(payment(amount_minor=-1, channel_profile="x"),))
    assert reason_of(wrong_in_everything, owned=False) == "currency_unknown"
    assert reason_of(order(payments=(payment(amount_minor=-1),)), owned=False) == "channel_account_unknown"


def test_the_detail_of_a_refusal_fits_its_event() -> None:
    many = order(payments=tuple(payment(f"p{it}", channel_account="x" * 60 + str(it)) for it in range(32)))
    refused = refusal(Claim(many, owned=True, now=NOW))
    assert refused is not None
    assert 0 < len(refused.detail) <= 500


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**6)), min_size=1, max_size=8),
    st.lists(st.integers(-(10**6), 10**6), max_size=4),
    st.integers(-3, 3),
)
def test_an_order_is_taken_exactly_when_its_sums_agree(
    amounts: list[tuple[int, int]], adjusted: list[int], off_by: int
) -> None:
    total = sum(map(sum, amounts)) + sum(adjusted) + off_by
    if total < 0:
        return
    claimed = order(
        lines=tuple(line(f"l{it}", *amounts[it]) for it in range(len(amounts))),
        adjustments=tuple(
            discount(it, "platform:fee", kind="surcharge") if it > 0 else discount(it) for it in adjusted
        ),
        payments=(payment(amount_minor=total),),
    )
    assert reason_of(claimed) == ("amount_mismatch" if off_by else None)
