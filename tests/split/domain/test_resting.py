"""What rests in available: paid again by itself or by hand, stopped at the gate, or written off."""

from datetime import timedelta

import msgspec
import pytest
from tests.split.cashier import LEG, Cashier, cashier, known
from tests.split.examples import agreement, copies, extra, line, merchant, paid_order
from tests.split.told import paid_out

from shared.messages import Adjustment, PayoutLimit, PayoutTerms
from split.domain.funding import Standing
from split.domain.guards import Guard
from split.domain.refusals import Refused
from split.domain.resting import Deed, refusal
from split.domain.retries import ATTEMPTS_MAX
from split.domain.settlements import settle
from split.domain.stops import Stops

MINUTE = timedelta(minutes=1)
MONTH = timedelta(days=32)


def test_a_leg_that_failed_for_a_passing_reason_is_paid_again_under_its_id() -> None:
    world = cashier()
    world.conclude("failed", "CHANNEL_BUSY")
    assert (world.leg().state, world.leg().reason) == ("available", "CHANNEL_BUSY")
    world.later(MINUTE)
    assert (world.leg().state, world.leg().attempt, world.leg().payout_id) == ("in_transit", 2, "o:1.2")
    world.conclude("succeeded")
    assert world.got["merchant:m1"] == 8_800
    assert world.order.look_at is msgspec.UNSET
    world.check()


def test_a_retry_takes_from_available_and_so_writes_the_guard() -> None:
    world = cashier()
    world.conclude("failed", "CHANNEL_BUSY")
    world.standings.clear()
    world.later(MINUTE)
    assert set(world.standings) == {"m1"}


def test_what_other_orders_refunds_have_used_of_available_is_not_paid_again() -> None:
    world = cashier()
    world.conclude("failed", "CHANNEL_BUSY")
    world.accounts["merchant:available/m1"] -= 3_000
    world.accounts["buyer:refund_in_transit"] += 3_000
    world.standings["m1"] = Standing(guard=Guard(taken_minor=3_000))
    world.later(MINUTE)
    sent = world.leg()
    assert (sent.state, sent.amount_minor, sent.breakdown.netted_minor) == ("in_transit", 5_800, 3_000)
    assert {it.path: it.amount_minor for it in world.order.shares if it.state == "taken"} == {"taken:m1": 3_000}
    assert world.standings["m1"].guard.taken_minor == 0
    world.conclude("succeeded")
    world.accounts["buyer:refund_in_transit"] -= 3_000
    world.accounts["channel:clearing/test-a"] += 3_000
    world.pool -= 3_000
    world.check()
    assert not world.order.stands


def test_a_reason_that_is_never_retried_waits_for_an_operator_since_then() -> None:
    world = cashier()
    world.conclude("failed", "ACCOUNT_ABNORMAL")
    world.later(MONTH)
    assert (world.leg().state, world.leg().reason) == ("available", "ACCOUNT_ABNORMAL")
    assert world.order.operator_at == world.leg().since
    world.by_hand("retry")
    assert (world.leg().state, world.leg().attempt) == ("in_transit", 2)
    assert world.order.operator_at is msgspec.UNSET


def test_a_leg_that_fails_again_and_again_ends_with_an_operator() -> None:
    world = cashier()
    for _ in range(ATTEMPTS_MAX + 3):
        world.conclude("failed", "CHANNEL_BUSY")
        world.later(MONTH)
    assert (world.leg().state, world.leg().attempt) == ("available", ATTEMPTS_MAX)
    assert world.order.operator_at is not msgspec.UNSET


def test_what_the_bank_sends_back_is_reopened_and_can_be_paid_again() -> None:
    world = cashier()
    world.conclude("succeeded")
    world.bounce()
    assert (world.leg().state, world.leg().reason) == ("available", "account closed")
    world.check()
    world.by_hand("retry")
    world.conclude("succeeded")
    world.check()
    assert world.got["merchant:m1"] == 8_800


def test_what_is_written_off_is_nobodys_and_never_paid() -> None:
    world = cashier()
    world.conclude("failed", "ACCOUNT_ABNORMAL")
    world.by_hand("write_off")
    assert world.leg().state == "written_off"
    assert world.accounts["suspense/test-a"] == 8_800
    assert [it.path for it in world.order.shares if it.state == "available"] == ["platform:commission"]
    world.repeat()
    world.by_hand("retry")
    world.later(MONTH)
    assert world.leg().state == "written_off"
    world.check()


def test_what_was_written_off_by_mistake_is_restored_and_then_paid_once() -> None:
    world = cashier()
    world.conclude("failed", "ACCOUNT_ABNORMAL")
    world.by_hand("restore")
    assert world.leg().state == "available"
    world.by_hand("write_off")
    world.by_hand("restore")
    assert (world.leg().state, world.leg().reason) == ("available", "restored")
    assert (world.accounts["suspense/test-a"], world.accounts["merchant:available/m1"]) == (0, 8_800)
    assert world.order.operator_at is not msgspec.UNSET
    world.later(MONTH)
    assert world.leg().attempt == 1
    world.by_hand("retry")
    world.conclude("succeeded")
    world.check()
    assert world.got["merchant:m1"] == 8_800


def test_a_reserve_that_was_written_off_is_a_reserve_again() -> None:
    world = cashier(payouts=PayoutTerms(reserve_bp=1_000, reserve_days=7))
    world.conclude("succeeded")
    world.by_hand("write_off")
    world.check()
    assert (world.accounts["merchant:reserve/m1"], world.accounts["suspense/test-a"]) == (0, 880)
    world.by_hand("restore")
    world.check()
    assert (world.accounts["merchant:reserve/m1"], world.accounts["suspense/test-a"]) == (880, 0)
    world.by_hand("retry")
    world.conclude("succeeded")
    world.check()
    assert world.got["merchant:m1"] == 8_800


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        (Deed("retry", LEG), "leg_not_available"),
        (Deed("write_off", LEG), "leg_not_available"),
        (Deed("restore", LEG), "leg_not_written_off"),
        (Deed("retry", LEG + "1"), "leg_unknown"),
        (Deed("retry", "test-a/o:2/merchant:m1/1"), "leg_unknown"),
    ],
)
def test_a_deed_that_makes_no_sense_says_why(deed: Deed, reason: str) -> None:
    found = refusal(cashier().order, deed)
    assert isinstance(found, Refused)
    assert found.reason == reason


def test_what_the_platform_is_owed_is_not_written_off() -> None:
    world = cashier()
    world.conclude("failed", "ACCOUNT_ABNORMAL")
    deed = Deed("write_off", "test-a/o:1/platform:commission/1")
    assert getattr(refusal(world.order, deed), "reason", "") == "leg_of_platform"
    assert refusal(world.order, Deed("retry", deed.leg_id)) is None


@pytest.mark.parametrize(
    "stop", [Stops(whole=True), Stops(channels=frozenset({"test-a"})), Stops(merchants=frozenset({"m1"}))]
)
def test_a_retry_obeys_a_stop_and_waits_for_its_end(stop: Stops) -> None:
    world = cashier()
    world.conclude("failed", "CHANNEL_BUSY")
    world.stop(stop)
    world.later(MINUTE)
    assert world.leg().state == "available"
    assert world.leg().reason.startswith("paused:")
    assert len(world.order.waiting_for) == 1
    world.by_hand("retry")
    assert world.leg().state == "available"
    world.stop(Stops())
    assert (world.leg().state, world.leg().attempt) == ("in_transit", 2)
    assert not world.order.waiting_for


def test_a_blocked_receiver_accumulates_and_the_rest_of_the_order_goes_out() -> None:
    order = paid_order(receivers=(extra("r1", "merchant:m1", value=1_000), extra("r2", "merchant:m1", value=500)))
    known_ = copies(merchant("m1", agreement()), merchant("r1", agreement(), blocked=("kyc",)))
    world = Cashier(order, known_)
    assert world.accounts["merchant:available/r1"] == 880
    assert world.order.waiting_for == ("r1",)
    world.conclude("succeeded")
    world.check()
    assert {name: world.got[f"merchant:{name}"] for name in ("m1", "r1", "r2")} == {"m1": 7_480, "r1": 0, "r2": 440}
    known(world, "r1", ())
    assert not world.order.waiting_for
    world.conclude("succeeded")
    assert world.got["merchant:r1"] == 880
    world.check()


def test_a_reserve_stays_behind_and_goes_when_its_days_are_over() -> None:
    world = cashier(payouts=PayoutTerms(reserve_bp=1_000, reserve_days=7))
    world.check()
    assert world.accounts["merchant:reserve/m1"] == 880
    own = world.leg()
    assert (own.amount_minor, own.breakdown.passed_on_minor) == (7_920, 880)
    world.conclude("succeeded")
    world.later(timedelta(days=6))
    assert world.got["merchant:m1"] == 7_920
    world.later(timedelta(days=1))
    world.check()
    world.conclude("succeeded")
    assert world.got["merchant:m1"] == 8_800
    assert world.accounts["merchant:reserve/m1"] == 0
    world.check()


def test_the_platform_adds_its_subsidy_only_when_what_needs_it_goes() -> None:
    """A share that is stopped lies in the pool: its subsidy is asked for with it, and comes with it."""
    discount = Adjustment(kind="discount", amount_minor=-500, party="platform:marketing")
    lines = (line(1, 1_000), line(2, 1_000, merchant="m2"))
    world = Cashier(
        paid_order(*lines, adjustments=(discount,)),
        copies(merchant("m1", agreement()), merchant("m2", agreement(payouts=capped(0)))),
    )
    assert world.order.subsidy_due_minor == 500
    request, _, _ = world.legs["o:1.1"]
    assert request.subsidies == ()
    world.conclude("succeeded")
    world.check()
    world.merchants["m2"] = merchant("m2", agreement(), version=2)
    world.later(timedelta(days=1))
    request, _, _ = world.legs["o:1.2"]
    assert [it.amount_minor for it in request.subsidies] == [500]
    world.conclude("succeeded")
    world.check()
    assert world.pool == 0


def capped(amount: int) -> PayoutTerms:
    return PayoutTerms(daily_caps=(PayoutLimit(currency="BRL", amount_minor=amount),))


def test_a_leg_called_off_with_its_subsidy_asks_for_both_again() -> None:
    discount = Adjustment(kind="discount", amount_minor=-500, party="platform:marketing")
    world = Cashier(paid_order(line(1, 1_000), adjustments=(discount,)), copies(merchant("m1", agreement())))
    request, states, _ = world.legs["o:1.1"]
    told = paid_out(request, dict.fromkeys(states, "cancelled"), 1, world.now)
    cancelled = tuple(msgspec.structs.replace(it, state="cancelled") for it in told.subsidies)
    found = settle(world.order, msgspec.structs.replace(told, subsidies=cancelled))
    assert not isinstance(found, str)
    assert found is not None
    assert (found.order.subsidies, found.order.subsidy_due_minor) == ((), 500)
    states |= dict.fromkeys(states, "cancelled")
    world.order = found.order
    world._post(found.entries)  # noqa: SLF001 - the same as an answer
    world.review()
    again, _, _ = world.legs["o:1.2"]
    assert [it.amount_minor for it in again.subsidies] == [500]
    assert {leg.attempt for leg in again.legs} == {2}
    world.conclude("succeeded")
    world.check()
    assert world.pool == 0
