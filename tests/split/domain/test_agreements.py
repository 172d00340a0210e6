"""Which agreement decides, and what it makes of a line."""

from datetime import timedelta

import pytest
from tests.split.examples import LONG_AGO, PAID_AT, agreement, line

from shared.messages import CategoryRate, CommissionLimit
from split.domain.agreements import charged, covered, in_force

DAY = timedelta(days=1)


def test_an_agreement_is_in_force_from_its_first_moment_until_before_its_last() -> None:
    terms = agreement(effective_from=PAID_AT, effective_to=PAID_AT + DAY)
    assert in_force((terms,), PAID_AT) is terms
    assert in_force((terms,), PAID_AT + DAY - timedelta(microseconds=1)) is terms
    assert in_force((terms,), PAID_AT + DAY) is None
    assert in_force((terms,), PAID_AT - timedelta(microseconds=1)) is None


def test_of_several_in_force_the_greatest_version_decides() -> None:
    versions = [agreement(version=number) for number in (2, 3, 1)]
    found = in_force(versions, PAID_AT)
    assert found is not None
    assert found.version == 3


def test_covered_times_are_joined_where_they_touch_and_kept_apart_where_not() -> None:
    def between(start: int, end: int | None) -> object:
        last = None if end is None else LONG_AGO + end * DAY
        return agreement(effective_from=LONG_AGO + start * DAY, effective_to=last)

    days = [
        between(5, 6),
        between(0, 2),
        between(1, 3),
        between(3, 4),
        between(9, 9),
        between(8, None),
        between(20, 30),
    ]
    assert covered(days) == (  # type: ignore[arg-type]
        (LONG_AGO, LONG_AGO + 4 * DAY),
        (LONG_AGO + 5 * DAY, LONG_AGO + 6 * DAY),
        (LONG_AGO + 8 * DAY, None),
    )


@pytest.mark.parametrize(
    ("amount", "rate", "commission"), [(999, 1_200, 119), (1, 9_999, 0), (100, 10_000, 100), (0, 1_200, 0)]
)
def test_the_fraction_of_a_commission_stays_with_the_merchant(amount: int, rate: int, commission: int) -> None:
    assert charged(agreement(commission_bp=rate), "BRL", (line(1, amount),), (amount,)) == [commission]


def test_commission_is_rounded_down_per_line_and_not_on_their_sum() -> None:
    lines = (line(1, 9), line(2, 9))
    assert charged(agreement(commission_bp=1_000), "BRL", lines, (9, 9)) == [0, 0]


def test_the_rate_of_the_category_wins() -> None:
    terms = agreement(category_rates=(CategoryRate(category="books", commission_bp=500),))
    lines = (line(1, 1_000), line(2, 1_000, category="books"))
    assert charged(terms, "BRL", lines, (1_000, 1_000)) == [120, 50]


def test_floor_and_cap_bind_each_line_in_their_currency_only() -> None:
    terms = agreement(commission_limits=(CommissionLimit(currency="BRL", floor_minor=50, cap_minor=100),))
    lines = (line(1, 100), line(2, 10_000), line(3, 20))
    bases = (100, 10_000, 20)
    assert charged(terms, "BRL", lines, bases) == [50, 100, 20]
    assert charged(terms, "JPY", lines, bases) == [12, 1_200, 2]


def test_under_a_settlement_price_the_platform_keeps_the_rest() -> None:
    terms = agreement(price_mode="settlement_price")
    lines = (line(1, 1_000, quantity=3, settlement_price_minor=300),)
    assert charged(terms, "BRL", lines, (1_000,)) == [100]
    assert charged(terms, "BRL", lines, (899,)) == "price_above_paid"
    assert charged(terms, "BRL", (line(1, 1_000),), (1_000,)) == "settlement_price_missing"
    assert charged(terms, "BRL", (line(1, 1_000, settlement_price_minor=-1),), (1_000,)) == "settlement_price_missing"
