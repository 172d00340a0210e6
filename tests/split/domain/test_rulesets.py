"""The time line of a marketplace's rules: when a version may be stated, and which is in force at any moment."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.split.examples import PAID_AT, agreements, orders
from tests.split.tariffs import MERCHANTS, limit, rule, rule_sets, sale_of

from shared.messages import Agreement, SplitRequested
from shared.tariffs import mistake
from split.domain import rulesets
from split.domain.refusals import Refused
from split.domain.rulesets import (
    NO_RULES,
    VERSIONS_MAX,
    MarketplaceRule,
    RuleSets,
    Said,
    Span,
    Stated,
    Version,
    ends,
    next_version,
    only_fills,
)
from split.domain.tariff import RuleBook, takings

HOUR = timedelta(hours=1)
SAID = Said(actor="Ann", reason="why", key="k", at=PAID_AT, lead=HOUR)


def stated(begins: float, until: float | None = None, *rules: MarketplaceRule) -> Stated:
    """State rules from an hour on until another, counted from now."""
    return Stated(PAID_AT + begins * HOUR, None if until is None else PAID_AT + until * HOUR, rules)


def version(number: int, begins: float, until: float | None = None) -> Version:
    wanted = stated(begins, until)
    return Version(
        number=number,
        announced_at=PAID_AT,
        effective_from=wanted.effective_from,
        effective_to=wanted.effective_to,
        actor="Ann",
        reason="why",
        key=f"k{number}",
        size=10,
    )


def none(_: Version) -> tuple[MarketplaceRule, ...]:
    """Return that a version has a rule that fits every line."""
    return (rule("all"),)


def reason(answer: object) -> str | None:
    return answer.reason if isinstance(answer, Refused) else None


def spans(*versions: Version) -> RuleSets:
    """Return the time line of these versions, each with rules of its own number."""
    return RuleSets(
        [
            Span(it.number, it.effective_from, end, lambda number=it.number: RuleBook((), number))  # type: ignore[misc]
            for it, end in ends(versions)
        ]
    )


def number_at(found: RuleSets, hours: float) -> int | None:
    book = found.at(PAID_AT + hours * HOUR)
    return None if book is None else book.version


def test_the_first_version_may_take_effect_at_any_past_time() -> None:
    made = next_version((), stated(-100_000), SAID, 10, none)
    assert isinstance(made, Version)
    assert (made.number, made.announced_at, made.actor, made.key) == (1, PAID_AT, "Ann", "k")


@pytest.mark.parametrize(("begins", "refused"), [(0.9, "rules_too_soon"), (-5, "rules_too_soon"), (1, None)])
def test_replacing_a_version_in_force_needs_the_lead_time(begins: float, refused: str | None) -> None:
    assert reason(next_version((version(1, -10),), stated(begins), SAID, 10, none)) == refused


BOOKS, TEA = rule("books", category="books"), rule("tea", sku="tea", currency="BRL")


@pytest.mark.parametrize(
    ("before", "after", "fills"),
    [
        ((BOOKS,), (BOOKS, rule("all")), True),
        ((BOOKS, TEA), (rule("all"), TEA, BOOKS), True),
        ((BOOKS,), (BOOKS, rule("shoes", category="shoes")), True),
        ((TEA,), (TEA, rule("shoes", category="shoes")), True),
        ((), (rule("all"), BOOKS), True),
        ((BOOKS,), (BOOKS,), False),
        ((BOOKS,), (rule("all"),), False),
        ((BOOKS,), (rule("books", category="books", commission_bp=1), rule("all")), False),
        ((BOOKS,), (BOOKS, TEA), False),
        ((TEA,), (TEA, rule("cake", sku="cake", currency="BRL")), False),
        ((), (TEA,), False),
        ((rule("all"),), (rule("all"), BOOKS), False),
    ],
)
def test_what_only_decides_about_lines_that_no_rule_fitted_may_begin_at_once(
    before: tuple[MarketplaceRule, ...], after: tuple[MarketplaceRule, ...], *, fills: bool
) -> None:
    for begins, ends_ in ((-5, None), (0.5, None), (-5, 20)):
        known = (version(1, -10, ends_),)
        made = next_version(known, stated(begins, ends_, *after), SAID, 10, lambda _: before)
        assert reason(made) == (None if fills else "rules_too_soon")
        shorter = next_version(known, stated(begins, 19, *after), SAID, 10, lambda _: before)
        assert reason(shorter) == "rules_too_soon"


@given(rule_sets(MERCHANTS), rule_sets(MERCHANTS), agreements(), orders())
def test_no_line_that_had_a_rule_gets_another_one_by_what_only_fills(
    before: tuple[MarketplaceRule, ...], added: tuple[MarketplaceRule, ...], deal: Agreement, order: SplitRequested
) -> None:
    new = [msgspec.structs.replace(it, rule_id=f"new-{it.rule_id}") for it in added]
    after = (*before, *(it for it in new if mistake([*before, it]) is None and only_fills(before, [*before, it])))
    assume(len(after) > len(before) and mistake(after) is None)
    for it in order.lines:
        had, has = (takings(deal, sale_of(order, rules), [it], [it.amount_minor]) for rules in (before, after))
        assert had in ("rule_missing", has)


def test_a_gap_may_be_filled_at_any_past_time_and_what_is_planned_needs_the_lead_time_too() -> None:
    known = (version(1, -10, -5), version(2, 0.2, 5))
    assert reason(next_version(known, stated(-5), SAID, 10, none)) is None
    assert reason(next_version(known, stated(0.5), SAID, 10, none)) == "rules_too_soon"


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (stated(5, 5), "period_empty"),
        (stated(5, 4), "period_empty"),
        (stated(3), "effective_from_taken"),
        (stated(5, None, rule("a", sku="s"), rule("b", merchant="m1")), "rules_tie"),
        (stated(5, None, rule("a", limits=(limit(2, 1),))), "limits_invalid"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused_when_stated(wanted: Stated, why: str) -> None:
    assert reason(next_version((version(1, 3),), wanted, SAID, 10, none)) == why


def test_versions_have_a_limit_in_number_and_together_in_bytes() -> None:
    known = tuple(version(number, number) for number in range(1, VERSIONS_MAX + 1))
    assert reason(next_version(known, stated(VERSIONS_MAX + 9), SAID, 10, none)) == "too_many_versions"
    assert reason(next_version(known[:1], stated(9), SAID, rulesets.STATE_BYTES_MAX - 9, none)) == "too_many_versions"
    assert reason(next_version(known[:1], stated(9), SAID, rulesets.STATE_BYTES_MAX - 10, none)) is None


def test_a_version_holds_from_its_first_moment_until_the_next_or_its_own_end() -> None:
    found = spans(version(1, -10), version(2, 0, 5), version(3, 9))
    assert [number_at(found, it) for it in (-10.01, -10, -0.01, 0, 4.99, 5, 8.99, 9, 10**6)] == [
        None,
        1,
        1,
        2,
        2,
        None,
        None,
        3,
        3,
    ]
    assert NO_RULES.at(PAID_AT) is None


@given(
    st.lists(
        st.tuples(st.integers(-50, 50), st.one_of(st.none(), st.integers(1, 30))),
        max_size=8,
        unique_by=lambda it: it[0],
    ),
    st.integers(-60, 90),
)
def test_at_every_moment_the_version_begun_last_decides_unless_it_is_over(
    times: list[tuple[int, int | None]], moment: int
) -> None:
    versions = [
        version(number, begins, None if length is None else begins + length)
        for number, (begins, length) in enumerate(times, 1)
    ]
    begun = [it for it in versions if it.effective_from <= PAID_AT + moment * HOUR]
    last = max(begun, key=lambda it: it.effective_from, default=None)
    over = last is not None and last.effective_to is not None and last.effective_to <= PAID_AT + moment * HOUR
    assert number_at(spans(*versions), moment) == (None if last is None or over else last.number)


@given(st.lists(st.tuples(st.integers(-30, 30), st.one_of(st.none(), st.integers(1, 20))), max_size=10))
def test_no_statement_changes_what_is_in_force_before_the_lead_time_is_over(
    times: list[tuple[int, int | None]],
) -> None:
    versions: tuple[Version, ...] = ()
    for begins, length in times:
        made = next_version(versions, stated(begins, None if length is None else begins + length), SAID, 1, none)
        if isinstance(made, Refused):
            continue
        before, after = spans(*versions), spans(*versions, made)
        for moment in range(-40, 1):
            if number_at(before, moment) is not None:
                assert number_at(after, moment) == number_at(before, moment)
        versions = (*versions, made)
