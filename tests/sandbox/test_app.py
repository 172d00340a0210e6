"""The institution as a process of its own: real connections that close without an answer, and a graceful end."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.settings import Settings

pytestmark = pytest.mark.infra

START_S_MAX = 30
PAYMENTS = {"payments": [{"payment_id": "p1", "amount_minor": 100, "currency": "CNY"}]}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


async def started(settings: Settings, port: int) -> asyncio.subprocess.Process:
    arguments = ["-m", "uvicorn", "--factory", "sandbox.app:create_app", "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | {
        "SANDBOX_MONGO_URL": settings.mongo_url,
        "SANDBOX_MONGO_DATABASE": settings.mongo_database,
    }
    return await asyncio.create_subprocess_exec(sys.executable, *arguments, env=environment)


async def until_ready(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(START_S_MAX):
        while True:
            try:
                (await client.get(client.base_url.join("/readyz"))).raise_for_status()
            except httpx.HTTPError:
                await asyncio.sleep(0.05)
            else:
                return


@pytest.fixture
async def process(settings: Settings) -> AsyncIterator[tuple[asyncio.subprocess.Process, httpx.AsyncClient]]:
    port = free_port()
    running = await started(settings, port)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1/accounts/acc/") as client:
            await until_ready(client)
            yield running, client
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def balances(client: httpx.AsyncClient) -> list[dict[str, object]]:
    pockets: list[dict[str, object]] = (await client.get("balances")).json()["pockets"]
    return pockets


async def test_a_dropped_answer_leaves_the_money_moved(
    process: tuple[asyncio.subprocess.Process, httpx.AsyncClient],
) -> None:
    _, client = process
    await client.put("faults", json={"operations": ["payments"], "answer": "drop_after", "remaining": 1})
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await client.post("payments", json=PAYMENTS)
    assert await balances(client) == [{"pocket": "pool", "currency": "CNY", "balance_minor": 100}]
    repeated = await client.post("payments", json=PAYMENTS)
    assert repeated.json()["payments"][0]["state"] == "succeeded"
    assert await balances(client) == [{"pocket": "pool", "currency": "CNY", "balance_minor": 100}]


async def test_a_dropped_request_leaves_nothing_behind(
    process: tuple[asyncio.subprocess.Process, httpx.AsyncClient],
) -> None:
    _, client = process
    await client.put("faults", json={"operations": ["payments"], "answer": "drop_before", "remaining": 1})
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await client.post("payments", json=PAYMENTS)
    assert await balances(client) == []


async def test_a_request_in_hand_is_finished_before_the_end(
    process: tuple[asyncio.subprocess.Process, httpx.AsyncClient],
) -> None:
    running, client = process
    await client.put("faults", json={"operations": ["payments"], "latency_s": 0.5, "remaining": 1})
    paying = asyncio.create_task(client.post("payments", json=PAYMENTS))
    while (await client.get("faults")).json()["remaining"]:  # noqa: ASYNC110 - the other process has no event to wait for
        await asyncio.sleep(0.01)
    running.send_signal(signal.SIGTERM)
    assert (await paying).json()["payments"][0]["state"] == "succeeded"
    assert await running.wait() in (0, -signal.SIGTERM)
