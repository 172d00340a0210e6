"""How fast lanes go is what the profiles say; who is paid by many orders has a lane where the profile limits each."""

import math
from datetime import UTC, datetime

import pytest
from tests.payments.dispatch.sent import HERE

from payments.dispatch import paces, paying
from payments.dispatch.lanes import Line, Pace
from payments.domain.payouts import Payout
from shared.messages import Breakdown, LegOutcome
from shared.profiles import shipped


def payout(profile: str, kind: str, *receivers: str) -> Payout:
    return Payout(
        marketplace="test-shop",
        payout_id="o:1.1",
        document="o:1",
        kind=kind,  # type: ignore[arg-type] # one of three literals
        currency="CNY",
        channel_profile=profile,
        channel_account="test-shop",
        legs=tuple(
            LegOutcome(
                leg_id=f"test-shop/o:1/{it}/1",
                receiver=it,
                amount_minor=1,
                attempt=1,
                state="sending",
                channel_number=it,
                breakdown=Breakdown(),
            )
            for it in receivers
        ),
        origin_time=datetime.now(UTC),
        created_at=datetime.now(UTC),
    )


def test_a_profile_without_rates_has_no_pace() -> None:
    assert paces.of("pay")(HERE).allowed() == math.inf
    assert paces.of("pay")(Line("no-such-profile", "a")).allowed() == math.inf


@pytest.mark.parametrize("profile", [it for it in shipped() if it.rates.per_account], ids=lambda it: it.name)
def test_a_lane_has_the_pace_of_its_profile_and_operation(profile: object) -> None:
    it = shipped().find(profile.name)  # type: ignore[attr-defined] # a profile
    assert it is not None
    for operation, per_s in it.rates.per_account.items():
        assert paces.of(operation)(Line(it.name, "a")).allowed() == per_s


def test_a_collector_whose_finishes_are_limited_has_a_lane_of_its_own_and_its_own_pace() -> None:
    """60 a second of one receiver on finish (平台收付通): who sells much must not hold up the others."""
    lines = [
        paying.line(payout("wechat-ecommerce", "finish", "merchant:big")),
        paying.line(payout("wechat-ecommerce", "finish", "merchant:small")),
        paying.line(payout("wechat-ecommerce", "pay", "merchant:big")),
        paying.line(payout("wechat-ecommerce", "pay")),
    ]
    assert [it.receiver for it in lines] == ["merchant:big", "merchant:small", "", ""]
    assert paces.of("pay")(lines[0]).allowed() == 60
    assert paying.line(payout("sandbox-direct", "finish", "merchant:big")).receiver == ""


def test_a_pace_fills_by_the_clock_and_never_beyond_one_second_of_it() -> None:
    now = [0.0]
    pace = Pace(4, lambda: now[0])
    pace.spend(4)
    assert (pace.allowed(), pace.wait_s) == (0, 0.25)
    now[0] = 0.5
    assert (pace.allowed(), pace.wait_s) == (2, 0.0)
    now[0] = 100.0
    assert pace.allowed() == 4


def test_a_pace_rests_when_it_is_told_to_and_then_begins_with_one() -> None:
    now = [0.0]
    for pace, first in ((Pace(4, lambda: now[0]), 1), (Pace(None, lambda: now[0]), math.inf)):
        now[0] = 0.0
        pace.rest(2.0)
        assert (pace.allowed(), pace.wait_s) == (0, 2.0)
        now[0] = 2.0
        assert pace.allowed() >= first
