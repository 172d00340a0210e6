"""Orders with all that happens to orders, on the running cluster: everybody ends with what is theirs."""

from pathlib import Path

import pytest
from tests.flows.conftest import Cluster
from tests.flows.market import opened
from tests.flows.test_audit import audited
from tests.mixed.orders import SELLERS
from tests.mixed.run import Mix, Where, run
from tests.mixed.stories import KINDS

from ops.stores import opened as stores_of

pytestmark = [pytest.mark.infra, pytest.mark.timeout(600)]

ORDERS = 2 * len(KINDS) * len(SELLERS)
"""Every kind of every seller, twice."""
RATE = 40.0


async def test_whatever_happens_to_orders_everybody_ends_with_what_is_theirs(cluster: Cluster, tmp_path: Path) -> None:
    async with opened(cluster) as market, stores_of(cluster.urls["mongo"], cluster.prefix) as stores:
        where = Where(cluster.urls, stores, tmp_path)
        ended = await run(where, Mix((market.id,), ORDERS, RATE), print)
        assert ended.problems == []
        report = await audited(market, tmp_path)
        assert report.findings.shown == []
