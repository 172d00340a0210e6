"""Rewards and adjustments whose leg came back, on a real MongoDB: paid again by the clock, or as two people decide."""

from datetime import timedelta
from typing import Any

import pytest
from tests.split.examples import agreement, merchant
from tests.split.outcomes import later, told
from tests.split.replica import Replica

from shared.messages import PayoutRequested
from split.domain.approvals import Action, Approval, Ruling
from split.domain.refusals import Refused
from split.domain.stops import Target
from split.handlers.approvals import Draft
from split.handlers.stops import Wish

MINUTE = timedelta(minutes=1, seconds=5)
WEEK = timedelta(days=7)
DETAILS: dict[str, str | int] = {
    "receiver": "driver-7",
    "amount_minor": 500,
    "currency": "CNY",
    "channel_profile": "sandbox-direct",
    "channel_account": "test-a",
}


async def decided(replica: Replica, action: Action, subject: str, **details: str | int) -> Approval | Refused:
    """Ask, and have somebody else approve."""
    key = f"{action}{subject}"
    draft = Draft(
        marketplace="test-a", action=action, subject=subject, details=details, actor="Ann", reason="why", key=key
    )
    asked = await replica.parts.approve.ask(draft)
    if isinstance(asked, Refused):
        return asked
    return await replica.parts.approve.rule(
        asked.key, Ruling(verdict="approved", actor="Bob", reason="seen", key=f"d{key}")
    )


async def rewarded(replica: Replica, reason: str) -> PayoutRequested:
    """Have a reward asked for, approved, and come back for this reason."""
    done = await decided(replica, "reward", "merchant:driver-7", **DETAILS)
    assert isinstance(done, Approval), done
    payout = replica.published.payouts()[-1]
    await replica.take(told(payout, "failed", reason))
    await replica.parts.of_charges.sweep()
    return payout


async def charge(replica: Replica) -> Any:  # noqa: ANN401 - a document
    return await replica.database.charges.find_one({}) or {}


async def state(replica: Replica) -> tuple[str, str]:
    (share,) = (await charge(replica))["shares"]
    return share["state"], share["reason"]


async def ahead(replica: Replica, by: timedelta) -> int:
    await later(replica, by)
    return await replica.parts.of_charges.sweep()


async def test_a_reward_that_failed_is_paid_again_when_its_time_has_come(replica: Replica) -> None:
    first = await rewarded(replica, "CHANNEL_BUSY")
    assert (await state(replica), len(replica.published.payouts())) == (("available", "CHANNEL_BUSY"), 1)
    assert await ahead(replica, MINUTE) == 1
    again = replica.published.payouts()[-1]
    assert again.payout_id == f"{first.document}.2"
    assert [(it.leg_id, it.attempt, it.amount_minor) for it in again.legs] == [(first.legs[0].leg_id, 2, 500)]
    assert again.subsidies == ()
    assert await ahead(replica, MINUTE) == 0
    await replica.take(told(again, "succeeded"))
    assert await replica.balances() == {}
    assert not {"look_at", "operator_at", "standing"} & set(await charge(replica))


async def test_several_replicas_pay_a_reward_again_once(replica: Replica) -> None:
    await rewarded(replica, "CHANNEL_BUSY")
    other = Replica(replica.database)
    await ahead(replica, MINUTE)
    await ahead(other, MINUTE)
    assert len(replica.published.payouts()) + len(other.published.payouts()) == 2


async def test_a_reward_that_is_never_retried_is_an_operators(replica: Replica) -> None:
    payout = await rewarded(replica, "ACCOUNT_ABNORMAL")
    assert await ahead(replica, WEEK) == 0
    assert "operator_at" in await charge(replica)
    done = await decided(replica, "leg_retry", payout.legs[0].leg_id)
    assert isinstance(done, Approval)
    assert done.outcome == f"{payout.document}.2"
    await replica.take(told(replica.published.payouts()[-1], "succeeded"))
    assert (await replica.balances(), "operator_at" in await charge(replica)) == ({}, False)


async def test_a_reward_is_written_off_and_restored_by_two_people(replica: Replica) -> None:
    payout = await rewarded(replica, "ACCOUNT_ABNORMAL")
    leg = payout.legs[0].leg_id
    off = await decided(replica, "leg_write_off", leg)
    assert isinstance(off, Approval)
    assert (off.outcome, await state(replica)) == ("suspense/test-a", ("written_off", "ACCOUNT_ABNORMAL"))
    assert (await replica.balances())["suspense/test-a"] == 500
    back = await decided(replica, "leg_restore", leg)
    assert isinstance(back, Approval)
    assert (back.outcome, await state(replica)) == ("merchant:available/driver-7", ("available", "restored"))
    assert [it["kind"] for it in await replica.booked()] == ["reward", "settle", "write_off", "restore"]
    assert isinstance(await decided(replica, "leg_retry", leg), Approval)
    await replica.take(told(replica.published.payouts()[-1], "succeeded"))
    assert await replica.balances() == {}


async def test_what_stops_its_receiver_is_waited_for(replica: Replica) -> None:
    await rewarded(replica, "CHANNEL_BUSY")
    await replica.take(merchant("driver-7", agreement(), blocked=("kyc",)))
    assert await ahead(replica, MINUTE) == 1
    assert (await state(replica), len(replica.published.payouts())) == (("available", "blocked:kyc"), 1)
    await replica.take(merchant("driver-7", agreement(), version=2))
    target = Target(marketplace="test-a", scope="merchant", subject="driver-7")
    wish = Wish(target=target, paused=True, actor="Ann", reason="why", key="p")
    await replica.parts.behind.stop.change(wish)
    await ahead(replica, timedelta(minutes=10))
    assert await state(replica) == ("available", "paused:merchant")
    resume = Wish(target=target, paused=False, actor="Ann", reason="why", key="r")
    await replica.parts.behind.stop.change(resume)
    await ahead(replica, timedelta(minutes=20))
    assert [it.attempt for it in replica.published.payouts()[-1].legs] == [2]


async def test_what_its_receiver_owes_by_then_is_kept(replica: Replica) -> None:
    payout = await rewarded(replica, "ACCOUNT_ABNORMAL")
    debit = DETAILS | {"direction": "debit", "category": "penalty", "amount_minor": 200}
    assert isinstance(await decided(replica, "adjustment", "merchant:driver-7", **debit), Approval)
    assert isinstance(await decided(replica, "leg_retry", payout.legs[0].leg_id), Approval)
    legs = {it.receiver: it.amount_minor for it in replica.published.payouts()[-1].legs}
    assert legs == {"merchant:driver-7": 300, "platform:advance": 200}
    for it in replica.published.payouts()[1:]:
        await replica.take(told(it, "succeeded"))
    assert await replica.balances() == {}


@pytest.mark.parametrize("action", ["leg_retry", "leg_write_off", "leg_restore"])
async def test_a_leg_of_no_charge_is_unknown(replica: Replica, action: Action) -> None:
    payout = await rewarded(replica, "ACCOUNT_ABNORMAL")
    for leg in ("test-a/c:none/merchant:driver-7/1", payout.legs[0].leg_id.replace("test-a/", "test-b/"), "test-a/c:"):
        found = await decided(replica, action, leg)
        assert isinstance(found, Refused)
        assert found.reason == "leg_unknown"
