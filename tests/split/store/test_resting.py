"""The gauges of what rests and what waits for people, on a real MongoDB."""

from datetime import timedelta

from tests.split.examples import agreement, extra, merchant, paid_order
from tests.split.outcomes import later, told
from tests.split.replica import Replica

from shared.messages import PayoutLimit, PayoutTerms
from split.domain.approvals import Approval
from split.handlers.approvals import Draft
from split.store.resting import Resting

CAPPED = PayoutTerms(daily_caps=(PayoutLimit(currency="BRL", amount_minor=0),))


async def resting(replica: Replica) -> dict[str, int]:
    return {reason: it.number for reason, it in (await Resting(replica.database).by_reason()).items()}


async def test_nothing_rests_at_first(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement()), paid_order())
    await replica.sample_metrics()
    assert await resting(replica) == {}
    assert (
        replica.sample("weir_operator_queue", of="legs"),
        replica.sample("weir_operator_queue", of="approvals"),
    ) == (0, 0)


async def test_each_reason_is_counted_by_orders_and_the_institutions_words_are_one(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement()), merchant("r1", agreement(), blocked=("kyc",)))
    await replica.take(merchant("r2", agreement(payouts=CAPPED)))
    receivers = (extra("r1", "merchant:m1", value=500), extra("r2", "merchant:m1", value=500))
    for number in ("1", "2"):
        await replica.take(paid_order(order_id=number, receivers=receivers))
    await replica.take(told(replica.published.payouts()[0], "failed", "A bank's: own words", "merchant:m1"))
    await replica.take(told(replica.published.payouts()[1], "failed", "other words", "merchant:m1"))
    assert await resting(replica) == {"blocked": 2, "over_limit": 2, "came_back": 2}
    await replica.parts.deadlines.once()
    await later(replica, timedelta(hours=1))
    await replica.sample_metrics()
    assert replica.sample("weir_resting_orders", reason="came_back") == 2
    assert replica.sample("weir_resting_oldest_seconds", reason="blocked") > 3_000
    assert replica.sample("weir_operator_queue", of="legs") == 2
    assert replica.sample("weir_operator_queue_oldest_seconds", of="legs") > 3_000


async def test_a_reason_that_is_over_is_no_gauge_any_more(replica: Replica) -> None:
    await replica.take(paid_order())
    await replica.sample_metrics()
    assert replica.sample("weir_resting_orders", reason="merchant_unknown") == 1
    await replica.take(merchant("m1", agreement()))
    await replica.parts.releases.release("test-a/m1")
    for _ in range(12):
        await replica.sample_metrics()
    assert replica.registry.get_sample_value("weir_resting_orders", {"reason": "merchant_unknown"}) is None


async def test_what_waits_for_a_second_person_is_counted_until_it_expires(replica: Replica) -> None:
    details: dict[str, str | int] = {
        "receiver": "d1",
        "amount_minor": 5,
        "currency": "BRL",
        "channel_profile": "sandbox-direct",
        "channel_account": "test-a",
    }
    draft = Draft(
        marketplace="test-a", action="reward", subject="merchant:d1", details=details, actor="A", reason="r", key="k"
    )
    assert isinstance(await replica.parts.approve.ask(draft), Approval)
    now = replica.clock.now()
    found = await Resting(replica.database).approvals(now)
    assert (found.number, found.since is not None) == (1, True)
    assert (await Resting(replica.database).approvals(now + timedelta(days=1))).number == 0
