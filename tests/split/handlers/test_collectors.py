"""Orders that their seller collects, on a real MongoDB: one finish is asked for, and the end of a freeze acts once."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import structlog
from tests.split.channels import WECHAT, at_channel, marketplaces
from tests.split.examples import agreement, line, merchant, paid_order
from tests.split.goods import DAY, progress
from tests.split.moneys import approval, moved
from tests.split.moneys import settled as refunded
from tests.split.replica import Replica, settled

from shared import clock
from shared.messages import ChannelMoved, SplitRequested
from shared.mongo import Database
from split.domain.limits import key_of
from split.store.receivers import RECEIVERS

NOW = datetime.now(UTC).replace(microsecond=0)
TERMS = {"channel_profile": WECHAT, "commission_bp": 1_000}
SLOW = agreement(trigger="completed", trigger_days=7, **TERMS)


@pytest.fixture
async def replica(database: Database, tmp_path: Path) -> Replica:
    it = Replica(database, marketplaces(tmp_path))
    for who in ("platform:commission", "merchant:r1"):
        key = key_of("test-a", "m1", WECHAT, "test-a", who)
        await database[RECEIVERS].insert_one({"_id": key, "state": "bound"})
    return it


def sold(number: int = 1, **fields: object) -> SplitRequested:
    order = at_channel(paid_order(line(1, 1_000), line(2, 500), order_id=str(number)), WECHAT)
    return msgspec.structs.replace(order, paid_at=NOW - timedelta(minutes=2), **fields)


async def pass_by(replica: Replica, days: float) -> None:
    await clock.move(replica.database, days * DAY)
    await replica.clock.ask()


def asked(replica: Replica) -> list[tuple[str, str, int]]:
    return [(it.payout_id, it.kind, sum(leg.amount_minor for leg in it.legs)) for it in replica.published.payouts()]


async def test_the_seller_gets_its_own_by_finish_after_the_others_are_paid(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement(**TERMS)), sold())
    assert asked(replica) == [("o:1.1", "pay", 150)]
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "awaiting_finish", 1_350)
    payout = replica.published.payouts()[0]
    await replica.take(settled(payout, "unknown"))
    assert len(asked(replica)) == 1
    await replica.take(settled(payout, revision=2))
    await replica.take(settled(payout, revision=2))
    assert asked(replica)[1:] == [("o:1.2", "finish", 1_350)]
    await replica.take(settled(replica.published.payouts()[1]))
    assert await replica.balances() == {}
    order = await replica.order()
    assert (order["payouts"], order["freeze"], {it["state"] for it in order["shares"]}) == (
        2,
        {"closed": True},
        {"paid"},
    )


async def test_two_answers_at_once_ask_for_one_finish(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement(**TERMS)), *[sold(number) for number in range(4)])
    payouts = replica.published.payouts()
    others = [Replica(replica.database) for _ in range(2)]
    await asyncio.gather(*(it.take(*[settled(payout) for payout in payouts]) for it in others))
    finishes = [it for one in others for it in one.published.payouts() if it.kind == "finish"]
    assert sorted(it.payout_id for it in finishes) == [f"o:{number}.2" for number in range(4)]


async def test_a_refund_takes_of_the_sellers_own_and_keeps_its_finish_waiting(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement(**TERMS)), sold())
    await replica.take(approval(0, 500, approved_at=NOW))
    (plan,) = replica.published.plans()
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "awaiting_finish", 900)
    await replica.take(settled(replica.published.payouts()[0]))
    assert [kind for _, kind, _ in asked(replica)] == ["pay"]
    await replica.take(refunded(plan))
    assert await replica.parts.deadlines.once() == 1
    assert asked(replica)[-1] == ("o:1.2", "finish", 900)
    await replica.take(settled(replica.published.payouts()[-1]))
    assert {it for it in await replica.balances() if it.startswith(("merchant:", "channel:"))} == set()


@pytest.mark.parametrize(("policy", "paid"), [("split_now", 150), ("let_go", 0)])
async def test_three_days_before_the_freeze_ends_the_policy_acts_once_and_alerts(
    replica: Replica, policy: str, paid: int
) -> None:
    terms = msgspec.structs.replace(SLOW, freeze_policy=policy)
    await replica.take(merchant("m1", terms), sold())
    await pass_by(replica, 26.9)
    assert await replica.parts.deadlines.once() == 0
    await pass_by(replica, 27)
    replicas = [replica, Replica(replica.database)]
    await replicas[1].clock.ask()
    with structlog.testing.capture_logs() as logs:
        assert sum(await asyncio.gather(*(it.parts.deadlines.once() for it in replicas))) == 1
    assert [it["left"] for it in logs if it["event"] == "the channel's freeze is ending"] == [policy == "let_go"]
    legs = [leg.amount_minor for it in replicas for payout in it.published.payouts() for leg in payout.legs]
    assert sum(legs) == paid
    label = "left" if policy == "let_go" else "split"
    assert sum(it.sample("weir_channel_freezes_ending_total", held=label) for it in replicas) == 1
    assert (await replica.shares())["merchant:m1"][1] == ("let_go" if policy == "let_go" else "awaiting_finish")
    await pass_by(replica, 29)
    assert await replica.parts.deadlines.once() == 0


def ended(order_id: str | None = "1", movement_id: str = "u1", profile: str = WECHAT) -> ChannelMoved:
    return moved("auto_unfreeze", 1_500, movement_id, order_id=order_id, channel_profile=profile)


@pytest.mark.parametrize("early", [True, False])
async def test_the_end_of_a_freeze_is_booked_once_and_paid_off_by_the_sellers_next_order(
    replica: Replica, *, early: bool
) -> None:
    events = [ended(), sold()] if early else [sold(), ended()]
    await replica.take(merchant("m1", msgspec.structs.replace(SLOW, freeze_policy="let_go")))
    for event in (*events, ended()):
        await replica.take(event)
    assert await replica.balances() == {"merchant:debt/m1": -150, "platform:advance": 150}
    assert replica.published.payouts() == []
    assert (await replica.shares())["merchant:m1"] == ("paid", "unfrozen", 1_350)
    await replica.take(merchant("m1", agreement(**TERMS), version=2), sold(2))
    (payout,) = replica.published.payouts()
    legs = {leg.receiver: leg.amount_minor for leg in payout.legs}
    assert legs == {"platform:commission": 150, "platform:advance": 150}
    await replica.take(settled(payout))
    assert asked(replica)[-1] == ("o:2.2", "finish", 1_200)
    await replica.take(settled(replica.published.payouts()[-1]))
    assert await replica.balances() == {}


async def test_an_end_of_no_order_or_of_what_is_never_frozen_is_a_dead_letter(replica: Replica) -> None:
    await replica.take(ended(None), ended("1", "u2", "sandbox-direct"))
    assert [it.rpartition(" ")[2] for it in replica.published.dead()] == ["unfreeze_of_no_order"] * 2


async def test_two_replicas_that_hear_of_an_end_and_of_goods_at_once_split_nothing_twice(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement(trigger="shipped", **TERMS)), sold())
    others = [Replica(replica.database) for _ in range(2)]
    await asyncio.gather(others[0].take(ended()), others[1].take(progress()))
    (end,) = (await replica.order())["freeze"]["unfrozen"]
    payouts = [it for one in others for it in one.published.payouts()]
    assert (end["owed_minor"], len(payouts) <= 1) == (150, True)
    for payout in payouts:  # it was asked for too late
        await replica.take(settled(payout, "failed"))
        await replica.parts.deadlines.once()
    assert await replica.balances() == {"merchant:debt/m1": -150, "platform:advance": 150}


async def test_what_is_paid_by_a_pool_has_nothing_more_stored(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement()), paid_order())
    assert not {"freeze", "look_at"} & set(await replica.order())
