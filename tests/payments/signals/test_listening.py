"""A callback is a hint: whatever it says, what payments does is ask, and what it believes is the answer."""

from datetime import timedelta
from typing import Any

import pytest
from tests.payments.edge import Edge, Institution, until
from tests.payments.examples import ACCOUNT, NOW, PROFILE, leg, order, payment, payout
from tests.payments.signals.ear import Ear, body, served

from payments.channels.source import Standing
from shared import leases

pytestmark = pytest.mark.infra


async def waiting(edge: Edge, institution: Institution) -> str:
    """Have a payout wait for an answer that got lost, and return the number of its leg."""
    await institution.pay(payment("pay-o-1"))
    await edge.take(order())
    await edge.order_in("accepted")
    await institution.fault(answer="drop_after", operations=["transfers"])
    await edge.take(payout())
    found = await edge.payout_in("unknown")
    await institution.heal()
    later = await leases.now(edge.database) + timedelta(hours=1)
    await edge.database.payouts.update_many({}, {"$set": {"ask_at": later}})
    return str(found["legs"][0]["channel_number"])


async def is_due(ear: Ear, collection: str = "payouts") -> bool:
    (found,) = await ear.database[collection].find({}).to_list(None)
    return bool(found["ask_at"] is not None and found["ask_at"] <= await leases.now(ear.database))


@pytest.fixture
async def hearing(ear: Ear) -> Ear:
    ear.edge.start()
    return ear


async def test_news_of_a_transfer_has_its_payout_asked_after_and_no_other(
    hearing: Ear, institution: Institution
) -> None:
    number = await waiting(hearing.edge, institution)
    await hearing.hear(body(number="N-of-another", state="succeeded"))
    assert not await is_due(hearing)
    await hearing.hear(body(event_id="e-2", number=number, state="accepted"))
    assert await is_due(hearing)
    await hearing.edge.parts.sweep.payouts(hearing.edge.parts.transfers)
    assert (await hearing.edge.payout_in("final"))["legs"][0]["state"] == "succeeded"


async def test_what_a_callback_says_is_not_believed(hearing: Ear, institution: Institution) -> None:
    number = await waiting(hearing.edge, institution)
    hearing.memory.stand[number] = Standing(number, "succeeded")
    await hearing.hear(body(number=number, state="failed"))
    await hearing.edge.parts.sweep.payouts(hearing.edge.parts.transfers)
    final = await hearing.edge.payout_in("final")
    assert [it["state"] for it in final["legs"]] == ["succeeded"] * 2
    # Late, repeated and in the wrong order: nothing changes.
    for event, state in (("e-3", "accepted"), ("e-1", "failed"), ("e-4", "succeeded")):
        await hearing.hear(body(event_id=event, number=number, state=state))
        await hearing.edge.parts.sweep.payouts(hearing.edge.parts.transfers)
    assert await hearing.edge.payout() == final
    await hearing.compare()
    (case,) = await hearing.database.disagreements.find({}).to_list(None)
    assert (case["subject"], case["told"], case["found"]) == (number, "failed", "succeeded")
    assert hearing.counted("weir_disagreements", channel=PROFILE, type="transfer.changed") == 1
    async with served(hearing.app) as client:
        listed = (await client.get(f"/v1/marketplaces/{ACCOUNT}/disagreements")).json()["items"]
        others = (await client.get("/v1/marketplaces/test-other/disagreements")).json()["items"]
    assert [(it["event_id"], it["told"], it["found"]) for it in listed] == [("e-1", "failed", "succeeded")]
    assert others == []


async def test_news_of_a_payment_proves_its_order_and_no_other_is_asked_for(
    hearing: Ear, institution: Institution
) -> None:
    await hearing.edge.take(order())
    await hearing.edge.order_in("unverified")
    await hearing.database.orders.update_many({}, {"$set": {"ask_at": await leases.now(hearing.database) + DAY}})
    await hearing.hear(body("payment.succeeded", payment_id="pay-of-another"))
    assert not await is_due(hearing, "orders")
    await institution.pay(payment("pay-o-1"))
    hearing.memory.got.add("pay-o-1")
    await hearing.hear(body("payment.succeeded", "e-2", payment_id="pay-o-1"))
    assert await is_due(hearing, "orders")
    await hearing.edge.parts.sweep.orders(hearing.edge.parts.proofs)
    await hearing.edge.order_in("accepted")
    await hearing.compare()
    cases = await hearing.database.disagreements.find({}).to_list(None)
    assert [(it["subject"], it["found"]) for it in cases] == [("pay-of-another", "not_known")]


DAY = timedelta(days=1)


async def test_news_of_a_movement_has_the_account_asked_about(ear: Ear) -> None:
    await ear.hear(body("movement.happened", movement_id="m-1", kind="chargeback"))
    (known,) = await ear.database.accounts.find({}).to_list(None)
    assert known["_id"] == f"{PROFILE}/{ACCOUNT}"
    await ear.parts.polling.once()
    assert ear.memory.asked == [(ACCOUNT, "movements:")]


async def test_an_institution_that_cannot_be_asked_is_asked_later_and_contradicts_nothing(ear: Ear) -> None:
    ear.memory.away = True
    await ear.hear(body(number="N1", state="succeeded"))
    await ear.compare()
    assert await ear.database.disagreements.count_documents({}) == 0
    (left,) = await ear.database.callbacks.find({}).to_list(None)
    assert (left["step"], left["due_at"] > NOW) == ("compare", True)
    ear.memory.away = False
    ear.memory.stand["N1"] = Standing("N1", "succeeded")
    await ear.compare()
    (done,) = await ear.database.callbacks.find({}).to_list(None)
    assert done["due_at"] is None


async def test_a_bank_return_that_is_told_of_has_its_payout_asked_after(hearing: Ear, institution: Institution) -> None:
    await institution.pay(payment("pay-o-1"))
    await hearing.edge.take(order())
    await hearing.edge.order_in("accepted")
    await hearing.edge.take(payout(legs=(leg(amount_minor=1_200),)))
    number = (await hearing.edge.payout_in("final"))["legs"][0]["channel_number"]
    await institution.give_back(number)
    hearing.memory.stand[number] = Standing(number, "returned", of="pay-o-1")
    await hearing.hear(body(number=number, state="returned"))
    await hearing.compare()
    await hearing.edge.parts.sweep.payouts(hearing.edge.parts.transfers)

    async def states() -> list[Any]:
        return [it["state"] for it in (await hearing.edge.payout())["legs"]]

    assert await until(states, lambda it: it == ["returned"]) == ["returned"]
    assert await hearing.database.disagreements.count_documents({}) == 0


async def test_two_replicas_that_do_about_one_callback_do_no_harm(hearing: Ear, institution: Institution) -> None:
    number = await waiting(hearing.edge, institution)
    other = hearing.replica()
    await hearing.hear(body(number=number, state="succeeded"))
    await hearing.database.callbacks.update_many({}, {"$set": {"due_at": NOW, "step": "act"}})
    await other.listening.once()
    await hearing.edge.parts.sweep.payouts(hearing.edge.parts.transfers)
    final = await hearing.edge.payout_in("final")
    assert [it["state"] for it in final["legs"]] == ["succeeded"] * 2
