"""The time line of agreements: when a version may be stated, and which is in force at any moment."""

from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.merchant.examples import LEAD, NOW, RULES, day, terms, version

from merchant.domain.agreements import (
    VERSIONS_MAX,
    Terms,
    Version,
    agree,
    stated_before,
    that_matter,
    time_line,
)
from merchant.domain.decisions import Refused
from shared.messages import Agreement, CategoryRate, CommissionLimit, PayoutLimit, PayoutTerms, Rule, Volume


def reason(answer: object) -> str | None:
    return answer.reason if isinstance(answer, Refused) else None


BOOKS = CategoryRate(category="books", commission_bp=1)
EUR = CommissionLimit(currency="EUR", cap_minor=1)


def volume(currency: str, period_end: datetime = NOW - timedelta(days=400)) -> Volume:
    return Volume(currency=currency, volume_minor=1, period_end=period_end)


def test_terms_are_an_agreement_that_has_no_number_yet() -> None:
    numbered = {"version", "announced_at"}
    assert set(Agreement.__struct_fields__) - numbered == set(Terms.__struct_fields__)
    assert Agreement.__struct_defaults__ == Terms.__struct_defaults__


def test_the_first_agreement_may_take_effect_at_any_past_time() -> None:
    agreed = agree((), terms(day(-4_000)), None, RULES)
    assert agreed == Version(1, NOW, terms(day(-4_000)))


def test_a_gap_may_be_filled_at_any_past_time() -> None:
    known = (version(1, day(-100), effective_to=day(-50)), version(2, day(-10)))
    assert isinstance(agree(known, terms(day(-40), effective_to=day(-20)), None, RULES), Version)
    assert isinstance(agree(known, terms(day(-50)), None, RULES), Version)
    assert isinstance(agree(known, terms(day(-101)), None, RULES), Version)


@pytest.mark.parametrize("effective_from", [NOW + LEAD - timedelta(milliseconds=1), NOW, day(-30)])
def test_replacing_a_version_in_force_needs_the_lead_time(effective_from: datetime) -> None:
    known = (version(1, day(-100)),)
    assert reason(agree(known, terms(effective_from), None, RULES)) == "agreement_too_soon"
    assert isinstance(agree(known, terms(NOW + LEAD), None, RULES), Version)


def test_the_last_moment_of_a_version_is_replaced_and_its_end_is_not() -> None:
    known = (version(1, day(-100), effective_to=day(-50)),)
    just_before = day(-50) - timedelta(milliseconds=1)
    assert reason(agree(known, terms(just_before), None, RULES)) == "agreement_too_soon"
    assert isinstance(agree(known, terms(day(-50)), None, RULES), Version)


def test_a_new_version_ends_the_former_at_its_effective_from() -> None:
    line = time_line((version(2, day(10)), version(1, day(-10))))
    assert [(it.version, it.effective_from, it.effective_to) for it in line] == [
        (1, day(-10), day(10)),
        (2, day(10), None),
    ]


def test_a_version_put_before_a_scheduled_one_holds_until_it() -> None:
    line = time_line((version(1, day(-10)), version(2, day(10)), version(3, day(5), effective_to=day(20))))
    assert [(it.version, it.effective_to) for it in line] == [(1, day(5)), (3, day(10)), (2, None)]


def test_after_a_version_that_ends_nothing_comes_back_by_itself() -> None:
    line = time_line((version(1, day(-10)), version(2, day(5), effective_to=day(6))))
    assert [(it.version, it.effective_to) for it in line] == [(1, day(5)), (2, day(6))]


def test_the_same_terms_again_are_the_version_that_says_so() -> None:
    known = (version(1, day(-10), key="k1"), version(2, day(10)))
    assert stated_before(known, terms(day(-10)), None) == known[0]
    assert stated_before(known, terms(day(-10)), "another") == known[0]
    assert stated_before(known, terms(day(10)), "k2") == known[1]
    assert stated_before(known, terms(day(11)), None) is None


def test_a_version_that_was_cut_short_still_answers_to_the_terms_as_stated() -> None:
    known = (version(1, day(-10), effective_to=day(30)), version(2, day(10)))
    assert stated_before(known, terms(day(-10), effective_to=day(30)), None) == known[0]
    assert reason(stated_before(known, terms(day(-10), effective_to=day(10)), None)) == "effective_from_taken"


def test_other_terms_at_the_same_moment_are_refused() -> None:
    known = (version(1, day(-10)),)
    assert reason(stated_before(known, terms(day(-10), commission_bp=1), None)) == "effective_from_taken"


def test_a_key_stands_for_one_request_only() -> None:
    known = (version(1, day(-10), key="k1"),)
    assert reason(stated_before(known, terms(day(5)), "k1")) == "idempotency_key_reused"
    assert stated_before(known, terms(day(-10)), "k1") == known[0]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (terms(NOW, effective_to=NOW), "period_empty"),
        (terms(NOW, effective_to=day(-1)), "period_empty"),
        (terms(channel_profile="stripe-connect"), "channel_profile_unknown"),
        (terms(category_rates=tuple(CategoryRate(category="a", commission_bp=it) for it in (1, 2))), "category_twice"),
        (terms(payouts=PayoutTerms(daily_caps=(PayoutLimit(currency="EUR", amount_minor=1),) * 2)), "currency_twice"),
        (terms(payouts=PayoutTerms(minimums=(PayoutLimit(currency="EUR", amount_minor=1),) * 2)), "currency_twice"),
        (terms(payouts=PayoutTerms(minimums=(PayoutLimit(currency="XXX", amount_minor=1),))), "currency_unknown"),
        (terms(commission_limits=tuple(CommissionLimit(currency="EUR") for _ in range(2))), "currency_twice"),
        (terms(commission_limits=(CommissionLimit(currency="ZZZ"),)), "currency_unknown"),
        (terms(commission_limits=(CommissionLimit(currency="EUR", floor_minor=-1),)), "limits_invalid"),
        (terms(commission_limits=(CommissionLimit(currency="EUR", floor_minor=2, cap_minor=1),)), "limits_invalid"),
        (terms(rules=(Rule(rule_id="a", sku="s"), Rule(rule_id="b", category="c"))), "rules_tie"),
        (terms(rules=(Rule(rule_id="a", sku="s"),), category_rates=(BOOKS,)), "rules_tie"),
        (terms(rules=(Rule(rule_id="a"), Rule(rule_id="a", sku="s"))), "rule_twice"),
        (terms(rules=(Rule(rule_id="a", currency="ZZZ"),)), "currency_unknown"),
        (terms(rules=(Rule(rule_id="a", size_to_minor=5),)), "size_invalid"),
        (terms(rate_source="marketplace"), "rates_unused"),
        (terms(rate_source="marketplace", commission_bp=0, category_rates=(BOOKS,)), "rates_unused"),
        (terms(rate_source="marketplace", commission_bp=0, commission_limits=(EUR,)), "rates_unused"),
        (terms(price_mode="settlement_price", rules=(Rule(rule_id="a"),)), "rates_unused"),
        (terms(price_mode="settlement_price", tax_bp=1), "rates_unused"),
        (terms(volumes=(volume("EUR"), volume("EUR"))), "currency_twice"),
        (terms(volumes=(volume("ZZZ"),)), "currency_unknown"),
        (terms(NOW, volumes=(volume("EUR", day(1)),)), "volume_not_closed"),
    ],
)
def test_terms_that_cannot_be_meant_are_refused_when_stated(wrong: Terms, why: str) -> None:
    assert reason(agree((), wrong, None, RULES)) == why


def test_rules_that_do_not_tie_are_agreed_with_the_volume_of_a_period_that_is_over() -> None:
    rules = (Rule(rule_id="a"), Rule(rule_id="b", sku="s", category="books"))
    meant = terms(NOW, rules=rules, category_rates=(BOOKS,), volumes=(volume("EUR", NOW),), tax_bp=600)
    agreed = agree((), meant, None, RULES)
    assert isinstance(agreed, Version)
    (shown,) = time_line((agreed,))
    assert (shown.rules, shown.volumes, shown.tax_bp) == (rules, meant.volumes, 600)
    (plain,) = time_line((version(1),))
    assert (plain.rules, plain.volumes, plain.tax_bp, plain.rate_source) == (msgspec.UNSET,) * 4


def test_the_number_of_versions_has_a_limit() -> None:
    known = tuple(version(it, day(-5_000 + it)) for it in range(1, VERSIONS_MAX + 1))
    assert reason(agree(known, terms(day(10)), None, RULES)) == "too_many_agreements"
    assert isinstance(agree(known[1:], terms(day(10)), None, RULES), Version)


def test_times_finer_than_the_store_keeps_are_one_time() -> None:
    fine = day(3) + timedelta(microseconds=999)
    assert terms(fine) == terms(day(3))


def test_a_version_is_published_until_it_has_been_over_for_400_days() -> None:
    over = timedelta(days=400)
    line = time_line((version(1, day(-2_000)), version(2, NOW - over), version(3, NOW - over + timedelta(seconds=1))))
    assert [it.version for it in that_matter(line, NOW)] == [2, 3]


periods = st.lists(
    st.tuples(st.integers(-50, 50), st.none() | st.integers(1, 60)),
    unique_by=lambda period: period[0],
    max_size=12,
)


@given(periods)
def test_at_every_moment_at_most_one_version_is_in_force_and_it_is_the_last_begun(
    stated: list[tuple[int, int | None]],
) -> None:
    versions = tuple(
        version(number, day(begins), effective_to=None if lasts is None else day(begins + lasts))
        for number, (begins, lasts) in enumerate(stated, start=1)
    )
    line = time_line(versions)
    for moment in map(day, range(-52, 112)):
        in_force = [
            it.version
            for it in line
            if it.effective_from <= moment and (it.effective_to is None or moment < it.effective_to)
        ]
        begun = [it for it in versions if it.terms.effective_from <= moment]
        last = max(begun, key=lambda it: it.terms.effective_from, default=None)
        holds = last is not None and (last.terms.effective_to is None or moment < last.terms.effective_to)
        assert in_force == ([last.number] if last and holds else [])


@given(periods, st.integers(-50, 50), st.none() | st.integers(1, 60))
def test_no_agreed_version_changes_what_is_in_force_before_the_lead_time_is_over(
    stated: list[tuple[int, int | None]], begins: int, lasts: int | None
) -> None:
    versions = tuple(
        version(number, day(it), effective_to=None if ends is None else day(it + ends))
        for number, (it, ends) in enumerate(stated, start=1)
    )
    new = terms(day(begins), effective_to=None if lasts is None else day(begins + lasts), commission_bp=1)
    if stated_before(versions, new, None) is not None:
        return
    agreed = agree(versions, new, None, RULES)
    if not isinstance(agreed, Version):
        return

    def in_force(line: tuple[Agreement, ...], moment: datetime) -> int | None:
        holding = (
            it.version
            for it in line
            if it.effective_from <= moment and (it.effective_to is None or moment < it.effective_to)
        )
        return next(holding, None)

    before, after = time_line(versions), time_line((*versions, agreed))
    for moment in map(day, range(-52, 1)):
        known = in_force(before, moment)
        assert known is None or in_force(after, moment) == known
