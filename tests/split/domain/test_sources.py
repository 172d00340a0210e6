"""Where sellers collect, every leg is split off one payment: its own seller's, and never more than is in it."""

from collections import Counter
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.split.channels import ECOMMERCE, WECHAT, at_channel
from tests.split.decisions import at, decided
from tests.split.domain.test_collectors import Collected
from tests.split.examples import PAID_AT, agreement, copies, extra, line, merchant, paid_order

from shared.messages import Adjustment, MerchantChanged, SplitRequested
from split.domain import splits
from split.domain.funding import Standing
from split.domain.guards import Guard
from split.domain.holds import NO_FACTS
from split.domain.rounds import Decision

SELLERS = ("m1", "m2", "m3")


def sellers(**terms: object) -> dict[str, MerchantChanged]:
    fields = {"channel_profile": ECOMMERCE, "commission_bp": 500, "split_cap_bp": 10_000, "tax_bp": 600} | terms
    return copies(*(merchant(name, agreement(**fields)) for name in SELLERS))


def legs(it: Collected) -> list[tuple[str, str, int]]:
    """Return every leg so far: the payment that it is split from, who gets it, and how much."""
    found = [(str(leg.channel_payment_id), leg.receiver, leg.amount_minor) for out in it.payouts for leg in out.legs]
    return sorted(found)


def finished(it: Collected) -> Collected:
    while not it.payouts or it.payouts[-1].kind != "finish":
        before = len(it.payouts)
        it.pay()
        assert len(it.payouts) > before
    return it


def test_the_platforms_part_of_two_sellers_is_a_leg_of_each_payment() -> None:
    lines = (line(1, 6_000), line(2, 4_000, merchant="m2"))
    it = finished(Collected(at_channel(paid_order(*lines), ECOMMERCE, m1=6_000, m2=4_000), sellers()))
    assert legs(it) == [
        ("m1", "merchant:m1", 5_682),
        ("m1", "platform:commission", 300),
        ("m1", "platform:tax", 18),
        ("m2", "merchant:m2", 3_788),
        ("m2", "platform:commission", 200),
        ("m2", "platform:tax", 12),
    ]
    it.pay()
    assert it.balances == {}


def test_of_one_payment_every_leg_is_of_that_one() -> None:
    order = at_channel(paid_order(line(1, 10_000), receivers=(extra("r1", "merchant:m1", "fixed", 500),)), WECHAT)
    it = finished(Collected(order, copies(merchant("m1", agreement(channel_profile=WECHAT, commission_bp=500)))))
    assert {payment for payment, _, _ in legs(it)} == {order.payments[0].channel_payment_id}


def test_a_pools_legs_are_of_no_payment_and_say_nothing_of_it() -> None:
    decision = decided(paid_order(line(1, 10_000)), copies(merchant("m1", agreement())))
    assert decision.payout is not None
    assert b"channel_payment_id" not in msgspec.json.encode(decision.payout)
    assert b"payment" not in msgspec.json.encode(decision.order)


def test_what_a_debt_brings_back_is_of_the_payment_that_it_was_kept_of() -> None:
    lines = (line(1, 6_000), line(2, 4_000, merchant="m2"))
    request = at_channel(paid_order(*lines), ECOMMERCE, m1=6_000, m2=4_000)
    it = Collected(request, {})
    it.merchants = sellers(tax_bp=0)
    it.standings = {name: Standing(guard=Guard(debt_minor=debt)) for name, debt in (("m1", 700), ("m2", 50))}
    it.look()
    finished(it)
    assert [(payment, amount) for payment, receiver, amount in legs(it) if receiver == "platform:advance"] == [
        ("m1", 700),
        ("m2", 50),
    ]


def test_a_subsidy_is_added_to_the_payment_that_lacks_it() -> None:
    off = Adjustment(kind="discount", amount_minor=-500, party="platform:marketing", line_id="l2")
    lines = (line(1, 6_000), line(2, 4_000, merchant="m2"))
    order = at_channel(paid_order(*lines, adjustments=(off,), currency="CNY"), ECOMMERCE, m1=6_000, m2=3_500)
    it = finished(Collected(order, sellers()))
    (subsidy,) = [sub for out in it.payouts for sub in out.subsidies]
    assert (subsidy.channel_payment_id, subsidy.amount_minor) == ("m2", 500)


def test_a_surcharge_waits_until_its_payment_may_be_split_at_all() -> None:
    """The first minute is not over: nothing may be split off, the platform's own no more than the seller's."""
    surcharge = Adjustment(kind="surcharge", amount_minor=70, party="platform:fee")
    request = at_channel(paid_order(line(1, 10_000), adjustments=(surcharge,)), WECHAT)
    seller = copies(merchant("m1", agreement(channel_profile=WECHAT, commission_bp=500)))
    it = Collected(request, seller)
    moment = at(PAID_AT + timedelta(seconds=59), bound=it._bound)  # noqa: SLF001 - the same registry
    early = splits.split(request, seller, NO_FACTS, moment)
    assert isinstance(early, Decision)
    assert early.payout is None
    still = splits.review(early.order, request, seller, moment)
    assert still is None
    later = splits.review(early.order, request, seller, at(PAID_AT + timedelta(seconds=60), bound=it._bound))  # noqa: SLF001 - the same
    assert later is not None
    assert later.payout is not None
    assert {leg.receiver: leg.amount_minor for leg in later.payout.legs} == {
        "platform:commission": 500,
        "platform:fee": 70,
    }


@st.composite
def combined(draw: st.DrawFn) -> SplitRequested:
    """Draw an order of two or three sellers who were paid apart, each with a fee of its own."""
    names = SELLERS[: draw(st.integers(2, 3))]
    lines, adjustments, paid = [], list[Adjustment](), Counter[str]()
    for number in range(1, draw(st.integers(len(names), 6)) + 1):
        seller = names[(number - 1) % len(names)]
        amount, freight = draw(st.integers(100, 100_000)), draw(st.integers(0, 500))
        lines.append(line(number, amount, merchant=seller, freight_minor=freight))
        paid[seller] += amount + freight
        if draw(st.booleans()):
            off = draw(st.integers(-amount // 4, amount).filter(bool))  # more would leave less than the commission
            it = Adjustment(kind="discount", amount_minor=off, party="platform:marketing", line_id=f"l{number}")
            more = msgspec.structs.replace(it, kind="surcharge", party="platform:fee")
            adjustments.append(it if off < 0 else more)
            paid[seller] += off
    order = at_channel(paid_order(*lines, adjustments=tuple(adjustments)), ECOMMERCE, **paid)
    fees = [draw(st.integers(0, it.amount_minor // 100)) for it in order.payments]
    payments = (msgspec.structs.replace(it, fee_minor=fee) for it, fee in zip(order.payments, fees, strict=True))
    return msgspec.structs.replace(order, currency="XTS", payments=tuple(payments))


@given(combined())
def test_of_every_payment_exactly_what_is_in_it_is_split(order: SplitRequested) -> None:
    """Its net and what the platform added to it: no payment lends another a minor unit."""
    it = Collected(order, sellers())
    finished(it)
    out, added = Counter[str](), Counter[str]()
    for payout in it.payouts:
        for leg in payout.legs:
            out[str(leg.channel_payment_id)] += leg.amount_minor
        for sub in payout.subsidies:
            added[str(sub.channel_payment_id)] += sub.amount_minor
    for payment in order.payments:
        name = payment.channel_payment_id
        assert out[name] == payment.amount_minor - payment.fee_minor + added[name]


@pytest.mark.parametrize("seller", SELLERS[:2])
def test_a_leg_that_is_paid_again_is_of_the_same_payment(seller: str) -> None:
    lines = (line(1, 6_000), line(2, 4_000, merchant="m2"))
    it = Collected(at_channel(paid_order(*lines), ECOMMERCE, m1=6_000, m2=4_000), sellers(tax_bp=0))
    it.pay(state="failed")
    waiting = [share for share in it.order.shares if share.state == "available" and share.payment == seller]
    assert [(share.receiver, share.amount_minor) for share in waiting] == [
        ("platform:commission", 300 if seller == "m1" else 200)
    ]
