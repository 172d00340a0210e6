"""Merchant-changed: the copy is the newest version, in whatever order versions come."""

import pytest
from tests.payments.edge import Edge

from shared.messages import MerchantChanged


def changed(version: int) -> MerchantChanged:
    return MerchantChanged(marketplace="test-shop", merchant="alice", version=version, name=f"v{version}", kind="pop")


@pytest.mark.parametrize("batches", [[[1, 2, 3]], [[3], [1, 2]], [[1], [3, 2]], [[2, 3, 1]], [[3], [3]]])
async def test_the_greatest_version_stays(still_edge: Edge, batches: list[list[int]]) -> None:
    for versions in batches:
        await still_edge.take(*map(changed, versions))
    stored = await still_edge.database.merchants.find({}).to_list(None)
    assert [(it["_id"], it["version"]) for it in stored] == [("test-shop/alice", 3)]
    assert b'"v3"' in stored[0]["body"]
