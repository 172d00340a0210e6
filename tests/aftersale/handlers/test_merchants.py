"""Copies of merchants on a real MongoDB: the greatest version stays."""

import asyncio
from collections.abc import Iterable

import pytest
from tests.aftersale.examples import batch, merchant, received

from aftersale.handlers import MerchantHandlers
from aftersale.store.merchants import Merchants
from shared.commits import Commits
from shared.messages import MerchantChanged, decode
from shared.mongo import Database, Session

pytestmark = pytest.mark.infra


async def take(commits: Commits, merchants: Merchants, *events: MerchantChanged) -> None:
    found = batch(*(received(event) for event in events))
    await commits.run(lambda work: MerchantHandlers(merchants).copy_merchants(found, work))


async def version(database: Database) -> int:
    found = await database.merchants.find_one({"_id": "test-shop/alice"})
    assert found is not None
    assert decode(MerchantChanged, found["body"]).version == found["version"]
    return int(found["version"])


async def test_the_newest_version_of_a_merchant_is_kept(commits: Commits, database: Database) -> None:
    merchants = Merchants(database)
    await take(commits, merchants, merchant(version=1), merchant(version=3), merchant(version=2), merchant("bob"))
    assert await version(database) == 3
    await take(commits, merchants, merchant(version=2), merchant(version=3))
    assert await version(database) == 3
    await take(commits, merchants, merchant(version=4))
    assert await version(database) == 4


@pytest.mark.parametrize("known", [False, True])
async def test_of_two_open_transactions_on_one_merchant_the_newer_version_stays(
    known: bool,  # noqa: FBT001 - the case
    commits: Commits,
    database: Database,
) -> None:
    both_have_read = asyncio.Barrier(2)

    class Meeting(Merchants):
        reads = 0

        async def versions(self, keys: Iterable[str], session: Session) -> dict[str, int]:
            Meeting.reads += 1
            first = Meeting.reads <= 2
            found = await super().versions(keys, session)
            if first:
                await both_have_read.wait()
            return found

    if known:
        await take(commits, Merchants(database), merchant(version=1))
    meeting = Meeting(database)
    await asyncio.gather(take(commits, meeting, merchant(version=2)), take(commits, meeting, merchant(version=3)))
    assert await version(database) == 3
    assert Meeting.reads == 3
