"""A preview is the split itself, nothing kept: the same shares for every order, and each line's figures explained."""

from collections import Counter

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.split.decisions import SOON, at, decided
from tests.split.examples import agreement, copies, extra, line, merchant, merchant_copies, orders, paid_order, payment
from tests.split.tariffs import MERCHANTS, Market, fee, rule, rule_sets

from shared.messages import Adjustment, MerchantChanged, Rule, SplitRequested
from shared.money import AMOUNT_MINOR_MAX
from split.domain.previews import Line, Passed, Preview, preview


def previewed(order: SplitRequested, merchants: dict[str, MerchantChanged], market: Market = None) -> Preview:
    found = preview(order, merchants, at(SOON, market))
    assert isinstance(found, Preview)
    return found


@given(orders(), merchant_copies(), st.one_of(st.none(), rule_sets(MERCHANTS)))
def test_a_preview_is_what_the_split_does_and_its_lines_explain_it(
    order: SplitRequested, merchants: dict[str, MerchantChanged], market: Market
) -> None:
    paid = sum(it.amount_minor + it.freight_minor for it in order.lines)
    assume(paid + sum(abs(it.amount_minor) for it in order.adjustments) <= AMOUNT_MINOR_MAX)
    found, real = previewed(order, merchants, market), decided(order, merchants, market=market)
    assert found.decision == real
    assert [it.line_id for it in found.lines] == [it.line_id for it in order.lines]
    for share in real.order.shares:
        if not share.path.startswith("merchant:"):
            continue
        lines = [it for it in found.lines if it.merchant == share.merchant]
        if share.state == "held":
            assert share.earning is not None or {it.reason for it in lines} == {share.reason}
            continue
        assert sum(it.commission_minor for it in lines) == share.breakdown.commission_minor
        assert sum(it.tax_minor for it in lines) == (share.breakdown.commission_tax_minor or 0)
        assert {it.version for it in lines if it.by == "agreement"} <= {share.agreement_version}
        assert {it.version for it in lines if it.by == "marketplace"} <= {share.rules_version}
        assert all(it.reason == "" for it in lines)
    passed = Counter[str]()
    for it in found.passed:
        passed[f"receiver:{it.receiver}"] += it.taken_minor - it.passed_on_minor
    paid_out = Counter[str]()
    for share in real.order.shares:
        if share.path.startswith("receiver:"):
            paid_out[share.path] += share.amount_minor
    assert paid_out <= passed
    if all(share.state != "held" for share in real.order.shares):
        assert +passed == +paid_out


def test_a_line_says_which_rule_of_which_set_took_what_and_why() -> None:
    own = (Rule(rule_id="shoes", category="shoes", commission_bp=1_000, unit_fees=(fee(5),), order_fees=(fee(9),)),)
    market = (rule("books", category="books", channel_profile="sandbox-direct", commission_bp=500, tax_bp=600),)
    order = paid_order(line(1, 1_000, quantity=2), line(2, 1_000, category="books"), line(3, 50, category="toys"))
    found = previewed(order, copies(merchant("m1", agreement(version=3, rules=own))), market)
    shoes, books, toys = found.lines
    assert shoes == Line(
        line_id="l1",
        merchant="m1",
        base_minor=1_000,
        by="agreement",
        version=3,
        rule_id="shoes",
        stated=("merchant", "category"),
        rate_bp=1_000,
        percent_minor=100,
        units_minor=10,
        order_minor=9,
        commission_minor=119,
    )
    assert (books.by, books.version, books.rule_id, books.stated) == (
        "marketplace",
        7,
        "books",
        ("category", "channel_profile"),
    )
    assert (books.commission_minor, books.tax_bp, books.tax_minor) == (50, 600, 3)
    assert (toys.by, toys.rule_id, toys.rate_bp, toys.commission_minor) == ("agreement", "commission_bp", 1_200, 6)


def test_a_line_about_which_nothing_can_be_said_says_why() -> None:
    order = paid_order(line(1, 1_000), line(2, 1_000, merchant="m2"), line(3, 1_000, merchant="m3"))
    known = copies(merchant("m1", agreement(rate_source="marketplace")), merchant("m2"))
    reasons = [(it.by, it.reason) for it in previewed(order, known).lines]
    assert reasons == [("nothing", "rule_missing"), ("nothing", "agreement_missing"), ("nothing", "merchant_unknown")]


def test_every_receiver_says_of_whose_share_it_gets_what_and_why() -> None:
    order = paid_order(
        line(1, 1_000, freight_minor=90),
        line(2, 1_000, merchant="m2"),
        receivers=(
            extra("outlet", "merchant:m1", "percent", 5_000),
            extra("driver", "receiver:outlet", "fixed", 30),
            extra("driver", "merchant:m1", "remainder"),
            extra("stranger", "merchant:m2", "percent", 1),
            extra("carrier", "freight", "remainder"),
        ),
    )
    free = agreement(commission_bp=1_000, freight_to="chain")
    found = previewed(order, copies(merchant("m1", free), merchant("m2"))).passed
    said = [(it.receiver, it.parent, it.share, it.value, it.taken_minor, it.passed_on_minor) for it in found]
    assert said == [
        ("outlet", "merchant:m1", "percent", 5_000, 450, 30),
        ("driver", "receiver:outlet", "fixed", 30, 30, 0),
        ("driver", "merchant:m1", "remainder", 0, 450, 0),
        ("carrier", "freight", "remainder", 0, 90, 0),
    ]


def test_freight_of_which_nobody_knows_whose_it_is_is_not_divided() -> None:
    lines = (line(1, 1_000, freight_minor=90), line(2, 1_000, merchant="m2", freight_minor=1))
    order = paid_order(*lines, receivers=(extra("carrier", "freight", "remainder"),))
    known = copies(merchant("m1", agreement(freight_to="chain")))
    assert previewed(order, known).passed == ()
    (found,) = previewed(order, known | copies(merchant("m2", agreement()))).passed
    assert found == Passed(
        receiver="carrier", parent="freight", share="remainder", value=0, taken_minor=90, passed_on_minor=0
    )


def test_under_a_settlement_price_the_price_decides() -> None:
    order = paid_order(line(1, 1_000, settlement_price_minor=700))
    (found,) = previewed(order, copies(merchant("m1", agreement(price_mode="settlement_price")))).lines
    assert (found.by, found.rule_id, found.commission_minor) == ("agreement", "settlement_price", 300)


def test_an_order_that_payments_would_refuse_for_its_sums_is_refused_with_the_same_reason() -> None:
    late = {"paid_at": SOON.replace(year=SOON.year + 1)}
    for change, reason in (
        ({"payments": (payment(9_999),)}, "amount_mismatch"),
        ({"payments": (payment(10_000, fee=10_001),)}, "fee_above_amount"),
        ({"currency": "ZZZ"}, "currency_unknown"),
        ({"lines": (line(1, 5_000), line(1, 5_000))}, "line_twice"),
        ({"lines": (line(1, 10**13 + 1),), "payments": (payment(10**13 + 1),)}, "amount_out_of_range"),
        (
            {
                "adjustments": tuple(
                    Adjustment(kind="discount", amount_minor=it, party="platform:marketing")
                    for it in (10**13, -(10**13), -1, 1)
                )
            },
            "amount_out_of_range",
        ),
        (late, "paid_at_in_future"),
    ):
        order = msgspec.structs.replace(paid_order(), **change)
        assert preview(order, {}, at(SOON)) == reason
