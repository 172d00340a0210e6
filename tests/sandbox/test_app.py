"""The institution as a process of its own: real connections that close without an answer, and every way to end."""

import asyncio
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.settings import Settings

START_S_MAX = 30
PAYMENTS = {"payments": [{"payment_id": "p1", "amount_minor": 100, "currency": "CNY"}]}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


async def started(settings: Settings, port: int) -> asyncio.subprocess.Process:
    arguments = ["-m", "uvicorn", "--factory", "sandbox.app:create_app", "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | {"SANDBOX_DATABASE": str(settings.database)}
    return await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environment, stderr=asyncio.subprocess.PIPE
    )


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


KILLS = 4
REQUESTS = 8
ITEMS = 500


def transfers(request: int) -> dict[str, Any]:
    numbers = [f"n{request}-{n}" for n in range(ITEMS)]
    return {
        "transfers": [
            {"number": it, "kind": "payout", "receiver": "merchant:a", "currency": "CNY", "amount_minor": 1}
            for it in numbers
        ]
    }


async def answered(client: httpx.AsyncClient, request: int) -> list[dict[str, Any]] | None:
    try:
        answer = await client.post("transfers", json=transfers(request))
    except httpx.TransportError:
        return None
    states: list[dict[str, Any]] = answer.json()["transfers"]
    return states


async def killed_in_mid_request(settings: Settings, port: int, requests: range) -> list[list[dict[str, Any]] | None]:
    """Send requests at once, kill the process soon after the first answer; return the answers that came."""
    running = await started(settings, port)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1/accounts/acc/") as client:
        await until_ready(client)
        payment = {"payment_id": f"p{requests[0]}", "amount_minor": len(requests) * ITEMS, "currency": "CNY"}
        (await client.post("payments", json={"payments": [payment]})).raise_for_status()
        asking = [asyncio.create_task(answered(client, request)) for request in requests]
        await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(random.uniform(0, 0.02))
        running.kill()
        await running.communicate()
        return await asyncio.gather(*asking)


async def test_a_killed_process_has_done_a_request_as_a_whole_or_not_at_all(settings: Settings) -> None:
    port = free_port()
    told: list[list[dict[str, Any]] | None] = []
    for kill in range(KILLS):
        told += await killed_in_mid_request(settings, port, range(kill * REQUESTS, (kill + 1) * REQUESTS))
    running = await started(settings, port)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1/accounts/acc/") as client:
            await until_ready(client)
            for request, before in enumerate(told):
                numbers = [it["number"] for it in transfers(request)["transfers"]]
                known = (await client.post("transfers/query", json={"numbers": numbers})).json()["transfers"]
                again = await answered(client, request)
                assert again is not None
                if {it["state"] for it in known} == {"succeeded"}:
                    assert [it["executed_at"] for it in again] == [it["executed_at"] for it in known]
                    assert before in (None, again)
                else:
                    assert ({it["state"] for it in known}, before) == ({"not_found"}, None)
            assert await balances(client) == [{"pocket": "pool", "currency": "CNY", "balance_minor": 0}]
    finally:
        running.kill()
        await running.communicate()


async def test_two_processes_on_one_file_never_take_the_same_money(settings: Settings) -> None:
    ports = free_port(), free_port()
    processes = [await started(settings, port) for port in ports]
    clients = [httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1/accounts/acc/") for port in ports]
    try:
        for client in clients:
            await until_ready(client)
        await clients[0].post("payments", json={"payments": [{**PAYMENTS["payments"][0], "amount_minor": 3000}]})
        answers = await asyncio.gather(*(answered(clients[n % 2], n) for n in range(10)))
        states = [it["state"] for answer in answers for it in answer or ()]
        assert (states.count("succeeded"), states.count("failed")) == (3000, 2000)
    finally:
        for process, client in zip(processes, clients, strict=True):
            await client.aclose()
            process.kill()
            await process.communicate()


async def test_a_start_that_cannot_be_says_what_to_set(tmp_path: Path) -> None:
    refused = await started(Settings(database=tmp_path / "nowhere" / "sandbox.db"), free_port())
    _, said = await refused.communicate()
    assert refused.returncode == 2
    assert said.decode().splitlines()[0] == "Cannot start. Set these environment variables:"
    assert "SANDBOX_DATABASE" in said.decode()
    assert "Traceback" not in said.decode()
