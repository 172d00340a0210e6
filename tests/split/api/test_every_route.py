"""Every route of split, as its OpenAPI document lists them: each of one marketplace, each write with who, why and key.

A route that is added stands here by itself; a write needs an example of its body below.
"""

from dataclasses import fields
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest
from fastapi import FastAPI
from tests.split.channels import WECHAT, marketplaces
from tests.split.examples import agreement, extra, merchant, paid_order
from tests.split.moneys import approval, settled
from tests.split.outcomes import told
from tests.split.replica import Replica

from shared.mongo import Database
from split import api as split_api

HOST: Final = "http://split"
PREFIX: Final = "/v1/marketplaces/{marketplace}/"
STORES_NOTHING: Final = {"rules/preview"}
NOT_FINAL_YET: Final = {
    "accounts/{account}/statement",
    "accounts/{account}/statement.csv",
    "journal.csv",
}
"""What they show ends two minutes ago; test_statements.py and test_csvs.py have books that are older."""

WHO: Final = {"actor": "Ann", "reason": "why"}
STOP: Final = WHO | {"scope": "marketplace"}
ACCOUNT: Final = {"currency": "BRL", "channel_profile": "sandbox-direct", "channel_account": "test-a"}
REWARD: Final = WHO | ACCOUNT | {"receiver": "d9", "amount_minor": 5}
DEBIT: Final = REWARD | {"receiver": "d1", "direction": "debit", "category": "penalty"}
LEG: Final = WHO | {"leg_id": "test-a/o:1/merchant:m1/1"}
CONSENT: Final = {"actor": "d1", "at": "2026-01-05T08:00:00Z", "reference": "file 7"}
BIND: Final = WHO | {"kind": "person", "relation": "staff", "name_hash": "0" * 64, "consent": CONSENT}
RULES: Final = WHO | {
    "effective_from": "2020-01-01T08:00:00Z",
    "rules": [{"rule_id": "all", "commission_bp": 300}],
}
PAID: Final = {
    "marketplace": "test-a",
    "order_id": "1",
    "buyer": "b",
    "currency": "BRL",
    "paid_at": "2026-01-05T08:00:00Z",
    "payments": [
        {
            "channel_profile": "sandbox-direct",
            "channel_account": "test-a",
            "channel_payment_id": "p",
            "amount_minor": 5,
        }
    ],
    "lines": [
        {"line_id": "1", "sku": "s", "category": "c", "merchant": "m1", "quantity": 1, "amount_minor": 5},
    ],
}
BODIES: Final[dict[str, Any]] = {
    "orders/{order_id}/freezes/{freeze_id}": WHO,
    "orders/{order_id}/releases": WHO,
    "approvals/{approval_id}/approve": WHO | {"actor": "Bob"},
    "approvals/{approval_id}/refuse": WHO,
    "rules/preview": PAID,
    "rules": RULES,
    "payouts/pause": STOP,
    "payouts/resume": STOP,
    "merchants/{merchant}/receivers/{channel_profile}/{channel_account}/{receiver}": BIND,
    "merchants/{merchant}/receivers/{channel_profile}/{channel_account}/{receiver}/unbind": WHO,
    "rewards": REWARD,
    "adjustments": DEBIT,
    "operator/legs/retry": LEG,
    "operator/legs/write-off": LEG,
    "operator/legs/restore": LEG,
    "operator/refunds/retry": WHO | {"order_id": "1", "refund_id": "r1"},
}
QUERY: Final = {"currency": "BRL", "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
OTHERS: Final = {"merchant": "m2", "receiver": "d2", "account": "merchant:in_transit/m2"}
"""In place of the merchant or receiver that is asked about: one of whom nothing is known."""


class Route(NamedTuple):
    """One operation; `path` is within its marketplace."""

    method: str
    path: str
    operation: Any

    def url(self, marketplace: str, known: dict[str, str]) -> str:
        asked_for = {it["name"] for it in self.operation["parameters"]} & set(QUERY)
        query = "?" + "&".join(f"{name}={QUERY[name]}" for name in sorted(asked_for))
        if self.path.startswith("merchants/"):  # there a receiver is named as a leg names it
            known = known | {"receiver": f"merchant:{known['receiver']}"}
        return HOST + PREFIX.format(marketplace=marketplace) + self.path.format(**known) + query

    def body(self) -> Any:  # noqa: ANN401 - JSON
        return None if self.method == "GET" else BODIES[self.path]


def document() -> dict[str, Any]:
    """Return the OpenAPI document of split's routes, over nothing."""
    nothing: dict[str, Any] = {it.name: None for it in fields(split_api.Behind)}
    app = FastAPI()
    app.include_router(split_api.routes(split_api.Behind(**nothing)))
    return app.openapi()


DOCUMENT: Final = document()
ROUTES: Final = [
    Route(method.upper(), path.removeprefix(PREFIX), operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
READS: Final = [it for it in ROUTES if it.method == "GET"]
WRITES: Final = [it for it in ROUTES if it.method != "GET"]


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.fixture
def replica(database: Database, tmp_path: Path) -> Replica:
    return Replica(database, marketplaces(tmp_path))


@pytest.mark.parametrize("path", DOCUMENT["paths"])
def test_a_route_is_of_one_marketplace(path: str) -> None:
    assert path.startswith(PREFIX)


@pytest.mark.parametrize("route", WRITES, ids=named)
def test_a_write_says_who_why_and_by_which_key(route: Route) -> None:
    if route.path in STORES_NOTHING:
        return
    keys = [it for it in route.operation["parameters"] if (it["in"], it["name"]) == ("header", "idempotency-key")]
    assert [it["required"] for it in keys] == [True]
    schema = route.operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert {"actor", "reason"} <= set(DOCUMENT["components"]["schemas"][schema]["required"])


async def asked(api: httpx.AsyncClient, route: Route, marketplace: str, known: dict[str, str]) -> httpx.Response:
    headers = {} if route.method == "GET" else {"idempotency-key": "another"}
    return await api.request(route.method, route.url(marketplace, known), json=route.body(), headers=headers)


async def furnished(replica: Replica, api: httpx.AsyncClient) -> dict[str, str]:
    """Have test-a know something of everything, and return how its things are named."""
    known = {
        "order_id": "1",
        "freeze_id": "f1",
        "merchant": "m1",
        "channel_profile": WECHAT,
        "channel_account": "test-a",
        "receiver": "d1",
        "account": "merchant:in_transit/m1",
        "number": "1",
    }

    async def wrote(method: str, path: str) -> Any:  # noqa: ANN401 - JSON
        route = next(it for it in WRITES if (it.method, it.path) == (method, path))
        headers = {"idempotency-key": f"first{WRITES.index(route)}"}
        answer = await api.request(method, route.url("test-a", known), json=route.body(), headers=headers)
        assert answer.is_success, (path, answer.text)
        return answer.json()

    await replica.take(merchant("m1", agreement()))
    await replica.take(paid_order(receivers=(extra("d1", "merchant:m1", value=500),)))
    await replica.take(told(replica.published.payouts()[-1], "failed", "ACCOUNT_ABNORMAL", "merchant:m1"))
    await replica.parts.deadlines.once()
    await replica.take(approval(100))
    await replica.take(settled(replica.published.plans()[-1], "failed", rest="failed"))
    for method, path in (
        ("POST", "rules"),
        ("PUT", "orders/{order_id}/freezes/{freeze_id}"),
        ("PUT", "merchants/{merchant}/receivers/{channel_profile}/{channel_account}/{receiver}"),
    ):
        await wrote(method, path)
    made = await wrote("POST", "adjustments")
    known["charge_id"] = known["approval_id"] = made["approval_id"]
    await wrote("POST", "approvals/{approval_id}/approve")
    known["approval_id"] = (await wrote("POST", "rewards"))["approval_id"]
    await wrote("POST", "payouts/pause")
    return known


def is_empty(answer: httpx.Response) -> bool:
    """Tell whether an answer shows nothing: there is no such thing, or a list without an item."""
    if answer.status_code == 404:
        return True
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"].startswith("text/csv"):
        return len(answer.text.splitlines()) == 1
    found = answer.json()
    if "currencies" in found:  # a currency that was asked for stands there without any account
        return not any(it["groups"] for it in found["currencies"])
    return any(name in found and not found[name] for name in ("items", "versions"))


async def test_no_route_knows_a_marketplace_that_is_not_there(replica: Replica, api: httpx.AsyncClient) -> None:
    known = await furnished(replica, api)
    for route in ROUTES:
        answer = await asked(api, route, "nowhere", known)
        assert (answer.status_code, answer.json()["reason"]) == (404, "marketplace_unknown"), named(route)


async def test_a_read_shows_what_is_of_its_marketplace_and_nobody_elses(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    known = await furnished(replica, api)
    for route in READS:
        if route.path not in NOT_FINAL_YET:
            assert not is_empty(await asked(api, route, "test-a", known)), named(route)
        assert is_empty(await asked(api, route, "test-b", known)), named(route)
        if others := {name: it for name, it in OTHERS.items() if f"{{{name}}}" in route.path}:
            assert is_empty(await asked(api, route, "test-a", known | others)), named(route)


async def test_a_write_of_one_marketplace_changes_nothing_of_another(replica: Replica, api: httpx.AsyncClient) -> None:
    known = await furnished(replica, api)
    before = await everything(replica)
    for route in WRITES:
        answer = await asked(api, route, "test-b", known)
        assert answer.status_code < 500, (named(route), answer.text)
    assert await everything(replica) == before


async def everything(replica: Replica) -> dict[str, Any]:
    """Return every document of test-a's by its collection and id."""
    database = replica.database
    return {
        f"{name} {it['_id']}": it
        for name in sorted(await database.list_collection_names())
        for it in await database[name].find().to_list(None)
        if str(it["_id"]).startswith("test-a") or it.get("marketplace") == "test-a"
    }
