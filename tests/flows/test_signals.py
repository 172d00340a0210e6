"""Stories of what institutions say and do by themselves: money that moves without an instruction, and callbacks.

The institution moves it, payments asks what moved, and split books it: both sides' books agree in the end.
"""

import asyncio
import hashlib
import hmac
import json
import subprocess
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from tests.flows.conftest import ROOT, Cluster, Later
from tests.flows.market import Json, Market, opened, selling, until
from tests.flows.refunding import held, paid_out, shipped, sold
from tests.flows.test_collectors import seller
from tests.flows.test_collectors import sold as collected
from tests.flows.test_payouts import no_law_is_broken

from ops.runtime import services
from shared.ids import channel_number
from shared.messages import BindingRequested

pytestmark = pytest.mark.infra

PROFILE: Final = "sandbox-direct"
WECHAT: Final = "wechat-profit-sharing"


@pytest.fixture
async def market(cluster: Cluster) -> AsyncIterator[Market]:
    async with selling(cluster) as it:
        await subscribes(it)
        yield it


def key_of(market: Market) -> str:
    """Return the key that payments shares with the institution."""
    return (market.cluster.keys / PROFILE).read_text().split()[0]


async def calls(market: Market, of: str, event_id: str, *, key: str = "", **data: Any) -> int:  # noqa: ANN401 - a callback's JSON
    """Call payments as the institution does, and return the answer's status."""
    told = {"event_id": event_id, "type": of, "profile": PROFILE, "account": market.id, "data": data}
    body, timestamp = json.dumps(told).encode(), str(int(time.time()))
    message = timestamp.encode() + b"." + body
    signature = hmac.new((key or key_of(market)).encode(), message, hashlib.sha256).hexdigest()
    headers = {"weir-institution-timestamp": timestamp, "weir-institution-signature": signature}
    url = f"{market.cluster.urls['payments']}/v1/callbacks/{PROFILE}/{market.id}"
    return (await market.http.post(url, content=body, headers=headers)).status_code


async def moves(
    market: Market,
    kind: str,
    movement_id: str,
    amount_minor: int,
    profile: str = PROFILE,
    **fields: Any,  # noqa: ANN401 - any field
) -> None:
    """Have the institution move money by itself; it calls payments of it."""
    moved = {"movement_id": movement_id, "kind": kind, "currency": "CNY", "amount_minor": amount_minor} | fields
    url = f"{market.cluster.urls['institution']}/v1/accounts/{market.account(profile)}/movements"
    answer = await market.http.post(url, json={"movements": [moved]})
    assert [it["state"] for it in answer.json()["movements"]] == ["succeeded"], answer.text


async def subscribes(market: Market, profile: str = PROFILE) -> None:
    """Have the institution call payments of what happens in the marketplace's account."""
    account = market.account(await market.opened(profile))
    url = f"{market.cluster.urls['payments']}/v1/callbacks/{profile}/{account}"
    there = f"{market.cluster.urls['institution']}/v1/accounts/{account}/callbacks"
    answer = await market.http.put(there, json={"url": url})
    assert answer.is_success, answer.text


async def listed(market: Market, what: str) -> list[Json]:
    """Return what payments shows operators."""
    answer = await market.http.get(market.url("payments", what))
    return list(answer.json()["items"])


async def books_agree(market: Market, profile: str = PROFILE) -> None:
    """Wait until split's books say what is in the institution's pool."""

    async def apart() -> int:
        booked = await market.balance(f"channel:clearing/{market.account(profile)}")
        return (await market.pockets(profile)).get("pool", 0) + booked

    await until(apart, lambda it: it == 0)


async def test_money_that_comes_in_with_a_merchants_name_is_its_deposit(market: Market, tmp_path: Path) -> None:
    await sold(market)
    await moves(market, "inbound", "in-1", 5_000, reference="deposit:acme")
    await until(lambda: market.balance("deposit/acme"), lambda it: it == 5_000)
    await moves(market, "inbound", "in-2", 700, reference="who knows")
    await until(lambda: market.balance(f"suspense/{market.id}"), lambda it: it == 700)
    await books_agree(market)
    assert sorted((it["movement_id"], it["state"]) for it in await listed(market, "movements")) == [
        ("in-1", "published"),
        ("in-2", "published"),
    ]
    await no_law_is_broken(market, tmp_path)


async def test_a_chargeback_of_what_is_held_freezes_it_until_the_institution_gives_it_back(
    market: Market, tmp_path: Path
) -> None:
    await market.merchant("slow", trigger="shipped")
    order = await held(market, market.order(merchant="slow"), "awaiting_shipped")
    payment_id = order["payments"][0]["channel_payment_id"]
    await moves(market, "chargeback", "cb-1", 3_000, payment_id=payment_id)
    await market.held(order, "frozen:chargeback:cb-1")
    await books_agree(market)
    assert (await market.status(order))["unpaid_minor"] == 7_000
    await market.tell(shipped(order))
    await moves(market, "chargeback_reversed", "cb-2", 3_000, payment_id=payment_id, reverses="cb-1")
    await paid_out(market, order)
    await market.reaches(order, "settled")
    await books_agree(market)
    pockets = await market.pockets()
    assert (pockets["merchant:slow"], pockets["platform:commission"], pockets["pool"]) == (9_000, 1_000, 0)
    await no_law_is_broken(market, tmp_path)


async def test_a_movement_that_is_told_of_before_its_order_is_proved_waits_for_it(
    market: Market, tmp_path: Path
) -> None:
    await market.merchant("slow", trigger="shipped")
    order = market.order(merchant="slow")
    await market.pay(order)
    payment_id = order["payments"][0]["channel_payment_id"]
    await moves(market, "chargeback", "cb-1", 1_000, payment_id=payment_id)
    await until(lambda: listed(market, "movements"), lambda it: [at["state"] for at in it] == ["waiting"])
    await market.publish(order)
    await market.held(order, "frozen:chargeback:cb-1")
    await books_agree(market)
    (known,) = await listed(market, "movements")
    assert (known["state"], known["order_id"]) == ("published", order["order_id"])
    await no_law_is_broken(market, tmp_path)


async def test_a_callback_that_the_institution_contradicts_is_a_case_and_changes_nothing(market: Market) -> None:
    order = await sold(market)
    payout = (await market.status(order))["payouts"][0]["payout_id"]
    shown = (await market.http.get(market.url("payments", f"payouts/{payout}"))).json()
    number = shown["legs"][0]["channel_number"]
    for event_id in ("e-1", "e-1", "e-2"):
        assert await calls(market, "transfer.changed", event_id, number=number, state="failed") == 204
    assert await calls(market, "transfer.changed", "e-3", number=number, state="accepted") == 204
    cases = await until(lambda: listed(market, "disagreements"), lambda it: len(it) == 2)
    assert {(it["subject"], it["told"], it["found"]) for it in cases} == {(number, "failed", "succeeded")}
    assert (await market.http.get(market.url("payments", f"payouts/{payout}"))).json() == shown


BANK_ACCOUNT: Final = "6222020000000004711"


async def bound(market: Market) -> Json:
    """Have a bank account bound to acme, verified by a small deposit, and return how it stands."""
    event = BindingRequested(
        marketplace=market.id,
        merchant="acme",
        binding_id="b-1",
        revision=1,
        channel_profile=PROFILE,
        channel_account=market.id,
        name="Acme",
        bank_account=BANK_ACCOUNT,
        method="micro_deposit",
        requested_at=datetime.now(UTC),
    )
    await market.tell(event, event, source="/weir/merchant")

    async def shown() -> Json:
        answer = await market.http.get(market.url("payments", "bindings/b-1"))
        return dict(answer.json()) if answer.is_success else {"state": "unknown"}

    await until(shown, lambda it: it["state"] == "verifying")
    number = channel_number("binding", market.id, "b-1", "b-1", 1)
    there = f"{market.cluster.urls['institution']}/v1/accounts/{market.id}/bindings/{number}/sent"
    sent = (await market.http.get(there)).json()["answer"]
    for key, answer in (("k-1", "1" if sent != "1" else "2"), ("k-2", sent)):
        given = {"answer": answer, "actor": "acme"}
        url = market.url("payments", "bindings/b-1/verify")
        for _ in range(2):
            taken = await market.http.post(url, json=given, headers={"idempotency-key": key})
            assert taken.status_code == 202, taken.text
        await until(shown, lambda it: not it["answer_under_way"])
    return await until(shown, lambda it: it["state"] == "succeeded")


async def test_a_merchants_bank_account_is_bound_once_it_has_named_the_amount_of_the_deposit(market: Market) -> None:
    found = await bound(market)
    assert (found["last_four"], found["revision"], found["reason"]) == ("4711", 3, None)


async def test_what_the_channel_unfreezes_by_itself_is_told_with_its_order_and_owed_by_its_seller(
    cluster: Cluster, later: Later
) -> None:
    """The institution gives all to the seller, who owes the platform its commission."""
    async with opened(cluster) as market:
        await subscribes(market, WECHAT)
        await seller(market, "lets", trigger="completed", freeze_policy="let_go")
        order = collected(market, "lets")
        await market.pay(order)
        await market.publish(order)
        await market.held(order, "awaiting_completed")
        await later(timedelta(days=27))
        await market.held(order, "let_go")
        await later(timedelta(days=30))
        payment_id = order["payments"][0]["channel_payment_id"]
        given = {"payment_id": payment_id, "receiver": "merchant:lets"}
        await moves(market, "auto_unfreeze", "un-1", 10_000, WECHAT, **given)
        await until(lambda: market.balance("merchant:debt/lets"), lambda it: it == -1_000)
        await books_agree(market, WECHAT)
        assert (await market.status(order))["unpaid_minor"] == 0


async def test_no_key_is_in_any_log_whatever_is_sent_and_however_a_start_fails(market: Market, tmp_path: Path) -> None:
    """All logs of all processes, after a full flow, after attacks, and after keys that cannot be used."""
    planted = "planted-secret-that-no-log-has"
    file = market.cluster.keys / PROFILE
    good = file.read_text()
    await sold(market)
    await moves(market, "inbound", "in-1", 5_000, reference="deposit:acme")
    await until(lambda: market.balance("deposit/acme"), lambda it: it == 5_000)
    await bound(market)
    assert await calls(market, "movement.happened", "e-2", key="wrong" * 8, movement_id="m", kind="inbound") == 401
    url = f"{market.cluster.urls['payments']}/v1/callbacks/{PROFILE}/{market.id}"
    attack = {"weir-institution-timestamp": str(int(time.time())), "weir-institution-signature": key_of(market)}
    assert (await market.http.post(url, content=good.encode(), headers=attack)).status_code == 401
    try:
        file.write_text(f"{planted} with blanks\n")
        await asyncio.sleep(1.1)
        assert await calls(market, "movement.happened", "e-3", key=good.strip(), movement_id="m", kind="inbound") == 204
        assert file.name in (market.cluster.logs / "payments.log").read_text()
        failed = _start(market, tmp_path)
        assert (failed.returncode, "PAYMENTS_KEYS_DIR" in failed.stdout) == (2, True)
        (tmp_path / "failed.log").write_text(failed.stdout)
    finally:
        file.write_text(good)
    secrets = {planted, BANK_ACCOUNT} | {key for it in market.cluster.keys.iterdir() for key in it.read_text().split()}
    logs = [*market.cluster.logs.glob("*.log*"), tmp_path / "failed.log"]
    assert {it.name for it in logs} >= {f"{name}.log" for name in ("sandbox", "payments", "split", "failed")}
    assert [(it.name, key) for it in logs for key in secrets if key in it.read_text(errors="replace")] == []


def _start(market: Market, folder: Path) -> subprocess.CompletedProcess[str]:
    """Start payments with keys that cannot be used, and return what it said."""
    given = services.environment("payments", market.cluster.urls, "none", market.cluster.keys)
    return subprocess.run(  # noqa: S603 - built here, from no outside input
        services.command("payments", 1),
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **given},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
