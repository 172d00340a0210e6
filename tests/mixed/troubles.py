"""What goes wrong at the institution while a mixed run lasts: another thing every few seconds, drawn from a seed."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any, Final

import httpx
from tests.mixed.orders import SHAKY, TERMS

BUSY: Final = "CHANNEL_BUSY"
LASTS_S: Final = (1.0, 4.0)
SMOOTH: Final[dict[str, Any]] = {"kinds": ["payout"], "fail_receivers": {f"merchant:{SHAKY}": BUSY}}
"""As long as the run lasts nobody can pay one of the sellers."""

ASKED: Final[dict[str, Any]] = {"operations": ["payments/query", "transfers", "transfers/query"]}
"""What payments asks for; buyers pay without trouble."""

TROUBLES: Final[Sequence[dict[str, Any]]] = (
    SMOOTH,
    SMOOTH | {"kinds": ["payout", "return"]},
    {"kinds": ["return"], "fail_receivers": {f"merchant:{it}": "NOT_ENOUGH" for it in TERMS}},
    {"kinds": ["refund"], "fail_refunds": {"*": "ACCOUNT_ABNORMAL"}},
    {"kinds": ["advance", "subsidy", "return", "refund"], "answer": "drop_after"},
    ASKED | {"answer": "drop_after"},
    ASKED | {"answer": "drop_before"},
    ASKED | {"answer": "unavailable"},
    ASKED | {"latency_s": 0.3},
    {"accept_only": True},
    {"kinds": ["payout", "return", "refund"], "partial_success": True},
)


async def trouble(url: str, accounts: Sequence[str], seed: int) -> None:
    """Switch from one trouble to another, each account's by itself, until cancelled."""
    async with httpx.AsyncClient(timeout=60) as client, asyncio.TaskGroup() as group:
        for account in accounts:
            group.create_task(_trouble(client, url, account, random.Random(f"{seed}/{account}")))


async def _trouble(client: httpx.AsyncClient, url: str, account: str, draw: random.Random) -> None:
    while True:
        for faults in (SMOOTH, draw.choice(TROUBLES)):
            answer = await client.put(f"{url}/v1/accounts/{account}/faults", json=faults)
            answer.raise_for_status()
            await asyncio.sleep(draw.uniform(*LASTS_S))


async def over(url: str, accounts: Sequence[str]) -> None:
    """End all trouble."""
    async with httpx.AsyncClient(timeout=60) as client:
        for account in accounts:
            (await client.delete(f"{url}/v1/accounts/{account}/faults")).raise_for_status()
