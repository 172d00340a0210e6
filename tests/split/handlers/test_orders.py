"""Split-requested on a real MongoDB."""

import msgspec
from tests.split.decisions import split
from tests.split.examples import agreement, extra, line, merchant, paid_order
from tests.split.replica import Replica, settled

from shared.ids import event_id
from shared.messages import Adjustment


async def test_an_order_is_booked_and_its_payout_requested(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement()), paid_order(line(1, 1_000, freight_minor=50)))
    (payout,) = replica.published.payouts()
    assert [(leg.leg_id, leg.receiver, leg.amount_minor) for leg in payout.legs] == [
        ("test-a/o:1/merchant:m1/1", "merchant:m1", 930),
        ("test-a/o:1/platform:commission/1", "platform:commission", 120),
    ]
    assert await replica.balances() == {
        "channel:clearing/test-a": -1_050,
        "merchant:in_transit/m1": 930,
        "platform:commission": 120,
    }
    assert await replica.shares() == {
        "merchant:m1": ("in_transit", "", 930),
        "platform:commission": ("in_transit", "", 120),
    }
    (booked,) = await replica.booked()
    assert booked["cause"] == event_id("split-requested", "test-a", "1")
    assert (booked["order"], booked["kind"]) == ("test-a/1", "split")
    assert replica.sample("weir_orders_split_total", outcome="paid_out") == 1


async def test_the_same_order_a_hundred_times_is_split_once(replica: Replica) -> None:
    order = paid_order()
    await replica.take(merchant("m1", agreement()), *[order] * 60)
    for _ in range(2):
        await replica.take(*[order] * 20)
    assert len(replica.published.payouts()) == 1
    assert len(await replica.booked()) == 1
    assert replica.published.dead() == []
    assert replica.sample("weir_orders_split_total", outcome="repeated") == 99


async def test_another_body_under_the_same_id_is_refused_and_the_first_stands(replica: Replica) -> None:
    first, other = paid_order(line(1, 1_000)), paid_order(line(1, 2_000))
    await replica.take(merchant("m1", agreement()), first, other)
    await replica.take(other)
    assert replica.published.dead() == ["order_differs", "order_differs"]
    assert (await replica.balances())["channel:clearing/test-a"] == -1_000


async def test_an_order_that_cannot_be_booked_is_refused_and_the_others_of_its_batch_are_not(replica: Replica) -> None:
    wrong = msgspec.structs.replace(paid_order(line(1, 5), order_id="2"), lines=(line(1, 6),))
    await replica.take(merchant("m1", agreement()), wrong, paid_order())
    assert replica.published.dead() == ["amount_mismatch"]
    assert await replica.order("test-a/2") == {}
    assert [payout.payout_id for payout in replica.published.payouts()] == ["o:1.1"]


async def test_what_is_stored_of_an_order_is_what_was_decided(replica: Replica) -> None:
    known = {"m1": merchant("m1", agreement(freight_to="chain"))}
    order = paid_order(
        line(1, 10**13, freight_minor=7),
        line(2, 10**12, merchant="m2", freight_minor=1),
        fee=9,
        adjustments=(Adjustment(kind="discount", amount_minor=-(10**11), party="platform:marketing"),),
        receivers=(extra("r1", "merchant:m1", "percent", 3_333), extra("r2", "receiver:r1", "fixed", 10)),
    )
    await replica.take(known["m1"], order)
    decision = split(order, known)
    assert not isinstance(decision, str)
    async with await replica.database.client.start_session() as session:
        loaded = await replica.parts.post_payouts._orders.load([order.key], session)  # noqa: SLF001 - the store of the replica
    assert loaded == {order.key: decision.order}
    stored = await replica.order()
    assert stored["waiting_for"] == ["m2"]
    assert (await replica.database.waiting.find_one({"_id": "test-a/m2"}) or {})["count"] == 1


async def test_five_hundred_orders_of_many_merchants_are_one_transaction_with_one_link(replica: Replica) -> None:
    merchants = [merchant(f"m{number}", agreement()) for number in range(50)]
    orders = [paid_order(line(1, 100 + n, merchant=f"m{n % 50}"), order_id=f"{n}") for n in range(500)]
    await replica.take(*merchants, *orders)
    assert len(replica.published.payouts()) == 500
    assert await replica.database.links.count_documents({}) == 1
    assert sum((await replica.balances()).values()) == 0


async def test_a_payout_settled_that_came_before_its_order_is_applied_with_it(replica: Replica) -> None:
    order, news = paid_order(line(1, 1_000)), merchant("m1", agreement())
    decision = split(order, {"m1": news})
    assert not isinstance(decision, str)
    assert decision.payout is not None
    first, last = settled(decision.payout, "unknown"), settled(decision.payout, revision=2)
    await replica.take(news, first)
    await replica.take(last)
    assert (await replica.order())["state"] == "stub"
    await replica.take(order)
    assert (await replica.shares())["merchant:m1"] == ("paid", "", 880)
    assert await replica.balances() == {}
    assert (await replica.order())["revisions"] == {"1": 2}
    assert "early" not in await replica.order()


async def test_what_came_early_and_does_not_fit_is_kept_with_its_reason(replica: Replica) -> None:
    order, news = paid_order(line(1, 1_000)), merchant("m1", agreement())
    decision = split(order, {"m1": news})
    assert not isinstance(decision, str)
    assert decision.payout is not None
    await replica.take(msgspec.structs.replace(settled(decision.payout), payout_id="o:1.9"))
    await replica.take(news, order)
    assert [it["reason"] for it in (await replica.order())["early"]] == ["payout_unknown"]
    assert replica.sample("weir_payouts_unmatched_total") == 1
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "", 880)
