"""Two writers on one account: the in-process lock does not help there, the transactions must."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import AutoReconnect
from tests.infra.local import unelected_mongo

from ops.runtime import mongod
from sandbox.domain.faults import NORMAL
from sandbox.domain.payments import Payment
from sandbox.domain.transfers import Transfer
from sandbox.handlers import Handlers
from sandbox.settings import Settings
from sandbox.store import connection
from sandbox.store.books import Books
from sandbox.store.connection import AccountBusyError, Connection, OutcomeUnknownError, Session

pytestmark = pytest.mark.infra

type Writer = tuple[Connection, Handlers]


@pytest.fixture
async def writers(settings: Settings) -> AsyncIterator[tuple[Writer, Writer]]:
    async with AsyncExitStack() as stack:

        async def writer() -> Writer:
            joined = Connection(settings.mongo_url, settings.mongo_database)
            stack.callback(joined.close)
            await joined.prepare()
            return joined, Handlers(joined, Books(joined.database))

        yield await writer(), await writer()


def payout(number: str) -> Transfer:
    return Transfer(number=number, kind="payout", receiver="merchant:a", currency="CNY", amount_minor=1)


async def test_two_writers_never_take_the_same_money(writers: tuple[Writer, Writer]) -> None:
    (_, one), (_, two) = writers
    await one.take_payments("acc", [Payment(payment_id="p1", amount_minor=15, currency="CNY")])
    answers = await asyncio.gather(
        *(
            use.execute("acc", [payout(f"{name}{n}")], NORMAL)
            for n in range(10)
            for name, use in (("a", one), ("b", two))
        )
    )
    states = [answer.state for batch in answers for answer in batch]
    assert (states.count("succeeded"), states.count("failed")) == (15, 5)


async def test_two_writers_give_one_number_one_meaning(writers: tuple[Writer, Writer]) -> None:
    (joined, one), (_, two) = writers
    paid = [Payment(payment_id=f"p{n}", amount_minor=1, currency="CNY") for n in range(50)]
    answers = await asyncio.gather(*(use.take_payments("acc", paid) for use in (one, two) * 3))
    assert all(answer.state == "succeeded" for batch in answers for answer in batch)
    pool = await joined.database.pockets.find_one({"_id": "acc/pool/CNY"})
    assert pool is not None
    assert pool["balance_minor"] == 50


async def test_a_connection_opened_before_an_election_serves_transactions_after_it(tmp_path: Path) -> None:
    with unelected_mongo(tmp_path) as port:
        url = f"mongodb://127.0.0.1:{port}/?directConnection=true&maxPoolSize=1"
        joined = Connection(url, "sandbox")
        try:
            assert not await joined.is_ready()
            mongod.initiate(url, f"127.0.0.1:{port}")
            paid = [Payment(payment_id="p1", amount_minor=5, currency="CNY")]
            [answer] = await Handlers(joined, Books(joined.database)).take_payments("acc", paid)
            assert answer.state == "succeeded"
        finally:
            joined.close()


async def test_the_database_itself_refuses_a_pocket_below_zero(writers: tuple[Writer, Writer]) -> None:
    (joined, _), _ = writers

    async def overdraw(session: Session) -> None:
        change = {"$inc": {"balance_minor": -1}}
        await joined.database.pockets.update_one({"_id": "acc/pool/CNY"}, change, upsert=True, session=session)

    with pytest.raises(connection.BalanceOutOfRangeError):
        await joined.transact("acc", overdraw)


async def test_a_connection_lost_while_committing_is_told_as_unknown(
    writers: tuple[Writer, Writer], monkeypatch: pytest.MonkeyPatch
) -> None:
    (joined, one), (_, two) = writers
    paid = [Payment(payment_id="p1", amount_minor=5, currency="CNY")]
    commit = AsyncIOMotorClientSession.commit_transaction

    async def lost(session: Session) -> None:
        await commit(session)
        error = AutoReconnect("the connection broke")
        error._add_error_label("UnknownTransactionCommitResult")  # noqa: SLF001 - as the driver does
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(AsyncIOMotorClientSession, "commit_transaction", lost)
        with pytest.raises(OutcomeUnknownError):
            await one.take_payments("acc", paid)
    assert [answer.state for answer in await two.take_payments("acc", paid)] == ["succeeded"]
    pool = await joined.database.pockets.find_one({"_id": "acc/pool/CNY"})
    assert pool is not None
    assert pool["balance_minor"] == 5


async def test_conflicts_without_end_are_given_up(
    writers: tuple[Writer, Writer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BACKOFF_S_MAX", 0)
    (joined, _), (other, _) = writers
    attempts = 0

    async def always_late(session: Session) -> None:
        nonlocal attempts
        attempts += 1
        await joined.database.pockets.find_one({"_id": "acc/pool/CNY"}, session=session)
        change = {"$inc": {"balance_minor": 1}}
        await other.database.pockets.update_one({"_id": "acc/pool/CNY"}, change, upsert=True)
        await joined.database.pockets.update_one({"_id": "acc/pool/CNY"}, change, upsert=True, session=session)

    with pytest.raises(AccountBusyError):
        await joined.transact("acc", always_late)
    assert attempts == connection.ATTEMPTS_MAX
