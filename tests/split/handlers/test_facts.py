"""Order-progressed and case-changed on a real MongoDB: kept once, in any order, and acted on at once."""

import itertools
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from tests.split.examples import agreement, line, merchant, paid_order
from tests.split.goods import case, progress
from tests.split.replica import Replica

from shared import mongo
from shared.ids import event_id
from shared.messages import Event
from shared.mongo import PyMongoError

NEWS = merchant("m1", agreement(trigger="shipped"))
ORDER = paid_order(line(1, 1_000), line(2, 500))


async def test_what_is_shipped_is_paid_at_once_and_booked_to_the_event(replica: Replica) -> None:
    await replica.take(NEWS, ORDER)
    assert (await replica.shares())["merchant:m1"] == ("held", "awaiting_shipped", 1_500)
    await replica.take(progress())
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "", 1_320)
    (payout,) = replica.published.payouts()
    assert {leg.receiver: leg.amount_minor for leg in payout.legs} == {"merchant:m1": 1_320, "platform:commission": 180}
    _, released = await replica.booked()
    assert (released["kind"], released["cause"]) == ("release", event_id("order-progressed", "test-a", "1/shipped/1"))


async def test_lines_are_paid_as_they_are_shipped_and_no_part_twice(replica: Replica) -> None:
    await replica.take(NEWS, ORDER)
    await replica.take(progress("shipped", "l2", number="a"))
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "", 440)
    held = [it for it in (await replica.order())["shares"] if it["state"] == "held"]
    assert [(it["amount_minor"], it["lines"], it["reason"]) for it in held] == [(1_000, ["l1"], "awaiting_shipped")]
    await replica.take(progress("delivered", "l2", number="b"))
    await replica.take(progress("shipped", "l1", "l2", number="c"))
    assert [payout.payout_id for payout in replica.published.payouts()] == ["o:1.1", "o:1.2"]
    legs = [leg.leg_id for payout in replica.published.payouts() for leg in payout.legs]
    assert legs == [f"test-a/o:1/{path}/{part}" for part in (1, 2) for path in ("merchant:m1", "platform:commission")]
    assert "merchant:held/m1" not in await replica.balances()


async def test_a_batch_of_news_of_one_order_is_one_payout(replica: Replica) -> None:
    await replica.take(NEWS, ORDER)
    await replica.take(progress("shipped", "l1", number="a"), progress("shipped", "l2", number="b"))
    (payout,) = replica.published.payouts()
    assert payout.legs[0].amount_minor == 1_320
    assert len((await replica.order())["facts"]["progress"]) == 2


async def test_the_same_event_a_hundred_times_is_kept_once(replica: Replica) -> None:
    await replica.take(NEWS, ORDER)
    for _ in range(2):
        await replica.take(*[progress("shipped", "l1")] * 50, *[case(1, "l2")] * 50)
    facts = (await replica.order())["facts"]
    assert (len(facts["progress"]), len(facts["freezes"])) == (1, 1)
    assert len(replica.published.payouts()) == 1
    assert replica.published.dead() == []


async def test_another_body_under_the_same_id_is_a_dead_letter_and_the_first_stands(replica: Replica) -> None:
    await replica.take(progress("shipped", "l1"), progress("shipped", "l2"), case(1, "l2"))
    await replica.take(case(1, reason="lost"), NEWS, ORDER)
    await replica.take(progress("shipped"), case(1, "l1"))
    assert replica.published.dead() == ["progress_differs", "freeze_differs", "progress_differs", "freeze_differs"]
    facts = (await replica.order())["facts"]
    assert [it["line_ids"] for it in (*facts["progress"], *facts["freezes"])] == [["l1"], ["l2"]]


async def test_two_kinds_may_have_one_number(replica: Replica) -> None:
    await replica.take(NEWS, ORDER, progress("shipped", "l1"), progress("delivered", "l1"), progress("completed", "l1"))
    assert len((await replica.order())["facts"]["progress"]) == 3
    assert replica.published.dead() == []


async def test_a_line_that_the_order_has_not_is_a_dead_letter(replica: Replica) -> None:
    await replica.take(NEWS, ORDER)
    await replica.take(progress("shipped", "l1", "l9"), case(1, "l9"))
    assert replica.published.dead() == ["line_unknown", "line_unknown"]
    assert "facts" not in await replica.order()
    assert (await replica.shares())["merchant:m1"][1] == "awaiting_shipped"


async def test_what_came_before_its_order_and_names_no_line_of_it_is_kept_apart_and_changes_nothing(
    replica: Replica,
) -> None:
    await replica.take(progress("shipped", "l1", "l9"), progress("shipped", "l2", number="2"), case(1, "l2", "l9"))
    await replica.take(NEWS, ORDER)
    order = await replica.order()
    assert [it["progress_id"] for it in order["facts"]["progress"]] == ["2"]
    assert [it["progress_id"] for it in order["early_facts"]["progress"]] == ["1"]
    assert [it["owner"] for it in order["early_facts"]["freezes"]] == ["case:c"]
    assert [(it["state"], it.get("lines")) for it in order["shares"][:2]] == [("held", ["l1"]), ("in_transit", ["l2"])]
    assert replica.sample("weir_orders_misfits_total") == 1


async def test_what_has_not_happened_yet_is_a_dead_letter(replica: Replica) -> None:
    await replica.take(NEWS, ORDER)
    now = datetime.now(UTC)
    await replica.take(progress(occurred_at=now + timedelta(minutes=6)))
    assert replica.published.dead() == ["occurred_in_future"]
    await replica.take(progress("shipped", "l1", number="2", occurred_at=now + timedelta(minutes=4)))
    assert replica.published.dead() == ["occurred_in_future"]
    assert len((await replica.order())["facts"]["progress"]) == 1


async def test_events_before_their_order_wait_in_its_document(replica: Replica) -> None:
    await replica.take(progress("shipped", "l1"))
    await replica.take(case(1, "l1"), progress("shipped", "l2", number="2"))
    assert (await replica.order())["state"] == "stub"
    await replica.take(NEWS, ORDER)
    order = await replica.order()
    assert order["state"] == "split"
    assert "early_facts" not in order
    assert len(order["facts"]["progress"]) == 2
    assert [(it["state"], it["lines"], it["reason"]) for it in order["shares"][:2]] == [
        ("held", ["l1"], "frozen:case:c"),
        ("in_transit", ["l2"], ""),
    ]
    assert replica.sample("weir_orders_misfits_total") == 0


async def test_a_case_keeps_what_is_due_until_it_is_closed(replica: Replica) -> None:
    await replica.take(NEWS, ORDER, case())
    await replica.take(progress())
    assert (await replica.shares())["merchant:m1"] == ("held", "frozen:case:c", 1_500)
    await replica.take(case(2, state="disputed"))
    assert replica.published.payouts() == []
    await replica.take(case(3, state="closed"))
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "", 1_320)
    await replica.take(case(1), case(2, state="disputed"))
    assert len((await replica.order())["facts"]["freezes"]) == 1


async def test_a_case_of_what_is_on_its_way_changes_nothing_of_it(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement()), ORDER)
    await replica.take(case())
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "", 1_320)
    assert len(replica.published.payouts()) == 1


async def test_a_line_that_is_called_off_is_never_paid_and_the_others_are(replica: Replica) -> None:
    await replica.take(NEWS, ORDER)
    await replica.take(progress("cancelled", "l1"))
    await replica.take(progress("shipped"), progress("completed"))
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "", 440)
    held = [it for it in (await replica.order())["shares"] if it["state"] == "held"]
    assert [(it["amount_minor"], it["reason"]) for it in held] == [(1_000, "cancelled")]


async def test_news_of_goods_meets_a_merchant_that_is_still_unknown(replica: Replica) -> None:
    await replica.take(ORDER, progress())
    assert (await replica.shares())["merchant:m1"] == ("held", "merchant_unknown", 1_500)
    await replica.take(NEWS)
    await replica.parts.releases.release("test-a/m1")
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "", 1_320)


async def test_a_blocked_merchants_goods_wait_for_the_block(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement(trigger="shipped"), blocked=("kyc",)), ORDER)
    assert (await replica.database.waiting.find_one({"_id": "test-a/m1"}) or {}).get("count", 0) == 0
    await replica.take(progress())
    assert (await replica.shares())["merchant:m1"][1] == "blocked:kyc"
    assert (await replica.database.waiting.find_one({"_id": "test-a/m1"}) or {})["count"] == 1
    await replica.take(merchant("m1", agreement(trigger="shipped"), version=2))
    assert await replica.parts.releases.release("test-a/m1") == 1
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "", 1_320)


STORY: tuple[Event, ...] = (
    NEWS,
    ORDER,
    progress("shipped", "l1"),
    case(1, "l1"),
    case(2, "l1", state="closed"),
)


@pytest.mark.parametrize("places", list(itertools.permutations(range(5)))[::7])
async def test_whatever_comes_first_the_end_is_the_same(replica: Replica, places: tuple[int, ...]) -> None:
    for place in places:
        await replica.take(STORY[place])
    await replica.parts.releases.release("test-a/m1")
    shares = (await replica.order())["shares"]
    found = sorted((it["path"], it["state"], it["reason"], it["amount_minor"], tuple(it["lines"])) for it in shares[:2])
    assert found == [
        ("merchant:m1", "held", "awaiting_shipped", 500, ("l2",)),
        ("merchant:m1", "in_transit", "", 880, ("l1",)),
    ]
    assert (await replica.balances())["merchant:held/m1"] == 500


async def conflicts(replica: Replica, first: Event, second: Event) -> None:
    """Let both read before either writes; the second to write must fail, and runs again."""
    async with replica.unit(first, "a#0") as one, replica.unit(second, "b#0") as other:
        await one.decide()
        await other.decide()
        await one.write()
        with pytest.raises(PyMongoError) as conflict:
            await other.write()
        assert mongo.is_conflict(conflict.value)
        await other.work.session.abort_transaction()
    await replica.database.outbox.delete_many({})  # published
    await replica.take(second)


@pytest.mark.parametrize("order_first", [True, False])
@pytest.mark.parametrize("event", [progress(), case(1, "l1")])
async def test_an_order_and_news_of_it_never_miss_each_other(
    replica: Replica, event: Event, *, order_first: bool
) -> None:
    await replica.take(NEWS)
    await conflicts(replica, *((ORDER, event) if order_first else (event, ORDER)))
    await replica.take(progress(number="2"))
    balances, frozen = await replica.balances(), event.topic == "case-changed"
    assert balances["platform:commission"] == (60 if frozen else 180)
    assert balances.get("merchant:held/m1", 0) == (1_000 if frozen else 0)


@pytest.mark.parametrize("progress_first", [True, False])
async def test_goods_and_news_of_a_blocked_merchant_never_miss_each_other(
    replica: Replica, *, progress_first: bool
) -> None:
    """Before, the order waits for its goods only; with them it waits for the merchant, whose block ends meanwhile."""
    await replica.take(merchant("m1", agreement(trigger="shipped"), blocked=("kyc",)), ORDER)
    freed = merchant("m1", agreement(trigger="shipped"), version=2)
    await conflicts(replica, *((progress(), freed) if progress_first else (freed, progress())))
    await replica.parts.releases.release("test-a/m1")
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "", 1_320)


async def test_two_events_of_one_order_at_once_are_both_kept(replica: Replica) -> None:
    await replica.take(NEWS, ORDER)
    await conflicts(replica, progress("shipped", "l1"), progress("shipped", "l2", number="2"))
    assert len((await replica.order())["facts"]["progress"]) == 2
    assert "merchant:held/m1" not in await replica.balances()


async def test_an_order_that_is_paid_at_once_has_nothing_more_stored(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement()), ORDER)
    assert not {"facts", "look_at", "early_facts", "waiting_for", "standing"} & set(await replica.order())
    assert not any(
        {"hold", "lines", "earning"} & {name for name in it if it[name]} for it in (await replica.order())["shares"]
    )


async def test_a_batch_reads_its_orders_and_merchants_once(replica: Replica) -> None:
    orders = [msgspec.structs.replace(ORDER, order_id=str(number)) for number in range(100)]
    await replica.take(NEWS, *orders)
    await replica.take(*[progress(order_id=str(number)) for number in range(100)])
    assert len(replica.published.payouts()) == 100
    assert await replica.database.links.count_documents({}) == 2
