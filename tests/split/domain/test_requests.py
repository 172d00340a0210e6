"""The numbers of a profile: receivers of a request, requests of an order, the cap over them, the first moment."""

from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.split.examples import PAID_AT

from shared.profiles import Profile, shipped
from split.domain.limits import Asked, Before, due_at, refusal, requests

WECHAT = "wechat-profit-sharing"
ALIPAY_SYNC = "alipay-split-sync"


def profile(name: str, **changes: Any) -> Profile:  # noqa: ANN401 - any field of a profile
    found = shipped().find(name)
    assert found is not None
    return msgspec.structs.replace(found, **changes)


def asked(*amounts: int) -> list[Asked]:
    return [Asked(f"merchant:r{number}", amount) for number, amount in enumerate(amounts)]


def test_all_or_nothing_holds_within_one_request_only() -> None:
    assert (
        refusal(profile("alipay-split-sync"), 10_000, asked(*[1] * 5), {it.receiver for it in asked(*[1] * 5)}) is None
    )
    six = asked(*[1] * 6)
    everybody = {it.receiver for it in six}
    assert refusal(profile("alipay-split-sync"), 10_000, six, everybody) == "too_many_receivers"
    assert refusal(profile("alipay-split"), 10_000, six, everybody) is None


def test_as_many_requests_as_the_profile_allows_and_no_more() -> None:
    few = profile(WECHAT, receivers_per_request_max=2, requests_per_order_max=3, receivers_bound_first=False)
    assert refusal(few, 10_000, asked(*[1] * 6)) is None
    assert refusal(few, 10_000, asked(*[1] * 7)) == "too_many_requests"
    assert refusal(few, 10_000, asked(*[1] * 5), before=Before(requests=1)) == "too_many_requests"
    assert refusal(few, 10_000, asked(*[1] * 4), before=Before(requests=1)) is None


@given(st.lists(st.integers(0, 10**13), max_size=8), st.integers(0, 10**13), st.integers(0, 10_000), st.integers(0, 9))
def test_the_cap_holds_over_any_number_of_splits(amounts: list[int], paid: int, cap_bp: int, parts: int) -> None:
    """However the legs come, together or one after another, what is let through is never more than the cap."""
    free = profile(WECHAT, receivers_bound_first=False)
    assert free.cap is not None
    cap_minor = paid * free.cap.of(cap_bp) // 10_000
    taken = 0
    for leg in asked(*amounts):
        if refusal(free, paid, [leg], None, cap_bp, Before(taken, 0)) is None:
            taken += leg.amount_minor
    assert taken <= cap_minor
    together = asked(*amounts[:parts])
    fits = sum(it.amount_minor for it in together) <= cap_minor
    assert (refusal(free, paid, together, None, cap_bp) is None) == fits


@given(st.lists(st.integers(), max_size=120), st.sampled_from([it.name for it in shipped()]))
def test_requests_hold_every_leg_once_in_order_and_no_more_than_fit(legs: list[int], name: str) -> None:
    cut = list(requests(profile(name), legs))
    assert [leg for request in cut for leg in request] == legs
    most = profile(name).receivers_per_request_max
    assert all(request for request in cut)
    assert most is None or all(len(request) <= most for request in cut)


def test_the_first_split_is_due_as_long_after_the_payment_as_the_profile_says() -> None:
    assert due_at(profile(WECHAT), PAID_AT) == PAID_AT + timedelta(seconds=60)
    assert due_at(profile("sandbox-direct"), PAID_AT) == PAID_AT
