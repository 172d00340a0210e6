"""What an institution moved by itself is told once, in the order in which it happened, whatever else happens."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.payments.edge import Edge, Institution
from tests.payments.examples import ACCOUNT, MARKETPLACE, NOW, PROFILE, order, payment
from tests.payments.signals.ear import SECOND, Ear, served, told

from payments.dispatch import polling
from payments.dispatch.lanes import Line
from payments.domain.movements import WAITS_S_MAX

pytestmark = pytest.mark.infra


async def proved(edge: Edge, institution: Institution, identity: str = "o-1") -> None:
    """Have an order of 12.00 proved."""
    edge.start()
    await institution.pay(payment(f"pay-{identity}"))
    await edge.take(order(identity))
    await edge.order_in("accepted", f"{MARKETPLACE}/{identity}")


async def kept(ear: Ear) -> list[dict[str, Any]]:
    return await ear.database.movements.find({}).sort("place", 1).to_list(None)


async def test_a_chargeback_and_its_reversal_are_told_with_their_order_and_change_what_it_can_pay(
    ear: Ear, institution: Institution
) -> None:
    await proved(ear.edge, institution)
    ear.memory.moved[ACCOUNT] = [told("chargeback", "cb-1")]
    assert await ear.poll() == 1
    (event,) = ear.events()
    assert (event.order_id, event.channel_payment_id, event.amount_minor) == ("o-1", "pay-o-1", 500)
    assert (event.marketplace, event.channel_profile, event.channel_account) == (MARKETPLACE, PROFILE, ACCOUNT)
    assert (await ear.edge.order())["moved_minor"] == -500
    ear.memory.moved[ACCOUNT].append(told("chargeback_reversed", "cb-2", 300, reverses="cb-1"))
    assert await ear.poll() == 1
    assert [(it.kind, it.reverses) for it in ear.events()] == [("chargeback", None), ("chargeback_reversed", "cb-1")]
    assert (await ear.edge.order())["moved_minor"] == -200
    assert await ear.poll() == 0
    assert len(ear.events()) == 2


async def test_what_was_asked_goes_on_behind_the_cursor_and_after_a_minute(ear: Ear) -> None:
    ear.memory.moved[ACCOUNT] = [told("inbound", f"in-{it}", payment_id=None) for it in range(3)]
    await ear.poll()
    assert await ear.parts.polling.once() == 0
    assert [it for _, it in ear.memory.asked] == ["movements:"]
    await ear.poll()
    assert [it for _, it in ear.memory.asked] == ["movements:", "movements:3"]


async def test_a_hint_that_comes_while_the_institution_is_asked_is_not_lost(ear: Ear) -> None:
    asked = ear.memory.movements

    async def meanwhile(account: str, cursor: str, count: int) -> Any:  # noqa: ANN401 - a page
        page = await asked(account, cursor, count)
        if not cursor:
            ear.memory.moved[account].append(told("inbound", "in-2", payment_id=None))
            await ear.parts.polling.hear_of(Line(PROFILE, account))
        return page

    ear.memory.movements = meanwhile  # type: ignore[method-assign] # stands in its place
    ear.memory.moved[ACCOUNT] = [told("inbound", "in-1", payment_id=None)]
    await ear.poll()
    await ear.parts.polling.once()
    assert [it.movement_id for it in ear.events()] == ["in-1", "in-2"]


async def test_money_of_no_order_is_of_the_marketplace_whose_account_it_is(ear: Ear) -> None:
    ear.memory.moved[ACCOUNT] = [
        told("inbound", "in-1", payment_id=None, reference="deposit:acme"),
        told("deduction", "d-1", payment_id=None, receiver="merchant:acme"),
    ]
    await ear.poll()
    first, second = ear.events()
    assert (first.marketplace, first.order_id, first.reference) == (MARKETPLACE, None, "deposit:acme")
    assert (second.kind, second.receiver) == ("deduction", "merchant:acme")


async def test_a_movement_waits_for_the_proof_of_its_order_and_what_follows_it_waits_behind(
    ear: Ear, institution: Institution
) -> None:
    ear.memory.moved[ACCOUNT] = [told("chargeback", "cb-1"), told("inbound", "in-1", payment_id=None)]
    await ear.poll()
    assert [it.kind for it in ear.events()] == ["inbound"]
    assert [it["state"] for it in await kept(ear)] == ["waiting", "published"]
    await proved(ear.edge, institution)
    # Another movement of it is heard of before what waits is looked at again.
    ear.memory.moved[ACCOUNT].append(told("chargeback_reversed", "cb-2", reverses="cb-1"))
    await ear.poll()
    assert [(it.movement_id, it.order_id) for it in ear.events()[1:]] == [("cb-1", "o-1"), ("cb-2", "o-1")]
    assert (await ear.edge.order())["moved_minor"] == 0
    await ear.let_wait()
    assert len(ear.events()) == 3


async def test_what_waits_is_looked_at_again_by_the_clock(ear: Ear, institution: Institution) -> None:
    ear.memory.moved[ACCOUNT] = [told("chargeback", "cb-1")]
    await ear.poll()
    await ear.let_wait()
    assert ear.events() == []
    await proved(ear.edge, institution)
    await ear.let_wait()
    assert [it.order_id for it in ear.events()] == ["o-1"]


async def test_a_payment_whose_order_is_never_proved_is_told_of_after_a_day_but_a_freeze_is_none_of_ours(
    ear: Ear,
) -> None:
    ear.memory.moved[ACCOUNT] = [told("chargeback", "cb-1"), told("auto_unfreeze", "un-1", receiver="merchant:acme")]
    await ear.poll()
    long_ago = NOW - timedelta(seconds=WAITS_S_MAX)
    await ear.database.movements.update_many({}, {"$set": {"seen_at": long_ago}})
    await ear.let_wait()
    (event,) = ear.events()
    assert (event.kind, event.order_id, event.channel_payment_id) == ("chargeback", None, "pay-o-1")
    assert [it["state"] for it in await kept(ear)] == ["published", "waiting"]


async def test_a_movement_of_nobodys_account_is_kept_as_a_case(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    ear.memory.moved["stranger"] = [told("inbound", "in-1", payment_id=None)]
    await ear.poll("stranger", SECOND)
    assert ear.events() == []
    async with served(ear.app) as client:
        (case,) = (await client.get("/v1/unowned-movements")).json()["items"]
        own = (await client.get(f"/v1/marketplaces/{MARKETPLACE}/movements")).json()["items"]
    assert (case["movement_id"], case["channel_account"], case["state"]) == ("in-1", "stranger", "unowned")
    assert own == []
    # The marketplaces file, read at the next start, says whose it is.
    owner = ear.edge.marketplaces.find(MARKETPLACE)
    monkeypatch.setattr(ear.edge.marketplaces, "owner_of", lambda *_: owner)
    await ear.let_wait()
    assert [(it.marketplace, it.movement_id) for it in ear.events()] == [(MARKETPLACE, "in-1")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "gift"},
        {"movement_id": "a/b"},
        {"amount_minor": 0},
        {"amount_minor": -5},
        {"amount_minor": 2**60},
        {"currency": "euro"},
        {"receiver": "né"},
        {"reference": "\x00"},
    ],
)
async def test_what_an_institution_says_in_no_words_of_ours_is_kept_and_holds_up_nothing(
    ear: Ear, wrong: dict[str, Any]
) -> None:
    usual: dict[str, Any] = {"kind": "inbound", "movement_id": "in-1", "payment_id": None}
    ear.memory.moved[ACCOUNT] = [told(**usual | wrong), told("inbound", "in-2", payment_id=None)]
    await ear.poll()
    assert [it.movement_id for it in ear.events()] == ["in-2"]
    async with served(ear.app) as client:
        listed = (await client.get(f"/v1/marketplaces/{MARKETPLACE}/movements")).json()["items"]
    assert sorted(it["state"] for it in listed) == ["published", "unreadable"]


async def test_an_account_that_gives_no_answer_is_left_alone_for_longer_each_time(ear: Ear) -> None:
    ear.memory.away = True
    await ear.poll()
    waits = []
    for _ in range(6):
        (account,) = await ear.database.accounts.find({}).to_list(None)
        waits.append(round((account["due_at"] - account["hinted_at"]).total_seconds(), -1))
        await ear.database.accounts.update_many({}, {"$set": {"due_at": NOW}})
        await ear.parts.polling.once()
    assert waits[0] == polling.POLLED_EVERY_S
    assert waits == sorted(waits)
    assert waits[-1] <= polling.SILENT_AGAIN_S_MAX + 10
    ear.memory.away = False
    ear.memory.moved[ACCOUNT] = [told("inbound", "in-1", payment_id=None)]
    await ear.poll()
    assert len(ear.events()) == 1


async def test_more_than_a_page_is_told_in_one_pass(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "PAGE_MAX", 2)
    ear.memory.moved[ACCOUNT] = [told("inbound", f"in-{it}", payment_id=None) for it in range(5)]
    assert await ear.poll() == 5
    assert [it.movement_id for it in ear.events()] == [f"in-{it}" for it in range(5)]


@settings(max_examples=12, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    repeats=st.lists(st.integers(0, 5), min_size=6, max_size=14),
    page=st.integers(1, 4),
    cursors=st.booleans(),
    crash=st.sets(st.integers(0, 5)),
)
async def test_two_replicas_an_institution_that_repeats_itself_and_crashes_tell_each_movement_once(
    ear: Ear,
    repeats: list[int],
    page: int,
    cursors: bool,  # noqa: FBT001 - drawn by hypothesis
    crash: set[int],
) -> None:
    for collection in ("accounts", "movements", "outbox"):
        await ear.database[collection].delete_many({})
    ear.edge.published.records.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(polling, "PAGE_MAX", page if cursors else len(repeats))
        ear.memory.cursors = cursors
        ear.memory.moved[ACCOUNT] = [told("inbound", f"in-{it}", payment_id=None) for it in repeats]
        replicas = [ear.parts, ear.replica()]
        for attempt in range(6):
            await ear.parts.polling.hear_of(Line(PROFILE, ACCOUNT))
            passes = [asyncio.ensure_future(it.polling.once()) for it in replicas]
            if attempt in crash:
                await asyncio.sleep(0.002 * attempt)
                passes[0].cancel()
            await asyncio.gather(*passes, return_exceptions=True)
    wanted = [f"in-{it}" for it in dict.fromkeys(repeats)]
    assert [(it["movement_id"], it["state"]) for it in await kept(ear)] == [(it, "published") for it in wanted]
    published = [it.movement_id for it in ear.events()]
    assert published == [it for it in wanted if it in published]
    # What a crash leaves between commit and publishing is in the outbox, for the relay.
    assert len(published) + await ear.database.outbox.count_documents({}) >= len(wanted)


async def test_an_account_that_is_known_by_two_profiles_tells_each_movement_once_by_its_orders_profile(
    ear: Ear, institution: Institution
) -> None:
    await proved(ear.edge, institution)
    ear.memory.moved[ACCOUNT] = [told("chargeback", "cb-1")]
    assert await ear.poll(ACCOUNT, SECOND) == 1
    assert await ear.poll() == 0
    assert [it.channel_profile for it in ear.events()] == [PROFILE]
    assert (await ear.edge.order())["moved_minor"] == -500


async def test_an_answer_that_was_slower_than_another_replicas_does_not_put_the_cursor_back(ear: Ear) -> None:
    other, asked = ear.replica(), ear.memory.movements
    passed: list[str] = []

    async def slowly(account: str, cursor: str, count: int) -> Any:  # noqa: ANN401 - a page
        page = await asked(account, cursor, count)
        if not passed:
            passed.append(cursor)
            ear.memory.moved[account].append(told("inbound", "in-2", payment_id=None))
            assert await other.polling.once() == 2
        return page

    ear.memory.movements = slowly  # type: ignore[method-assign] # stands in its place
    ear.memory.moved[ACCOUNT] = [told("inbound", "in-1", payment_id=None)]
    assert await ear.poll() == 0
    (account,) = await ear.database.accounts.find({}).to_list(None)
    assert (account["cursor"], account["count"]) == ("2", 2)
    assert [it.movement_id for it in ear.events()] == ["in-1", "in-2"]
