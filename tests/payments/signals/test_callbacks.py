"""Callbacks over a real socket: believed by their signature alone, stored once, and never read before that."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from tests.payments.edge import until
from tests.payments.examples import ACCOUNT, PROFILE
from tests.payments.signals.ear import KEY, SECOND, Ear, body, headers, served, sign

from payments.domain.callbacks import BODY_BYTES_MAX
from shared.commits import OutageError

pytestmark = pytest.mark.infra

URL: Final = f"/v1/callbacks/{PROFILE}/{ACCOUNT}"


@pytest.fixture
async def client(ear: Ear) -> AsyncIterator[httpx.AsyncClient]:
    async with served(ear.app) as client:
        yield client


async def stored(ear: Ear) -> list[dict[str, Any]]:
    return await ear.database.callbacks.find({}).to_list(None)


async def test_a_callback_is_stored_raw_and_once_however_often_it_comes(ear: Ear, client: httpx.AsyncClient) -> None:
    content = body()
    for at in (time.time(), time.time() - 200):  # signed again each time it is sent
        answer = await client.post(URL, content=content, headers=headers(content, at))
        assert (answer.status_code, answer.content) == (204, b"")
    (found,) = await stored(ear)
    assert found["_id"] == f"{PROFILE}/{ACCOUNT}/e-1"
    assert (found["body"], found["subject"], found["told"]) == (content, "N1", "succeeded")
    assert ear.counted("weir_callbacks", channel=PROFILE, type="transfer.changed", outcome="new") == 1
    assert ear.counted("weir_callbacks", channel=PROFILE, type="transfer.changed", outcome="repeated") == 1


async def test_the_same_callback_many_times_at_once_is_stored_once(ear: Ear, client: httpx.AsyncClient) -> None:
    content = body()
    sent = [client.post(URL, content=content, headers=headers(content)) for _ in range(12)]
    answers = [it.status_code for it in await asyncio.gather(*sent)]
    assert set(answers) <= {204, 503}
    assert 204 in answers
    assert len(await stored(ear)) == 1


def changed(**changes: str | None) -> dict[str, str]:
    given: dict[str, str | None] = {**headers(body())}
    given |= {f"weir-institution-{name}": value for name, value in changes.items()}
    return {name: value for name, value in given.items() if value is not None}


@pytest.mark.parametrize(
    ("url", "given", "reason"),
    [
        (URL, lambda: changed(signature="0" * 64), "signature_invalid"),
        (URL, lambda: changed(signature=""), "signature_invalid"),
        (URL, lambda: changed(signature=None), "signature_missing"),
        (URL, lambda: changed(timestamp=None), "signature_missing"),
        (URL, lambda: changed(timestamp="soon"), "timestamp_invalid"),
        (URL, lambda: changed(timestamp="-5"), "timestamp_invalid"),
        (URL, lambda: changed(timestamp="9" * 40), "timestamp_invalid"),
        (URL, lambda: headers(body(), time.time() - 301), "timestamp_stale"),
        (URL, lambda: headers(body(), time.time() + 310), "timestamp_stale"),
        (URL, lambda: headers(body(), key="another-key-of-somebody"), "signature_invalid"),
        (URL, lambda: headers(body(account="test-other")), "signature_invalid"),
        (f"/v1/callbacks/{PROFILE}/test-other", lambda: headers(body()), "account_differs"),
        (f"/v1/callbacks/{PROFILE}/nobody", lambda: headers(body()), "account_unknown"),
        (f"/v1/callbacks/{SECOND}/{ACCOUNT}", lambda: headers(body()), "account_unknown"),
        (f"/v1/callbacks/no-profile/{ACCOUNT}", lambda: headers(body()), "account_unknown"),
    ],
)
async def test_what_is_not_the_institutions_is_not_believed_and_not_told_why(
    ear: Ear, client: httpx.AsyncClient, url: str, given: Callable[[], dict[str, str]], reason: str
) -> None:
    answer = await client.post(url, content=body(), headers=given())
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.json()["reason"] == "not_believed"
    assert reason not in answer.text
    profile = "unknown" if "no-profile" in url else url.split("/")[3]
    assert ear.counted("weir_callbacks_not_believed", channel=profile, reason=reason) == 1
    assert await stored(ear) == []


async def test_a_body_over_the_limit_is_refused_before_it_is_read(ear: Ear, client: httpx.AsyncClient) -> None:
    large = b"{" + b" " * BODY_BYTES_MAX

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 4_096

    for content in (large, chunks()):
        answer = await client.post(URL, content=content, headers=headers(large))
        assert (answer.status_code, answer.json()["reason"]) == (413, "body_too_large")
    assert await stored(ear) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        b"null",
        b"[" * 60_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"\xff\xfe{}",
        body().replace(b"e-1", b"e/1"),
        body().replace(b"e-1", b""),
        body().replace(b'"N1"', b"7"),
        body().replace(b'"N1"', b'"' + b"N" * 65 + b'"'),
        body().replace(b'"N1"', b'"N\\u0000"'),
        body("movement.happened"),
        body()[:-1],
        body() + b"{}",
    ],
)
async def test_hostile_json_is_refused_when_it_is_signed_and_not_even_read_when_not(
    ear: Ear, client: httpx.AsyncClient, content: bytes
) -> None:
    answer = await client.post(URL, content=content, headers=headers(content))
    assert (answer.status_code, answer.json()["reason"]) == (422, "contract")
    answer = await client.post(URL, content=content, headers=headers(content, key="another-key-of-somebody"))
    assert answer.status_code == 401
    assert await stored(ear) == []


async def test_a_type_that_is_not_known_is_kept_and_nothing_is_done(ear: Ear, client: httpx.AsyncClient) -> None:
    content = body("account.renamed", name="x")
    assert (await client.post(URL, content=content, headers=headers(content))).status_code == 204
    (found,) = await stored(ear)
    assert (found["type"], found["due_at"]) == (None, None)


@pytest.mark.parametrize("hangs", [False, True])
async def test_without_a_store_the_institution_is_asked_to_repeat_within_a_second(
    ear: Ear, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, *, hangs: bool
) -> None:
    async def away(*_: object, **__: object) -> None:
        if hangs:
            await asyncio.sleep(30)
        message = "away"
        raise OutageError(message)

    monkeypatch.setattr(ear.edge.commits, "run", away)
    begun = time.monotonic()
    answer = await client.post(URL, content=body(), headers=headers(body()))
    assert time.monotonic() - begun < 1
    assert (answer.status_code, answer.json()["reason"]) == (503, "outage")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_key_is_exchanged_while_callbacks_come(client: httpx.AsyncClient, tmp_path: Path) -> None:
    content = body()
    fresh = "the-key-after-the-first-one"
    given = headers(content, key=fresh)
    assert (await client.post(URL, content=content, headers=given)).status_code == 401
    (tmp_path / PROFILE).write_text(f"{fresh}\n{KEY}\n")

    async def answered() -> int:
        return (await client.post(URL, content=content, headers=given)).status_code

    await until(answered, lambda code: code == 204)
    assert (await client.post(URL, content=content, headers=headers(content))).status_code == 204


def test_the_signature_is_over_the_time_too() -> None:
    assert sign(body(), "1") != sign(body(), "2")
