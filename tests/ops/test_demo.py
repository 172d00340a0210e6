"""What the demonstration's figures mean."""

import re

import pytest

from ops.demo import fresh_marketplace, quantile
from shared.ids import MARKETPLACE_PATTERN


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, 0.0),
        ([7.0], 0.99, 7.0),
        ([1.0, 2.0], 0.5, 1.0),
        ([1.0, 2.0, 3.0], 0.5, 2.0),
        ([float(value) for value in range(1, 101)], 0.99, 99.0),
        ([float(value) for value in range(1, 102)], 0.99, 100.0),
    ],
)
def test_a_quantile_is_the_value_that_so_many_do_not_exceed(values: list[float], share: float, expected: float) -> None:
    assert quantile(values, share) == expected


def test_every_demonstration_has_a_marketplace_of_its_own() -> None:
    ids = {fresh_marketplace() for _ in range(5)}
    assert len(ids) == 5
    assert all(re.match(MARKETPLACE_PATTERN, it) for it in ids)
