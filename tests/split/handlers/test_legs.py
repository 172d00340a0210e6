"""Legs that came back, on a real MongoDB: paid again by the clock, or as two people decide."""

from datetime import timedelta
from typing import Any

from tests.split.examples import agreement, merchant, paid_order
from tests.split.outcomes import later, told
from tests.split.replica import Replica

from split.domain.approvals import Approval, Ruling
from split.domain.refusals import Refused
from split.domain.stops import Target
from split.handlers.approvals import Draft
from split.handlers.stops import Wish

LEG = "test-a/o:1/merchant:m1/1"
MINUTE = timedelta(minutes=1, seconds=5)
MONTH = timedelta(days=32)


async def failed(replica: Replica, reason: str) -> None:
    """Have m1's leg of order 1 fail, and let split look at it."""
    await replica.take(merchant("m1", agreement()), paid_order())
    await replica.take(told(replica.published.payouts()[-1], "failed", reason, "merchant:m1"))
    await replica.parts.deadlines.once()


async def asked(replica: Replica, action: Any = "leg_retry", leg: str = LEG, key: str = "k") -> Approval | Refused:  # noqa: ANN401 - a literal
    draft = Draft(marketplace="test-a", action=action, subject=leg, actor="Ann", reason="mended", key=key)
    return await replica.parts.approve.ask(draft)


async def approved(replica: Replica, action: Any = "leg_retry") -> Approval | Refused:  # noqa: ANN401 - a literal
    it = await asked(replica, action)
    assert isinstance(it, Approval)
    ruling = Ruling(verdict="approved", actor="Bob", reason="seen", key="d")
    return await replica.parts.approve.rule(it.key, ruling)


async def test_a_failed_leg_is_paid_again_in_the_next_payout_when_its_time_has_come(replica: Replica) -> None:
    await failed(replica, "CHANNEL_BUSY")
    assert (await replica.shares())["merchant:m1"] == ("available", "CHANNEL_BUSY", 8_800)
    assert len(replica.published.payouts()) == 1
    assert await later(replica, MINUTE) == 1
    _, again = replica.published.payouts()
    (leg,) = again.legs
    assert (again.payout_id, leg.leg_id, leg.attempt, leg.amount_minor) == ("o:1.2", LEG, 2, 8_800)
    assert await replica.balances() == {"channel:clearing/test-a": -8_800, "merchant:in_transit/m1": 8_800}
    assert (await replica.database.guards.find_one({"_id": "test-a/m1/BRL"}) or {})["version"] == 1
    await replica.take(told(again, "succeeded"))
    assert await replica.balances() == {}
    order = await replica.order()
    assert not {"look_at", "operator_at", "standing", "waiting_for"} & set(order)


async def test_several_replicas_pay_a_leg_again_once(replica: Replica) -> None:
    await failed(replica, "CHANNEL_BUSY")
    other = Replica(replica.database)
    await later(replica, MINUTE)
    await later(other, MINUTE)
    assert len(replica.published.payouts()) + len(other.published.payouts()) == 2


async def test_a_monthly_limit_is_waited_for(replica: Replica) -> None:
    await failed(replica, "RECEIVER_RECEIPT_LIMIT")
    await later(replica, MINUTE)
    assert len(replica.published.payouts()) == 1
    await later(replica, MONTH)
    assert len(replica.published.payouts()) == 2


async def test_what_is_never_retried_is_an_operators_until_two_people_have_it_paid(replica: Replica) -> None:
    await failed(replica, "ACCOUNT_ABNORMAL")
    await later(replica, MONTH)
    assert len(replica.published.payouts()) == 1
    assert "operator_at" in await replica.order()
    done = await approved(replica)
    assert isinstance(done, Approval)
    assert (done.state, done.outcome) == ("approved", "o:1.2")
    (leg,) = replica.published.payouts()[-1].legs
    assert (leg.leg_id, leg.attempt) == (LEG, 2)
    assert "operator_at" not in await replica.order()


async def test_what_is_written_off_is_in_suspense(replica: Replica) -> None:
    await failed(replica, "ACCOUNT_ABNORMAL")
    done = await approved(replica, "leg_write_off")
    assert isinstance(done, Approval)
    assert done.outcome == "suspense/test-a"
    assert await replica.balances() == {"channel:clearing/test-a": -8_800, "suspense/test-a": 8_800}
    assert [it["kind"] for it in await replica.booked()] == ["split", "settle", "write_off"]
    assert (await replica.shares())["merchant:m1"] == ("written_off", "ACCOUNT_ABNORMAL", 8_800)
    assert not {"operator_at", "standing"} & set(await replica.order())
    repeated = await asked(replica, key="k2")
    assert isinstance(repeated, Refused)
    assert repeated.reason == "leg_not_available"


async def test_a_deed_is_refused_where_it_cannot_be_done(replica: Replica) -> None:
    await failed(replica, "ACCOUNT_ABNORMAL")
    for leg, reason in (
        ("test-a/o:1/merchant:m1/2", "leg_unknown"),
        ("test-a/o:9/merchant:m1/1", "leg_unknown"),
        ("test-b/o:1/merchant:m1/1", "leg_unknown"),
        ("nonsense", "leg_unknown"),
        ("test-a/o:1/platform:commission/1", "leg_not_available"),
    ):
        found = await asked(replica, leg=leg)
        assert isinstance(found, Refused)
        assert found.reason == reason, leg


async def test_neither_a_block_nor_a_stop_is_passed_by_hand(replica: Replica) -> None:
    await failed(replica, "ACCOUNT_ABNORMAL")
    await replica.take(merchant("m1", agreement(), version=2, blocked=("kyc",)))
    found = await asked(replica)
    assert isinstance(found, Refused)
    assert (found.reason, "blocked:kyc" in found.detail) == ("leg_stopped", True)
    await replica.take(merchant("m1", agreement(), version=3))
    it = await asked(replica)
    assert isinstance(it, Approval)
    wish = Wish(
        target=Target(marketplace="test-a", scope="marketplace"), paused=True, actor="Ann", reason="why", key="p"
    )
    await replica.parts.behind.stop.change(wish)
    ruling = Ruling(verdict="approved", actor="Bob", reason="seen", key="d")
    stopped = await replica.parts.approve.rule(it.key, ruling)
    assert isinstance(stopped, Refused)
    assert (stopped.reason, "paused:marketplace" in stopped.detail) == ("leg_stopped", True)
    assert len(replica.published.payouts()) == 1


async def test_what_the_bank_sends_back_after_it_was_paid_is_reopened_by_its_revision(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement()), paid_order())
    (payout,) = replica.published.payouts()
    await replica.take(told(payout, "succeeded"))
    assert await replica.balances() == {}
    await replica.take(told(payout, "returned", "account closed", "merchant:m1", revision=2))
    assert await replica.balances() == {"channel:clearing/test-a": -8_800, "merchant:available/m1": 8_800}
    await replica.parts.deadlines.once()
    assert (await replica.shares())["merchant:m1"] == ("available", "account closed", 8_800)
    assert isinstance(await approved(replica), Approval)
    await replica.take(told(replica.published.payouts()[-1], "succeeded"))
    assert await replica.balances() == {}


async def test_a_retry_that_comes_due_while_payouts_are_paused_waits_for_their_end(replica: Replica) -> None:
    await failed(replica, "CHANNEL_BUSY")
    target = Target(marketplace="test-a", scope="merchant", subject="m1")
    await replica.parts.behind.stop.change(Wish(target=target, paused=True, actor="Ann", reason="why", key="p"))
    await later(replica, MINUTE)
    assert (await replica.shares())["merchant:m1"] == ("available", "paused:merchant", 8_800)
    assert (await replica.order())["waiting_for"] == ["stop/merchant/m1"]
    await replica.parts.behind.stop.change(Wish(target=target, paused=False, actor="Ann", reason="why", key="r"))
    assert await replica.parts.waker.sweep() == 1
    assert [leg.attempt for leg in replica.published.payouts()[-1].legs] == [2]
