"""`weir refunds` as a person or a script calls it."""

import json
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from ops.app import create_app
from ops.output import Code

AT = "2026-03-01T12:00:00Z"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, str]]:
    """Answer as split would, two pages of each state; return what was asked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEIR_SPLIT_URL", "http://split")
    found, client = list[dict[str, str]](), httpx.AsyncClient

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/marketplaces/demo/refunds"
        query = dict(request.url.params)
        found.append(query)
        name = f"r-{query['state']}-{query.get('cursor', 'first')}"
        item = {"order_id": "1", "refund_id": name, "kind": "refund", "state": query["state"], "reason": "NOT_ENOUGH"}
        item |= {"amount_minor": "4000", "currency": "CNY", "since": AT, "age_s": "60"}
        return httpx.Response(200, json={"items": [item], "next_cursor": None if "cursor" in query else "more"})

    transport = httpx.MockTransport(answer)
    monkeypatch.setattr(httpx, "AsyncClient", lambda **words: client(**words | {"transport": transport}))
    return found


def weir(*arguments: str) -> Result:
    return CliRunner().invoke(create_app(), ["refunds", *arguments])


def test_what_waits_for_funds_or_has_failed_is_listed_page_by_page(asked: list[dict[str, str]]) -> None:
    result = weir("list", "demo", "--json")
    assert result.exit_code == Code.OK, result.output
    assert asked == [
        {"state": "waiting_funds"},
        {"state": "waiting_funds", "cursor": "more"},
        {"state": "failed"},
        {"state": "failed", "cursor": "more"},
    ]
    names = [it["refund_id"] for it in json.loads(result.stdout)["refunds"]]
    assert names == ["r-waiting_funds-first", "r-waiting_funds-more", "r-failed-first", "r-failed-more"]


def test_other_states_are_listed_when_they_are_named(asked: list[dict[str, str]]) -> None:
    told = weir("list", "demo", "--state", "refused").stdout
    assert {it["state"] for it in asked} == {"refused"}
    assert all(word in told for word in ("refused", "NOT_ENOUGH"))
    assert weir("list", "demo", "--state", "lost").exit_code == Code.USAGE
