"""What a chaos run has come to: the audit's answer, and a check of the institution's record that asks Weir nothing."""

import asyncio
import json
import math
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.chaos import orders
from tests.chaos.load import Load
from tests.chaos.orders import MARKETS, Move
from tests.infra.local import ROOT

from ops import lag, settled
from ops.institution import Institution
from ops.letters import topics_of
from ops.places import Tally
from ops.stores import SERVICES, Stores
from shared.outbox import COLLECTION
from shared.topics import Topics

QUIET_S_MAX: Final = 60.0
POLL_S: Final = 0.5
AUDIT_S_MAX: Final = 600.0
SHOWN: Final = 10


async def drained(stores: Stores, bootstrap: str, count: int, timeout_s: float) -> Tally:
    """Wait until every order is settled, every event read and every outbox empty; return where the orders are."""
    topics = Topics.load(ROOT / "deploy" / "topics.yaml")
    look = settled.Look(stores, bootstrap, tuple(topics_of(list(topics))))
    keys = sorted(orders.order(number).key for number in range(count))
    tally = await settled.wait(look, keys, timeout_s=timeout_s, allow_held=False, tell=lambda _: None)
    deadline = time.monotonic() + QUIET_S_MAX
    while time.monotonic() < deadline:
        waiting = [await stores.of(service)[COLLECTION].find_one({}, {"_id": 1}) for service in SERVICES]
        if not any(waiting) and lag.drained(await lag.measure(bootstrap, lag.groups(topics))):
            break
        await asyncio.sleep(POLL_S)
    return tally


async def audited(urls: dict[str, str], scratch: Path) -> dict[str, Any]:
    """Run `weir audit --json` as an operator would, against the manifest of what was sent, and return its answer."""
    weir = Path(sys.executable).with_name("weir")
    where = {
        "WEIR_KAFKA_BOOTSTRAP": urls["kafka"],
        "WEIR_MONGO_URL": urls["mongo"],
        **{f"WEIR_{part.upper()}_URL": urls[part] for part in ("institution", *SERVICES)},
    }
    done = await asyncio.to_thread(
        subprocess.run,
        [str(weir), "audit", "--json"],
        cwd=scratch,
        env=os.environ | where,
        capture_output=True,
        check=False,
        timeout=AUDIT_S_MAX,
    )
    if done.returncode not in (0, 1) or not done.stdout:
        message = f"the audit could not be made ({done.returncode}): {done.stderr.decode()[-4_000:]}"
        raise RuntimeError(message)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


async def moved(institution_url: str) -> tuple[Counter[Move], list[str]]:
    """Return every movement in the institution's record, and what of it, or of its balances, is not as it must be."""
    found: Counter[Move] = Counter()
    wrong: list[str] = []
    async with Institution(institution_url) as institution:
        for account in MARKETS:
            async for it in institution.transfers(account):
                move = Move(account, it["kind"], it["receiver"], it["currency"], it["amount_minor"])
                if it["state"] == "succeeded":
                    found[move] += 1
                else:
                    wrong.append(f"{it['state']} ({it['reason']}): {move}")
            wrong.extend(f"{account} is left with {it}" for it in await _left(institution, account))
    return found, wrong


async def _left(institution: Institution, account: str) -> list[dict[str, Any]]:
    """Return the pockets that still hold money: what was paid in must have gone out, to the last unit."""
    return [it for it in await institution.balances(account) if it["balance_minor"]]


async def settled_so_far(stores: Stores) -> int:
    """Return how many payouts are final: of each order here there is one."""
    return int(await stores.payments.payouts.count_documents({"state": "final"}))


async def waits(stores: Stores, load: Load) -> list[float]:
    """Return how long each order took from when it was due until its payout was final, in seconds, by its number."""
    settled_at = {}
    async for it in stores.payments.payouts.find({"settled_at": {"$ne": None}}, {"order": 1, "settled_at": 1}):
        settled_at[it["order"].partition("/")[2]] = it["settled_at"]
    return [
        (settled_at[orders.order_id_of(number)] - load.due(number)).total_seconds()
        if orders.order_id_of(number) in settled_at
        else math.inf
        for number in range(load.count)
    ]


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of them do not exceed; 0 of none."""
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)] if values else 0.0
