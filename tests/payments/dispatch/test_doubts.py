"""A bank returns what was paid, days later: the institution is asked, its answer is a revision, and nothing is sent."""

import httpx
import pytest
from fastapi import FastAPI
from tests.payments.edge import Edge, Institution, until
from tests.payments.examples import NOW, leg, order, payment, payout

from payments import api
from payments.domain.outcomes import doubted
from payments.domain.payouts import requested
from shared import http
from shared.messages import PayoutSettled

KEY = "test-shop/o:o-1.1"


@pytest.fixture
async def paid(edge: Edge, institution: Institution) -> Edge:
    """Return payments with the one payout of order o-1 paid, 10.80 to alice."""
    await institution.pay(payment("pay-o-1"))
    await edge.take(order())
    await edge.order_in("accepted")
    await edge.take(payout())
    await edge.payout_in("final")
    return edge


async def doubt(edge: Edge) -> None:
    """Say that a bank has returned something, and let the sweep bring that to the lane."""
    assert await edge.parts.doubts.ask_again(KEY) is not None
    assert (await edge.payout())["waits"] == "checked"
    await edge.parts.sweep.payouts(edge.parts.transfers)


async def told(edge: Edge) -> list[PayoutSettled]:
    """Wait until the doubt is over, and return all revisions."""
    await edge.payout_in("final")
    return edge.published.events(PayoutSettled)


async def number(edge: Edge, receiver: str = "merchant:alice") -> str:
    numbers = {it["receiver"]: str(it["channel_number"]) for it in (await edge.payout())["legs"]}
    return numbers[receiver]


async def test_what_a_bank_returned_is_told_as_the_next_revision(paid: Edge, institution: Institution) -> None:
    await institution.give_back(await number(paid))
    await doubt(paid)
    first, second = await told(paid)
    assert (first.revision, second.revision) == (1, 2)
    assert {it.receiver: (it.state, it.reason) for it in second.legs} == {
        "merchant:alice": ("returned", "ACCOUNT_CLOSED"),
        "platform:commission": ("succeeded", None),
    }
    assert await paid.unpaid_minor() == 1_080
    assert len(await institution.transfers()) == 2


async def test_a_doubt_without_a_cause_changes_and_sends_nothing(paid: Edge, institution: Institution) -> None:
    await doubt(paid)
    assert [it.revision for it in await told(paid)] == [1]
    assert (await institution.balances())["merchant:alice"] == 1_080
    assert len(await institution.transfers()) == 2


async def test_what_the_institution_does_not_know_any_more_is_asked_for_again_and_never_sent(
    paid: Edge, institution: Institution
) -> None:
    """A number that was paid and is not found is not paid a second time."""
    await paid.database.payouts.update_one({"_id": KEY}, {"$set": {"legs.0.channel_number": "F" * 26}})
    await doubt(paid)
    await until(paid.payout, lambda it: it["asks"] > 1)
    stored = await paid.payout()
    assert (stored["doubted"], stored["waits"], stored["revision"]) == (True, "checked", 1)
    assert len(await institution.transfers()) == 2


async def test_a_leg_that_came_back_is_paid_again_by_a_later_payout(paid: Edge, institution: Institution) -> None:
    await institution.give_back(await number(paid))
    await doubt(paid)
    await told(paid)
    await paid.take(payout(number=2, legs=(leg(attempt=2),)))
    again = await paid.payout_in("final", "test-shop/o:o-1.2")
    assert [(it["state"], it["attempt"]) for it in again["legs"]] == [("succeeded", 2)]
    assert (await institution.balances())["merchant:alice"] == 1_080
    assert await paid.unpaid_minor() == 0
    assert paid.published.dead() == []


async def test_a_leg_that_has_not_come_back_is_not_paid_again_whatever_is_said(paid: Edge) -> None:
    await doubt(paid)
    await told(paid)
    await paid.take(payout(number=2, legs=(leg(attempt=2),)))
    assert [it.partition(":")[0] for it in paid.published.dead()] == ["leg_open_elsewhere"]


def test_only_what_is_final_and_has_paid_something_is_doubted() -> None:
    fresh = requested(payout(), NOW, NOW)
    assert doubted(fresh) == fresh
    nothing = requested(payout(legs=(leg(amount_minor=0),)), NOW, NOW)
    assert nothing.waits is None
    assert doubted(nothing) == nothing


async def test_over_http_asking_twice_is_asking_once_and_what_is_not_there_is_unknown(paid: Edge) -> None:
    app, parts = FastAPI(), paid.parts
    http.install(app)
    app.include_router(api.routes(parts.ingress, parts.doubts, parts.stores, paid.marketplaces))
    base = "http://payments/v1/marketplaces/test-shop/payouts/"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        for _ in range(2):
            answer = await client.post(f"{base}o:o-1.1/check")
            assert (answer.status_code, answer.json()["waits"]) == (202, "checked")
        assert (await client.post(f"{base}o:none.1/check")).json()["reason"] == "payout_unknown"
        assert (await client.post(f"{base}o:o-1.1/check".replace("test-shop", "test-b"))).status_code == 404
