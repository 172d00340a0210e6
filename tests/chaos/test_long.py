"""`make test-long`: at least 100 kills over at least 200,000 orders, and every fault, the long outages included.

WEIR_CHAOS_SEED, WEIR_CHAOS_ORDERS and WEIR_CHAOS_ROUNDS make it another run, or a shorter one. Its result is left in
the file that WEIR_CHAOS_RESULT names.
"""

import asyncio
import os
import random
from pathlib import Path
from typing import Final

import msgspec
import pytest
from tests.chaos.plan import AWAY, FAULTS, long
from tests.chaos.report import printed, table
from tests.chaos.storm import Storm, run

pytestmark = [pytest.mark.infra, pytest.mark.long, pytest.mark.timeout(3_600)]

ORDERS: Final = 240_000
ROUNDS: Final = 55


async def test_a_hundred_kills_and_every_outage_lose_and_repeat_nothing(tmp_path: Path) -> None:
    seed = int(os.environ.get("WEIR_CHAOS_SEED") or random.randrange(1_000_000))
    orders = int(os.environ.get("WEIR_CHAOS_ORDERS") or ORDERS)
    shape = long(int(os.environ.get("WEIR_CHAOS_ROUNDS") or ROUNDS))
    outcome = await run(Storm(seed, shape, orders), tmp_path, printed)
    printed(table(outcome.result))
    assert outcome.problems == []
    assert set(outcome.result.faults) == {*FAULTS, *AWAY}
    if name := os.environ.get("WEIR_CHAOS_RESULT"):
        await asyncio.to_thread(Path(name).write_bytes, msgspec.json.encode(outcome.result))
