"""Callbacks are signed, sent until somebody takes them, on the product's schedule, and survive a restart."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.sandbox.asking import SHOP, Customer, order, payout

from sandbox.clock import Clock
from sandbox.domain.movements import Movement
from sandbox.domain.payments import Payment
from sandbox.domain.transfers import Transfer
from sandbox.handlers import Handlers
from sandbox.messenger import Keys, Messenger
from sandbox.settings import Settings
from sandbox.store.callbacks import Callbacks
from sandbox.store.connection import Connection
from sandbox.store.faults import FaultSwitches

ECOMMERCE = "wechat-ecommerce"
KEY = b"0123456789abcdef"
NOW_S = 1_767_600_000
URL = "http://weir/callbacks"


class Ear:
    """Who is called; `answers` says with which status, the last one for ever."""

    def __init__(self) -> None:
        self.heard: list[httpx.Request] = []
        self.answers = [204]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.heard.append(request)
        return httpx.Response(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(it.content) for it in self.heard]


class Bank:
    """The institution without its HTTP, calling an ear; it can be started again on its file."""

    def __init__(self, settings: Settings, ear: Ear) -> None:
        self.connection = Connection(settings.database)
        self.connection.prepare()
        self.connection.open()
        self.clock, self.callbacks = Clock(), Callbacks(self.connection)
        self.switches = FaultSwitches(self.connection)
        self.handlers = Handlers(self.connection, self.clock, self.callbacks)
        assert settings.keys_dir is not None
        self.messenger = Messenger(
            self.handlers,
            self.callbacks,
            self.switches,
            Keys(settings.keys_dir),
            self.clock,
            httpx.MockTransport(ear),
            lambda: NOW_S,
        )


@pytest.fixture
def keyed(tmp_path: Path) -> Settings:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / ECOMMERCE).write_bytes(KEY + b"\nan older one\n")
    return Settings(database=tmp_path / "bank.db", keys_dir=tmp_path / "keys")


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
async def bank(keyed: Settings, ear: Ear) -> AsyncIterator[Bank]:
    it = Bank(keyed, ear)
    await it.handlers.accounts.open("acc", ECOMMERCE)
    await it.callbacks.subscribe("acc", URL)
    yield it
    it.connection.close()


async def paid(bank: Bank, payment_id: str = "p1") -> None:
    await bank.handlers.take_payments("acc", [Payment(payment_id=payment_id, amount_minor=1000, currency="CNY")])


async def test_a_callback_is_signed_with_the_first_key_of_its_product(bank: Bank, ear: Ear) -> None:
    await paid(bank)
    assert await bank.messenger.send_due() == 1
    (heard,) = ear.heard
    timestamp = heard.headers["weir-institution-timestamp"]
    expected = hmac.new(KEY, timestamp.encode() + b"." + heard.content, hashlib.sha256).hexdigest()
    assert (str(heard.url), timestamp) == (URL, str(NOW_S))
    assert heard.headers["weir-institution-signature"] == expected
    (body,) = ear.bodies
    assert {**body, "event_id": "", "created_at": ""} == {
        "event_id": "",
        "type": "payment.succeeded",
        "profile": ECOMMERCE,
        "account": "acc",
        "created_at": "",
        "data": {"payment_id": "p1"},
    }
    assert await bank.messenger.send_due() == 0
    assert await bank.callbacks.waiting("acc") == 0


async def test_what_nobody_takes_is_sent_again_on_the_schedule(bank: Bank, ear: Ear) -> None:
    ear.answers = [500, 401, 204]
    await paid(bank)
    await bank.messenger.send_due()
    for ahead_s, heard in ((14, 1), (15, 2), (29, 2), (31, 3), (1_000, 3)):
        bank.clock.ahead_s = ahead_s
        await bank.messenger.send_due()
        assert len(ear.heard) == heard, ahead_s
    assert len({it["event_id"] for it in ear.bodies}) == 1


async def test_after_the_last_try_it_is_given_up(bank: Bank, ear: Ear) -> None:
    ear.answers = [500]
    await paid(bank)
    for _ in range(20):
        await bank.messenger.send_due()
        bank.clock.ahead_s += 100_000
    assert len(ear.heard) == 16
    assert await bank.callbacks.waiting("acc") == 0


async def test_a_restart_loses_no_callback(bank: Bank, ear: Ear, keyed: Settings) -> None:
    await paid(bank)
    again = Bank(keyed, ear)
    await again.callbacks.read()
    assert await again.messenger.send_due() == 1
    await again.handlers.take_payments("acc", [Payment(payment_id="p2", amount_minor=1, currency="CNY")])
    assert await again.messenger.send_due() == 1
    again.connection.close()


async def test_who_dies_while_sending_is_followed_by_another(bank: Bank, ear: Ear) -> None:
    await paid(bank)
    assert len(await bank.callbacks.claim(bank.clock.now(), 10)) == 1  # and is killed
    assert await bank.messenger.send_due() == 0
    bank.clock.ahead_s = 61
    assert await bank.messenger.send_due() == 1
    assert len(ear.heard) == 1


async def test_what_was_accepted_is_carried_out_and_told_without_being_asked(bank: Bank, ear: Ear) -> None:
    await paid(bank)
    bank.clock.ahead_s = 120
    leg = Transfer(number="n1", kind="payout", receiver="merchant:a", currency="CNY", amount_minor=9, of="p1")
    (answer,) = await bank.handlers.execute("acc", [leg])
    assert answer.state == "accepted"
    await bank.messenger.work_off()
    await bank.messenger.send_due()
    assert ear.bodies[-1]["data"] == {"number": "n1", "state": "failed"}  # nobody has bound the receiver
    bank.clock.ahead_s = 181 * 86_400
    await bank.messenger.work_off()
    await bank.messenger.send_due()
    assert ear.bodies[-1]["data"] == {"movement_id": "p1", "kind": "auto_unfreeze"}


async def test_movements_are_told(bank: Bank, ear: Ear) -> None:
    moved = Movement(movement_id="m1", kind="inbound", currency="CNY", amount_minor=5)
    await bank.handlers.move("acc", [moved])
    await bank.messenger.send_due()
    assert [(it["type"], it["data"]["kind"]) for it in ear.bodies] == [("movement.happened", "inbound")]


async def test_faults_send_twice_or_late_or_with_another_signature(bank: Bank, ear: Ear) -> None:
    faults = await bank.switches.show("acc")
    await bank.switches.switch("acc", type(faults)(duplicate_callbacks=True))
    await paid(bank)
    await bank.messenger.send_due()
    assert len({it["event_id"] for it in ear.bodies}) == 1
    assert len(ear.heard) == 2
    await bank.switches.switch("acc", type(faults)(wrong_signature=True, callback_delay_s=100))
    await paid(bank, "p2")
    assert await bank.messenger.send_due() == 0
    bank.clock.ahead_s = 101
    await bank.messenger.send_due()
    heard = ear.heard[-1]
    message = heard.headers["weir-institution-timestamp"].encode() + b"." + heard.content
    right = hmac.new(KEY, message, hashlib.sha256).hexdigest()
    assert heard.headers["weir-institution-signature"] != right


async def test_without_a_key_or_a_url_nothing_is_sent(bank: Bank, ear: Ear, keyed: Settings) -> None:
    assert keyed.keys_dir is not None
    await bank.handlers.take_payments("other", [Payment(payment_id="p1", amount_minor=1, currency="CNY")])
    assert await bank.messenger.send_due() == 0
    (keyed.keys_dir / ECOMMERCE).unlink()
    await paid(bank)
    assert (await bank.messenger.send_due(), ear.heard) == (1, [])


async def test_a_key_is_read_anew(bank: Bank, ear: Ear, keyed: Settings) -> None:
    assert keyed.keys_dir is not None
    (keyed.keys_dir / f"{ECOMMERCE}.acc").write_bytes(b"another key 0123")
    await paid(bank)
    await bank.messenger.send_due()
    (heard,) = ear.heard
    message = heard.headers["weir-institution-timestamp"].encode() + b"." + heard.content
    assert (
        heard.headers["weir-institution-signature"]
        == hmac.new(b"another key 0123", message, hashlib.sha256).hexdigest()
    )


async def test_who_wants_to_be_called_says_where(customer: Customer) -> None:
    refused = await customer.client.put("callbacks", json={"url": "ftp://weir"})
    assert refused.status_code == 422
    await customer.client.put("callbacks", json={"url": URL})
    await customer.pay("p1", 10)
    assert (await customer.client.get("callbacks")).json()["url"] == URL
    assert await customer.ask(payout("n1", 10, SHOP), order("finish", "f1", 1, receiver=SHOP)) == [
        ("succeeded", None),
        ("failed", "insufficient_funds"),
    ]
