"""Bindings: asked for once, verified by the merchant's answer, and without the number of the bank account anywhere."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import pytest
from structlog.testing import capture_logs
from tests.payments.edge import until
from tests.payments.examples import ACCOUNT, MARKETPLACE, NOW, PROFILE
from tests.payments.signals.ear import Ear, body

from payments.api import bindings as api
from payments.domain.bindings import MISSING_S_MAX, Said
from payments.store.bindings import Bindings
from shared import envelope
from shared.delivery import Delivery
from shared.messages import BindingRequested, BindingSettled
from shared.record import Raw, Received

pytestmark = pytest.mark.infra

BANK_ACCOUNT: Final = "6222020000000004711"
PATH: Final = f"/v1/marketplaces/{MARKETPLACE}/bindings"


def requested(**fields: Any) -> BindingRequested:  # noqa: ANN401 - any field
    given: dict[str, Any] = {
        "marketplace": MARKETPLACE,
        "merchant": "acme",
        "binding_id": "b-1",
        "revision": 1,
        "channel_profile": PROFILE,
        "channel_account": ACCOUNT,
        "name": "Acme",
        "bank_account": BANK_ACCOUNT,
        "method": "micro_deposit",
        "requested_at": NOW,
    }
    return BindingRequested(**given | fields)


class Bank:
    """Payments with bindings, as one replica runs it."""

    def __init__(self, ear: Ear) -> None:
        self.ear = ear
        self._offset = 0

    async def take(self, *events: BindingRequested) -> None:
        """Deliver requests as one batch, as the kit does."""
        batch = []
        for event in events:
            self._offset += 1
            now = datetime.now(UTC)
            headers = envelope.headers_of(event, "/weir/merchant", now, now)
            raw = Raw(event.topic, 0, self._offset, 0, event.key.encode(), b"{}", headers)
            batch.append(Received(event, envelope.read(headers), raw))
        edge, handler = self.ear.edge, self.ear.parts.take_bindings.take_bindings
        group = "payments.binding-requested"
        delivery = Delivery(group, handler, edge.commits, edge.database, edge.kit)
        await delivery.deliver(batch, f"{group}#0")

    async def stored(self, identity: str = "b-1") -> dict[str, Any]:
        return await self.ear.database.bindings.find_one({"_id": f"{MARKETPLACE}/{identity}"}) or {}

    async def reaches(self, state: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
        wanted = {"state": state} | fields
        return await until(self.stored, lambda it: {name: it.get(name) for name in wanted} == wanted)

    def told(self) -> list[tuple[int, str, str | None]]:
        return [(it.revision, it.state, it.reason) for it in self.ear.edge.published.events(BindingSettled)]

    async def time_passes(self, by: timedelta = timedelta(hours=2)) -> None:
        """Make everything due, as if so much time had passed."""
        for name in ("expires_at", "missing_since"):
            async for it in self.ear.database.bindings.find({name: {"$ne": None}}):
                await self.ear.database.bindings.update_one({"_id": it["_id"]}, {"$set": {name: it[name] - by}})
        await self.ear.database.bindings.update_many({"ask_at": {"$gt": NOW}}, {"$set": {"ask_at": NOW}})
        await self.ear.parts.bind.sweep()


@pytest.fixture
def still(ear: Ear) -> Bank:
    return Bank(ear)


@pytest.fixture
async def bank(still: Bank) -> AsyncIterator[Bank]:
    task = asyncio.create_task(still.ear.parts.bind.lanes.run())
    yield still
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def client(bank: Bank) -> AsyncIterator[httpx.AsyncClient]:
    ear = bank.ear
    ear.app.include_router(api.routes(ear.parts.answers, Bindings(ear.database), ear.edge.marketplaces))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(ear.app), base_url="http://payments") as client:
        yield client


async def answers(client: httpx.AsyncClient, answer: str, key: str) -> httpx.Response:
    given = {"answer": answer, "actor": "ann"}
    return await client.post(f"{PATH}/b-1/verify", json=given, headers={"idempotency-key": key})


async def test_an_account_without_verification_is_bound_at_once(bank: Bank) -> None:
    await bank.take(requested(method="none"))
    found = await bank.reaches("succeeded")
    assert (found["token"], found["ask_at"]) == ("t-1", None)
    assert bank.ear.memory.numbers == {found["number"]: BANK_ACCOUNT}
    (event,) = bank.ear.edge.published.events(BindingSettled)
    assert (event.key, event.requested, event.last_four) == (f"{MARKETPLACE}/acme", 1, "4711")


async def test_a_small_deposit_is_answered_by_the_merchant(bank: Bank, client: httpx.AsyncClient) -> None:
    await bank.take(requested())
    await bank.reaches("verifying")
    assert (await answers(client, "18", "k-1")).status_code == 202
    await bank.reaches("verifying", attempts=1, answering=None, reason="answer_wrong")
    shown = (await answers(client, "18", "k-1")).json()
    assert (shown["attempts_left"], shown["last_four"], shown["reason"]) == (2, "4711", "answer_wrong")
    assert (await answers(client, "17", "k-2")).status_code == 202
    await bank.reaches("succeeded")
    assert bank.told() == [(1, "verifying", None), (2, "verifying", "answer_wrong"), (3, "succeeded", None)]
    assert [it for _, it in bank.ear.memory.asked] == ["bind", "verify:18", "verify:17"]
    again = await answers(client, "17", "k-3")
    assert (again.status_code, again.json()["reason"]) == (409, "not_verifying")
    listed = (await client.get(PATH)).json()["items"]
    assert [(it["binding_id"], it["state"]) for it in listed] == [("b-1", "succeeded")]


async def test_the_third_wrong_answer_is_the_last(bank: Bank, client: httpx.AsyncClient) -> None:
    await bank.take(requested())
    await bank.reaches("verifying")
    for number in (1, 2):
        assert (await answers(client, "1", f"k-{number}")).status_code == 202
        await bank.reaches("verifying", attempts=number, answering=None)
    assert (await answers(client, "1", "k-3")).status_code == 202
    await bank.reaches("failed", reason="attempts_exhausted")
    assert (await answers(client, "17", "k-4")).status_code == 409


@pytest.mark.parametrize(("answer", "status"), [("51", 422), ("0", 422), ("007", 422), ("a", 422), ("", 422)])
async def test_what_cannot_be_the_amount_costs_no_attempt(
    bank: Bank, client: httpx.AsyncClient, answer: str, status: int
) -> None:
    await bank.take(requested())
    await bank.reaches("verifying")
    assert (await answers(client, answer, "k-1")).status_code == status
    assert (await bank.stored())["attempts"] == 0


async def test_a_code_is_valid_for_120_seconds(bank: Bank, client: httpx.AsyncClient) -> None:
    await bank.take(requested(method="code"))
    found = await bank.reaches("verifying")
    left = found["expires_at"] - datetime.now(UTC)
    assert timedelta(seconds=110) < left <= timedelta(seconds=120)
    await bank.ear.database.bindings.update_many({}, {"$set": {"expires_at": NOW}})
    late = await answers(client, "1234", "k-1")
    assert (late.status_code, late.json()["reason"]) == (409, "binding_expired")
    await bank.time_passes()
    await bank.reaches("failed", reason="expired")
    assert bank.told()[-1] == (2, "failed", "expired")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"channel_account": "test-other"}, "channel_account_unknown"),
        ({"channel_profile": "no-profile"}, "channel_account_unknown"),
        ({"channel_profile": "stripe-connect"}, "channel_account_unknown"),
    ],
)
async def test_what_cannot_be_bound_is_told_as_failed(bank: Bank, fields: dict[str, str], reason: str) -> None:
    await bank.take(requested(**fields))
    assert bank.told() == [(1, "failed", reason)]
    assert bank.ear.memory.asked == []


async def test_a_request_that_is_repeated_is_one_and_a_greater_revision_takes_its_place(bank: Bank) -> None:
    await bank.take(requested(), requested())
    first = await bank.reaches("verifying")
    await bank.take(requested())
    await bank.take(requested(revision=2, bank_account="DE89370400440532013000", method="none"), requested())
    second = await bank.reaches("succeeded")
    assert first["number"] != second["number"]
    assert (second["last_four"], second["revision"], bank.told()[-1][0]) == ("3000", 2, 2)
    assert bank.ear.edge.published.dead() == []
    await bank.take(requested(revision=2, name="Somebody else", method="none"))
    (letter,) = bank.ear.edge.published.dead()
    assert "binding_conflict" in letter
    assert BANK_ACCOUNT not in letter


async def test_a_request_whose_number_a_crash_has_lost_fails_once_the_institution_says_it_has_it_not(
    still: Bank,
) -> None:
    await still.take(requested())
    crashed = still.ear.replica()
    still.ear.parts = crashed
    task = asyncio.create_task(crashed.bind.lanes.run())
    still.ear.memory.away = True
    await still.time_passes()
    await asyncio.sleep(0.1)
    assert (await still.stored())["state"] == "requested"
    still.ear.memory.away = False
    await until(still.stored, lambda it: it["missing_since"] is not None)
    assert (await still.stored())["state"] == "requested"
    await still.time_passes(timedelta(seconds=MISSING_S_MAX))
    await still.reaches("failed", reason="interrupted")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_request_that_is_read_again_after_a_crash_is_sent_with_its_number(still: Bank) -> None:
    await still.take(requested(method="none"))
    still.ear.parts = still.ear.replica()
    await still.take(requested(method="none"))
    task = asyncio.create_task(still.ear.parts.bind.lanes.run())
    await still.reaches("succeeded")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_news_of_a_binding_has_it_asked_after(bank: Bank) -> None:
    await bank.take(requested())
    found = await bank.reaches("verifying")
    bank.ear.memory.bound[found["number"]] = Said("succeeded")
    await bank.ear.hear(body("binding.changed", number=found["number"], state="failed"))
    await bank.ear.parts.bind.sweep()
    await bank.reaches("succeeded")


async def test_the_number_of_a_bank_account_is_in_no_store_event_answer_or_log(
    bank: Bank, client: httpx.AsyncClient
) -> None:
    with capture_logs() as logs:
        bank.ear.memory.away = True
        await bank.take(requested())
        await asyncio.sleep(0.3)
        bank.ear.memory.away = False
        await bank.reaches("verifying")
        await answers(client, "17", "k-1")
        found = await bank.reaches("succeeded")
    assert len(found["fingerprint"]) == 64
    shown = (await client.get(f"{PATH}/b-1")).text
    stored = json.dumps([it async for it in _everything(bank)], default=str)
    published = b"".join(it.value or b"" for it in bank.ear.edge.published.records).decode()
    assert [it for it in (shown, stored, published, str(logs), repr(requested())) if BANK_ACCOUNT in it] == []
    assert "4711" in shown


async def _everything(bank: Bank) -> AsyncIterator[dict[str, Any]]:
    for name in await bank.ear.database.list_collection_names():
        async for it in bank.ear.database[name].find({}):
            yield it
