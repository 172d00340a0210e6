"""`make test-long`: 100,000 mixed orders of two marketplaces, and an audit of all of them afterwards.

WEIR_MIXED_ORDERS and WEIR_MIXED_RATE make it another run; WEIR_MIXED_SEED draws other troubles.
"""

import os
from pathlib import Path
from typing import Final

import pytest
from tests.chaos.parts import Parts
from tests.chaos.report import printed
from tests.chaos.verdict import audited
from tests.infra.local import ROOT
from tests.mixed.run import Mix, Where, run

from ops.stores import opened

pytestmark = [pytest.mark.infra, pytest.mark.long, pytest.mark.timeout(3_600)]

ORDERS: Final = 100_000
RATE: Final = 250.0
MARKETPLACES: Final = ("test-north", "test-south")


async def test_a_hundred_thousand_mixed_orders_end_right_and_the_audit_balances(tmp_path: Path) -> None:
    # The audit is run here as in a clone: it wants the topics, and the manifest of what was sent.
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    orders = int(os.environ.get("WEIR_MIXED_ORDERS") or ORDERS)
    rate = float(os.environ.get("WEIR_MIXED_RATE") or RATE)
    mix = Mix(MARKETPLACES, orders // len(MARKETPLACES), rate, int(os.environ.get("WEIR_MIXED_SEED") or 1))
    parts = Parts(tmp_path, {"ENVIRONMENT": "test"})
    try:
        await parts.up()
        async with opened(parts.urls["mongo"]) as stores:
            ended = await run(Where(parts.urls, stores, tmp_path), mix, printed)
        answer = await audited(parts.urls | {"mongo": parts.audit_url()}, tmp_path)
    finally:
        parts.down()
    printed(f"{ended.orders:,} orders sent in {ended.sent_s:.0f} s, at rest {ended.rested_s:.0f} s later: {ended.told}")
    printed(f"audit: { {name: it for name, it in answer.items() if name not in ('breaches', 'waits')} }")
    assert ended.problems == []
    assert answer["breaches"] == []
    assert [answer[it] for it in ("lost", "duplicated", "imbalance_minor", "waiting", "parked", "dlq")] == [0] * 6
    assert answer["orders"] == ended.orders
