"""What each user of a cluster's MongoDB may do, on a real mongod that asks who comes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from ops import parks, redrives
from ops.runtime import mongod, passwords, ports, process, users
from ops.runtime.fault import ClusterFault
from ops.runtime.state import SERVICES
from ops.stores import opened
from payments.store import INDEXES as PAYMENTS_INDEXES
from shared import leases, mongo, outbox

pytestmark = pytest.mark.infra

UNAUTHORIZED = 13


@dataclass(frozen=True)
class Guarded:
    """A mongod with users."""

    port: int
    passwords: Mapping[str, str]
    log: Path

    def url(self, user: str) -> str:
        """Return how a user connects."""
        return passwords.url_of(mongod.url(self.port), user, self.passwords[user])


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Run a mongod with users as `weir up` does."""
    folder = tmp_path_factory.mktemp("guarded")
    port = ports.choose(("mongo",))["mongo"]
    known = passwords.ensured(folder / "secrets", users.ALL)
    command = mongod.command(mongod.program(), folder / "data", port, folder / "secrets" / passwords.KEYFILE)
    log = folder / "mongo.log"
    started = process.start(command, log=log, cwd=folder, env={}, tied=True)
    try:
        mongod.wait(started, log, port, known)
        mongod.wait(started, log, port, known)  # as after a start that was killed
        yield Guarded(port, known, log)
    finally:
        process.stop([started], mongod.STOP_GRACE_S)


def refused(action: Callable[[], object]) -> bool:
    """Say whether MongoDB refused for want of rights."""
    try:
        action()
    except OperationFailure as failure:
        return failure.code == UNAUTHORIZED
    return False


@pytest.mark.parametrize("service", SERVICES)
def test_the_audit_reads_every_service_and_writes_nothing(guarded: Guarded, service: str) -> None:
    with MongoClient[dict[str, Any]](guarded.url(service)) as client:
        client[service].orders.insert_one({"_id": "audited"})
    with MongoClient[dict[str, Any]](guarded.url(users.AUDIT)) as client:
        orders = client[service].orders
        with client.start_session(snapshot=True) as session:
            assert orders.find_one({"_id": "audited"}, session=session)
        assert refused(lambda: orders.insert_one({}))
        assert refused(lambda: orders.update_one({}, {"$set": {"a": 1}}))
        assert refused(lambda: orders.delete_one({}))
        assert refused(lambda: orders.create_index("a"))
        assert refused(orders.drop)
        assert refused(lambda: orders.aggregate([{"$out": "copy"}]))


def test_the_audit_has_no_rights_but_to_read_the_stores(guarded: Guarded) -> None:
    with MongoClient[dict[str, Any]](guarded.url(users.AUDIT)) as client:
        assert refused(lambda: client.admin.command("dropUser", users.ADMIN))
        assert refused(client.admin["system.users"].find_one)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_its_own_database_and_no_other(guarded: Guarded, service: str) -> None:
    with MongoClient[dict[str, Any]](guarded.url(service)) as client:
        client[service].own.insert_one({})
        assert client[service].own.find_one()
        for other in {*SERVICES, users.OPS} - {service}:
            assert refused(client[other].orders.find_one)
            assert refused(lambda other=other: client[other].orders.insert_one({}))  # type: ignore[misc]


def test_nobody_comes_in_without_a_password(guarded: Guarded) -> None:
    with MongoClient[dict[str, Any]](mongod.url(guarded.port)) as client:
        assert refused(client["split"].orders.find_one)
        assert refused(lambda: client["split"].orders.insert_one({}))


async def test_a_service_can_do_all_that_the_kit_does(guarded: Guarded) -> None:
    client = mongo.connect(guarded.url("payments"))
    database = client["payments"]
    await mongo.prepare(database, {**PAYMENTS_INDEXES, **outbox.INDEXES})
    assert await leases.take(database, "sweep", "me", 5.0)
    assert await leases.now(database)
    assert await outbox.left_behind(database) == []
    assert await mongo.is_primary(client)
    async with await client.start_session() as session, mongo.start_transaction(session):
        await database.orders.insert_one({"_id": "kit"}, session=session)
    cut_off = await client.start_session()
    cut_off.start_transaction()
    await database.orders.update_one({"_id": "kit"}, {"$set": {"by": "cut off"}}, session=cut_off)
    await mongo.end_sessions(client, [mongo.identity_of(cut_off)])  # else its lock stands for as long as it may live
    await database.orders.update_one({"_id": "kit"}, {"$set": {"by": "next"}}, session=None)
    assert (await database.orders.find_one({"_id": "kit"}) or {})["by"] == "next"
    await cut_off.end_session()
    await mongo.close(client)


async def test_an_operator_asks_for_a_release_and_notes_a_redrive_and_writes_nothing_else(guarded: Guarded) -> None:
    with MongoClient[dict[str, Any]](guarded.url("split")) as client:
        client["split"].parks.insert_one({"_id": "demo/1", "count": 1})
    now = datetime.now(UTC)
    async with opened(guarded.url(users.OPERATOR)) as stores:
        asked = await parks.ask_release(stores, SERVICES, "demo/1", actor="ann", reason="mended", now=now)
        assert asked == ["split"]
        await stores.ops[redrives.REDRIVES].update_one({"_id": "x.dlq/0/3"}, {"$set": {"key": "demo/1"}}, upsert=True)
        assert await redrives.done(stores) == {"x.dlq/0/3"}
    async with opened(guarded.url(users.AUDIT)) as stores:
        assert await redrives.done(stores) == {"x.dlq/0/3"}
    with MongoClient[dict[str, Any]](guarded.url(users.OPERATOR)) as client:
        assert refused(lambda: client["split"].orders.insert_one({}))
        assert refused(lambda: client["split"].parks.delete_one({}))


def test_data_whose_passwords_are_gone_is_said_to_be_so(guarded: Guarded) -> None:
    with pytest.raises(ClusterFault, match="weir reset"):
        users.make(f"mongodb://127.0.0.1:{guarded.port}/?directConnection=true", dict.fromkeys(users.ALL, "another"))


def test_the_log_of_mongod_shows_no_password(guarded: Guarded) -> None:
    log = guarded.log.read_text()
    assert "Waiting for connections" in log
    assert [user for user, password in guarded.passwords.items() if password in log] == []
