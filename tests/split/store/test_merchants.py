"""Copies of merchants: read once where that takes little memory."""

from tests.split.examples import agreement, merchant
from tests.split.replica import Replica

from split.store.merchants import COPY_BYTES_MAX, Merchants


async def test_small_copies_are_read_once_and_large_ones_each_time(replica: Replica) -> None:
    """Fails when all are kept: 4,096 merchants with 1,000 agreements each would take more than 3 GB."""
    small, large = merchant("m1", agreement()), merchant("m2", *(agreement(version=it + 1) for it in range(50)))
    await replica.take(small, large)
    merchants = Merchants(replica.database)
    async with await replica.database.client.start_session() as session:
        stored = await merchants.stored([small.key, large.key], session)
        assert len(stored[small.key].body) < COPY_BYTES_MAX < len(stored[large.key].body)
        first, second = [await merchants.copies([small.key, large.key], session) for _ in range(2)]
    assert first == second == {small.key: small, large.key: large}
    assert first[small.key] is second[small.key]
    assert first[large.key] is not second[large.key]
