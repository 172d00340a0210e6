"""A connection that was opened at a bad moment is as good as any other afterwards."""

from pathlib import Path

import pytest
from tests.infra.local import unelected_mongo

from ops.runtime import mongod
from shared import mongo

pytestmark = pytest.mark.infra


async def test_a_connection_opened_before_an_election_serves_transactions_after_it(tmp_path: Path) -> None:
    """Fails without the cure: a restarted MongoDB is lost to whoever was quick to come back, and orders are parked."""
    with unelected_mongo(tmp_path) as port:
        url = f"mongodb://127.0.0.1:{port}/?directConnection=true&maxPoolSize=1"
        client = mongo.connect(url)
        try:
            assert not (await client.admin.command("hello"))["isWritablePrimary"]
            mongod.initiate(url, f"127.0.0.1:{port}")
            orders = client["probe"]["orders"]
            async with await client.start_session() as session, mongo.start_transaction(session):
                await orders.insert_one({"_id": 1}, session=session)
            assert await orders.count_documents({}) == 1
        finally:
            await mongo.close(client)
