"""What needs two people, over HTTP."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from tests.split.handlers.test_approvals import Note, draft
from tests.split.replica import Replica

from shared import http
from split.api import approvals as routes
from split.domain.approvals import Approval
from split.handlers.approvals import ApprovalHandlers
from split.store.approvals import Approvals

KEY = {"idempotency-key": "d1"}
BOB = {"actor": "Bob", "reason": "seen"}


@pytest.fixture
def handlers(replica: Replica) -> ApprovalHandlers:
    return ApprovalHandlers(replica.commits, Approvals(replica.database), replica.clock, {"leg_retry": Note()})


@pytest.fixture
async def api(replica: Replica, handlers: ApprovalHandlers) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    http.install(app)
    app.include_router(routes.routes(handlers, Approvals(replica.database), replica.clock, replica.marketplaces))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://split/v1/marketplaces/test-a") as client:
        yield client


async def asked(handlers: ApprovalHandlers) -> str:
    found = await handlers.ask(draft())
    assert isinstance(found, Approval)
    return found.approval_id


async def test_the_second_person_finds_the_request_and_approves_it(
    api: httpx.AsyncClient, handlers: ApprovalHandlers
) -> None:
    identity = await asked(handlers)
    (waiting,) = (await api.get("approvals")).json()["items"]
    assert (waiting["approval_id"], waiting["state"], waiting["actor"]) == (identity, "requested", "Ann")
    answer = await api.post(f"approvals/{identity}/approve", json=BOB, headers=KEY)
    assert (answer.status_code, answer.json()["state"], answer.json()["outcome"]) == (200, "approved", "noted")
    assert (await api.get("approvals")).json()["items"] == []
    (done,) = (await api.get("approvals", params={"state": "approved"})).json()["items"]
    assert (await api.get(f"approvals/{identity}")).json() == done == answer.json()


async def test_what_is_refused_says_why(api: httpx.AsyncClient, handlers: ApprovalHandlers) -> None:
    identity = await asked(handlers)
    answer = await api.post(f"approvals/{identity}/approve", json=BOB | {"actor": "Ann"}, headers=KEY)
    assert (answer.status_code, answer.json()["reason"]) == (409, "same_person")
    assert (await api.post(f"approvals/{identity}/refuse", json=BOB, headers=KEY)).json()["state"] == "refused"
    answer = await api.post(f"approvals/{identity}/approve", json=BOB, headers={"idempotency-key": "d2"})
    assert (answer.status_code, answer.json()["reason"]) == (409, "approval_decided")


async def test_no_word_without_a_name_a_reason_and_a_key(api: httpx.AsyncClient, handlers: ApprovalHandlers) -> None:
    path = f"approvals/{await asked(handlers)}/approve"
    for body, headers in ((BOB, {}), ({"actor": "Bob"}, KEY), ({"reason": "seen"}, KEY), (BOB | {"more": 1}, KEY)):
        answer = await api.post(path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["reason"]) == (422, "contract")


async def test_other_marketplaces_see_nothing(api: httpx.AsyncClient, handlers: ApprovalHandlers) -> None:
    identity = await asked(handlers)
    other = "http://split/v1/marketplaces/test-b/approvals"
    assert (await api.get(other)).json()["items"] == []
    for answer in (
        await api.get(f"{other}/{identity}"),
        await api.post(f"{other}/{identity}/approve", json=BOB, headers=KEY),
        await api.post(f"{other}/{identity}/refuse", json=BOB, headers=KEY),
    ):
        assert (answer.status_code, answer.json()["reason"]) == (404, "approval_unknown")
