"""`weir payouts` as a person or a script calls it: what it asks split for, what it prints, and its exit codes."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from ops.app import create_app
from ops.output import Code

PATH = "/v1/marketplaces/demo/"
AT = "2026-03-01T12:00:00Z"


class Split:
    """Split's API as far as these commands use it: two pages of stops, and legs."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any], str]] = []
        self.refuses = False
        self.down = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            message = "refused"
            raise httpx.ConnectError(message)
        path = request.url.path.removeprefix(PATH)
        if request.method == "GET":
            return httpx.Response(200, json=self._page(path, request.url.params.get("cursor")))
        if self.refuses:
            return httpx.Response(
                409, json={"reason": "already_paused", "detail": "stop/marketplace is paused already"}
            )
        body = json.loads(request.content)
        self.asked.append((path, body, request.headers["idempotency-key"]))
        return httpx.Response(200, json={"paused": path.endswith("pause"), "at": AT} | body)

    def _page(self, path: str, cursor: str | None) -> dict[str, Any]:
        if path == "operator/legs":
            leg = {"leg_id": "demo/o:1/merchant:m1/1", "amount_minor": 8_800, "currency": "CNY", "attempt": 7}
            return {"items": [leg | {"since": AT, "reason": "CHANNEL_BUSY"}], "next_cursor": None}
        subject = "m2" if cursor else "m1"
        stop = {"scope": "merchant", "subject": subject, "orders_held": 3, "at": AT, "actor": "Ann", "reason": "why"}
        return {"items": [stop], "next_cursor": None if cursor else "more"}


@pytest.fixture
def split(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Split:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEIR_SPLIT_URL", "http://split")
    found, client = Split(), httpx.AsyncClient
    transport = httpx.MockTransport(found)
    monkeypatch.setattr(httpx, "AsyncClient", lambda **words: client(**words | {"transport": transport}))
    return found


def weir(*arguments: str) -> Result:
    return CliRunner().invoke(create_app(), ["payouts", *arguments])


@pytest.mark.parametrize(
    ("options", "target"),
    [
        ((), {"scope": "marketplace"}),
        (("--channel", "demo-1"), {"scope": "channel", "subject": "demo-1"}),
        (("--merchant", "m1"), {"scope": "merchant", "subject": "m1"}),
    ],
)
@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_what_is_named_is_paused_or_resumed_with_who_and_why(
    split: Split, verb: str, options: tuple[str, ...], target: dict[str, str]
) -> None:
    result = weir(verb, "demo", "--reason", "the bank asked", "--actor", "Ann", "--key", "k1", "--json", *options)
    assert result.exit_code == Code.OK, result.output
    assert split.asked == [(f"payouts/{verb}", target | {"actor": "Ann", "reason": "the bank asked"}, "k1")]
    assert json.loads(result.stdout)["paused"] is (verb == "pause")
    assert f"payouts {verb}d" in result.stderr


def test_two_commands_are_two_requests_unless_a_key_says_else(split: Split) -> None:
    for _ in range(2):
        assert weir("pause", "demo", "--reason", "why").exit_code == Code.OK
    assert len({key for _, _, key in split.asked}) == 2


def test_a_refusal_is_told_in_splits_words(split: Split) -> None:
    split.refuses = True
    result = weir("pause", "demo", "--reason", "why")
    assert (result.exit_code, result.stdout) == (Code.FAILED, "")
    assert "already_paused: stop/marketplace is paused already" in result.stderr


def test_a_split_that_is_down_is_no_refusal(split: Split) -> None:
    split.down = True
    for arguments in (("pause", "demo", "--reason", "why"), ("status", "demo")):
        result = weir(*arguments)
        assert (result.exit_code, "does not answer" in result.stderr) == (Code.UNREACHABLE, True)


@pytest.mark.usefixtures("split")
def test_a_pause_without_a_reason_or_of_two_things_is_a_mistake() -> None:
    assert weir("pause", "demo").exit_code == Code.USAGE
    assert weir("pause", "demo", "--reason", "why", "--channel", "c", "--merchant", "m").exit_code == Code.USAGE


@pytest.mark.usefixtures("split")
def test_status_shows_what_stands_still_to_people_and_machines() -> None:
    shown = json.loads(weir("status", "demo", "--json").stdout)
    assert [it["subject"] for it in shown["stops"]] == ["m1", "m2"]
    assert [it["leg_id"] for it in shown["legs"]] == ["demo/o:1/merchant:m1/1"]
    told = weir("status", "demo").stdout
    assert all(word in told for word in ("m1", "m2", "Ann", "8,800", "CHANNEL_BUSY"))
