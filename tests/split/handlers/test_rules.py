"""A marketplace's rules on a real MongoDB: what they decide, what they leave alone, and who waits for them."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from pymongo.errors import PyMongoError
from tests.split.examples import LONG_AGO, PAID_AT, agreement, line, merchant, paid_order
from tests.split.replica import Replica
from tests.split.tariffs import rule

from shared import mongo
from shared.messages import Rule
from split.domain.refusals import Refused
from split.domain.rulesets import MarketplaceRule, Stated
from split.handlers.rules import Shown, Wish
from split.store.rulesets import Rulesets

MARKETPLACES = agreement(rate_source="marketplace", commission_bp=0)
STRIPE = "split.split-requested#0"


async def say(
    replica: Replica,
    *rules: MarketplaceRule,
    since: datetime = LONG_AGO,
    key: str = "k",
    **words: Any,  # noqa: ANN401 - of a wish
) -> Shown | Refused:
    given: dict[str, Any] = {"marketplace": "test-a", "actor": "Ann", "reason": "tariff"} | words
    return await replica.parts.behind.rule.state(Wish(stated=Stated(since, None, rules), key=key, **given))


async def state(replica: Replica, *rules: MarketplaceRule, since: datetime = LONG_AGO, key: str = "k") -> None:
    assert isinstance(await say(replica, *rules, since=since, key=key), Shown)


async def legs(replica: Replica) -> list[dict[str, int]]:
    """Return the legs of each payout by receiver."""
    return [{leg.receiver: leg.amount_minor for leg in it.legs} for it in replica.published.payouts()]


async def test_the_marketplaces_rules_decide_where_the_agreement_leaves_it_to_them(replica: Replica) -> None:
    await state(replica, rule(commission_bp=500, tax_bp=1_000), rule("mine", merchant="m2", commission_bp=100))
    await replica.take(merchant("m1", MARKETPLACES), merchant("m2", MARKETPLACES))
    await replica.take(paid_order(line(1, 1_000), line(2, 1_000, merchant="m2")))
    assert await legs(replica) == [
        {"merchant:m1": 945, "merchant:m2": 990, "platform:commission": 60, "platform:tax": 5}
    ]
    stored = {it["path"]: it for it in (await replica.order())["shares"]}
    assert {path: it.get("rules_version") for path, it in stored.items()} == {
        "merchant:m1": 1,
        "merchant:m2": 1,
        "platform:commission": None,
        "platform:tax": None,
    }
    assert (await replica.balances())["platform:tax"] == 5


async def test_the_rules_in_force_when_an_order_was_paid_decide_about_it(replica: Replica) -> None:
    await state(replica, rule(commission_bp=500))
    await state(replica, rule(commission_bp=900), since=replica.clock.now() + timedelta(hours=2), key="k2")
    await replica.take(merchant("m1", MARKETPLACES), paid_order(line(1, 1_000)))
    assert (await legs(replica))[0]["platform:commission"] == 50
    assert (await replica.order())["shares"][0]["rules_version"] == 1


async def test_without_rules_an_order_is_stored_as_before(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement()), paid_order())
    assert all("rules_version" not in it and "taxes" not in it for it in (await replica.order())["shares"])


async def test_a_change_of_rules_never_touches_orders_already_split(replica: Replica) -> None:
    await state(replica, rule(commission_bp=500))
    held = agreement(rate_source="marketplace", commission_bp=0, trigger="shipped")
    await replica.take(merchant("m1", MARKETPLACES), merchant("m2", held))
    await replica.take(paid_order(line(1, 1_000), line(2, 1_000, merchant="m2")))
    before, booked = await replica.order(), await replica.booked()
    await state(replica, rule(commission_bp=9_000), since=replica.clock.now() + timedelta(hours=2), key="k2")
    assert await replica.parts.waker.sweep() == 0
    assert await replica.parts.releases.sweep() == 0
    assert await replica.order() == before
    assert await replica.booked() == booked


async def test_an_order_that_no_rule_fits_waits_and_goes_when_a_version_for_its_time_is_stated(
    replica: Replica,
) -> None:
    await replica.take(merchant("m1", MARKETPLACES), merchant("m2", agreement()))
    await replica.take(paid_order(line(1, 1_000), line(2, 1_000, merchant="m2")))
    assert (await replica.shares())["merchant:m1"] == ("held", "rule_missing", 1_000)
    assert (await replica.order())["waiting_for"] == ["rules/"]
    await state(replica, rule(category="books", commission_bp=500), since=PAID_AT)
    assert await replica.parts.waker.sweep() == 0
    assert (await replica.shares())["merchant:m1"] == ("held", "rule_missing", 1_000)
    later = replica.clock.now() + timedelta(hours=2)
    await state(replica, rule(commission_bp=500), since=later, key="k2")
    assert await replica.parts.waker.sweep() == 0
    await state(replica, rule(commission_bp=700), since=PAID_AT - timedelta(days=1), key="k3")
    assert await replica.parts.waker.sweep() == 0  # what holds at paid_at is still the first


async def test_a_version_for_a_time_without_rules_releases_what_waits(replica: Replica) -> None:
    await replica.take(merchant("m1", MARKETPLACES))
    await replica.take(*(paid_order(line(1, 1_000), order_id=f"{number}") for number in range(3)))
    assert await legs(replica) == []
    await state(replica, rule(commission_bp=500))
    assert await replica.parts.waker.sweep() == 3
    assert await legs(replica) == [{"merchant:m1": 950, "platform:commission": 50}] * 3
    assert await replica.database.orders.count_documents({"waiting_for": {"$exists": True}}) == 0
    assert await replica.database.wakes.count_documents({}) == 0


@pytest.mark.parametrize("committed", [True, False], ids=["stated before the split writes", "stated while it is open"])
async def test_a_split_that_found_no_rule_and_a_rule_that_found_no_order_meet(
    replica: Replica, *, committed: bool
) -> None:
    await replica.take(merchant("m1", MARKETPLACES))
    async with replica.unit(paid_order(), STRIPE) as unit:
        await unit.decide()
        if committed:
            await state(replica, rule(commission_bp=500))
            with pytest.raises(PyMongoError) as conflict:
                await unit.write()
            assert mongo.is_conflict(conflict.value)
            await unit.work.session.abort_transaction()
        else:
            await unit.write()
            stating = asyncio.create_task(state(replica, rule(commission_bp=500)))
            await asyncio.sleep(0.1)
            assert not stating.done()
    if committed:
        await replica.take(paid_order())
    else:
        await stating
        assert await replica.parts.waker.sweep() == 1
    assert len(replica.published.payouts()) == 1


async def test_a_repeat_is_the_same_version_and_a_key_is_good_for_one(replica: Replica) -> None:
    first = await say(replica, rule())
    again = await say(replica, rule())
    assert isinstance(first, Shown)
    assert isinstance(again, Shown)
    assert (first.made, again.made, again.version) == (True, False, first.version)
    for other in (
        await say(replica, rule(commission_bp=1)),
        await say(replica, rule(), since=PAID_AT),
        await say(replica, rule(), reason="other"),
    ):
        assert isinstance(other, Refused)
        assert other.reason == "idempotency_key_reused"


async def test_of_two_statements_at_once_one_sees_the_other(replica: Replica) -> None:
    since = replica.clock.now() + timedelta(hours=5)
    answers = await asyncio.gather(*(say(replica, rule(), since=since, key=f"k{number}") for number in range(3)))
    assert sorted(type(it).__name__ for it in answers) == ["Refused", "Refused", "Shown"]
    assert {it.reason for it in answers if isinstance(it, Refused)} == {"effective_from_taken"}


async def test_rules_are_of_their_marketplace_only(replica: Replica) -> None:
    await state(replica, rule(commission_bp=500))
    async with await replica.database.client.start_session() as session:
        found = await Rulesets(replica.database).of(["test-a", "test-b"], session)
    assert found.keys() == {"test-a"}


async def test_rules_are_read_again_only_when_there_is_a_newer_version(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    rulesets = Rulesets(replica.database)
    read: list[str] = []
    known = rulesets.known

    async def counted(marketplace: str, session: Any = None) -> Any:  # noqa: ANN401 - as it is
        read.append(marketplace)
        return await known(marketplace, session)

    monkeypatch.setattr(rulesets, "known", counted)
    await state(replica, rule(commission_bp=500))
    async with await replica.database.client.start_session() as session:
        for _ in range(3):
            found = (await rulesets.of(["test-a"], session))["test-a"]
        assert read == ["test-a"]
        await state(replica, rule("other", sku="x"), since=replica.clock.now() + timedelta(hours=2), key="k2")
        found = (await rulesets.of(["test-a"], session))["test-a"]
    assert read == ["test-a", "test-a"]
    book = found.at(replica.clock.now() + timedelta(hours=3))
    assert book is not None
    assert book.version == 2
    rules = Rule(rule_id="r", commission_bp=500)
    first = found.at(PAID_AT)
    assert first is not None
    assert first.find(("c", "s", "m", "p", "BRL"), 1) == (MarketplaceRule(**_fields(rules)), 0)


def _fields(it: Rule) -> dict[str, Any]:
    return {name: getattr(it, name) for name in it.__struct_fields__}
