"""A request is done as a whole or not at all, whoever else writes and however it ends."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.sandbox.disk import log_of, no_file_grows_beyond, no_space_for

from sandbox.domain.books import POOL, Change
from sandbox.domain.faults import NORMAL
from sandbox.domain.payments import Payment
from sandbox.domain.transfers import Transfer
from sandbox.handlers import Handlers
from sandbox.settings import Settings
from sandbox.store import books
from sandbox.store.connection import BalanceOutOfRangeError, Connection, OutcomeUnknownError, Session, StoreError

NOW = datetime(2026, 1, 5, tzinfo=UTC)

type Open = Callable[[], Connection]


@pytest.fixture
async def opened(settings: Settings) -> AsyncIterator[Open]:
    """Return what opens the file once more."""
    with ExitStack() as stack:

        def again() -> Connection:
            joined = Connection(settings.database)
            joined.prepare()
            joined.open()
            stack.callback(joined.close)
            return joined

        yield again


def payout(number: str) -> Transfer:
    return Transfer(number=number, kind="payout", receiver="merchant:a", currency="CNY", amount_minor=1)


def payments(*numbers: str, amount_minor: int = 1) -> list[Payment]:
    return [Payment(payment_id=number, amount_minor=amount_minor, currency="CNY") for number in numbers]


def add(session: Session, *numbers: str) -> None:
    change: Change[Payment] = Change(records=payments(*numbers))
    change.pockets[POOL, "CNY"] = len(numbers)
    books.add_payments(session, "acc", change, NOW)


async def held(joined: Connection, account: str = "acc") -> tuple[set[str], int]:
    """Return the numbers of an account's payments and what is in its pool."""
    paid = await joined.read(books.payments_after, account, "", 1000)
    pockets = dict(await joined.read(books.pockets, account, 10))
    return {it.payment_id for it in paid}, pockets.get((POOL, "CNY"), 0)


@pytest.mark.parametrize("processes", [1, 2])
async def test_the_same_money_is_never_taken_twice(opened: Open, processes: int) -> None:
    uses = [Handlers(opened()) for _ in range(processes)]
    await uses[0].take_payments("acc", payments("p1", amount_minor=15))
    answers = await asyncio.gather(*(uses[n % processes].execute("acc", [payout(f"n{n}")], NORMAL) for n in range(20)))
    states = [answer.state for batch in answers for answer in batch]
    assert (states.count("succeeded"), states.count("failed")) == (15, 5)


@pytest.mark.parametrize("processes", [1, 2])
async def test_one_number_has_one_meaning(opened: Open, processes: int) -> None:
    joined = [opened() for _ in range(processes)]
    numbers = [f"p{n}" for n in range(50)]
    sent = (Handlers(joined[n % processes]).take_payments("acc", payments(*numbers)) for n in range(6))
    assert {answer.state for batch in await asyncio.gather(*sent) for answer in batch} == {"succeeded"}
    assert await held(joined[0]) == (set(numbers), 50)


async def test_accounts_that_pay_at_once_have_their_own_money_each(opened: Open) -> None:
    joined = opened()
    use = Handlers(joined)
    await asyncio.gather(*(use.take_payments(f"acc{n % 2}", payments(f"p{n}", amount_minor=n)) for n in range(20)))
    assert await held(joined, "acc0") == ({f"p{n}" for n in range(0, 20, 2)}, 90)
    assert await held(joined, "acc1") == ({f"p{n}" for n in range(1, 20, 2)}, 100)


async def test_what_was_answered_is_there_when_the_file_is_opened_again(opened: Open, settings: Settings) -> None:
    joined = opened()
    answers = await Handlers(joined).take_payments("acc", payments("p1", "p2"))
    joined.close()
    assert sorted(it.name for it in settings.database.parent.iterdir()) == ["sandbox.db"]  # the log is worked in
    again = opened()
    assert await held(again) == ({"p1", "p2"}, 2)
    assert await Handlers(again).take_payments("acc", payments("p1", "p2")) == answers


async def test_a_commit_waits_for_the_disk(opened: Open) -> None:
    # What a crash of the machine leaves cannot be tried here; this is what SQLite promises it for.
    modes = await opened().transact(
        lambda session: [session.execute(f"PRAGMA {it}").fetchone()[0] for it in ("journal_mode", "synchronous")]
    )
    assert modes == ["wal", 2]


async def test_the_file_itself_refuses_a_pocket_below_zero(opened: Open) -> None:
    joined = opened()

    def overdraw(session: Session) -> None:
        change: Change[Payment] = Change(records=payments("p1"))
        change.pockets[POOL, "CNY"] = -1
        books.add_payments(session, "acc", change, NOW)

    with pytest.raises(BalanceOutOfRangeError):
        await joined.transact(overdraw)
    assert await held(joined) == (set(), 0)


async def test_a_request_that_fails_half_way_leaves_nothing_and_stops_nobody(opened: Open) -> None:
    joined = opened()

    def half(session: Session) -> None:
        add(session, "p1")
        raise LookupError

    with pytest.raises(LookupError):
        await joined.transact(half)
    assert await held(joined) == (set(), 0)
    await joined.transact(add, "p2")
    assert await held(joined) == ({"p2"}, 1)


async def test_readers_see_only_what_is_committed(opened: Open) -> None:
    joined = opened()
    added, seen = threading.Event(), threading.Event()

    def slow(session: Session) -> None:
        add(session, "p1")
        added.set()
        assert seen.wait(10)

    writing = asyncio.create_task(joined.transact(slow))
    await asyncio.to_thread(added.wait, 10)
    assert await held(joined) == (set(), 0)
    seen.set()
    await writing
    assert await held(joined) == ({"p1"}, 1)


async def test_a_cancelled_request_is_done_as_a_whole_or_was_not_begun(opened: Open) -> None:
    joined = opened()
    begun, go_on = threading.Event(), threading.Event()

    def slow(session: Session) -> None:
        add(session, "p1")
        begun.set()
        assert go_on.wait(10)
        add(session, "p2")

    first = asyncio.create_task(joined.transact(slow))
    await asyncio.to_thread(begun.wait, 10)
    second = asyncio.create_task(joined.transact(add, "p3"))
    await asyncio.sleep(0)  # it waits for the thread
    first.cancel()
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    go_on.set()
    await joined.transact(add, "p4")
    assert await held(joined) == ({"p1", "p2", "p4"}, 3)


KILLED = """
import asyncio, os, pathlib, signal, sys
from tests.sandbox.store.test_connection import add, Connection
joined = Connection(pathlib.Path(sys.argv[1]))
joined.prepare()
joined.open()
def cut_off(session):
    add(session, *(f"q{n}" for n in range(1000)))
    os.kill(os.getpid(), signal.SIGKILL)
async def main():
    await joined.transact(add, "p1", "p2")
    await joined.transact(cut_off)
asyncio.run(main())
"""


async def test_a_process_killed_in_mid_request_leaves_nothing_of_it_and_all_before(
    opened: Open, settings: Settings
) -> None:
    killed = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", KILLED, str(settings.database)], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert await held(opened()) == ({"p1", "p2"}, 2)


async def test_a_full_disk_is_said_and_nothing_was_done(opened: Open) -> None:
    joined = opened()

    def crowded(session: Session) -> None:
        session.execute("PRAGMA max_page_count = 1")
        add(session, *(f"p{n}" for n in range(1000)))

    with pytest.raises(StoreError, match="database or disk is full"):
        await joined.transact(crowded)
    assert await held(joined) == (set(), 0)


async def test_a_disk_that_is_full_at_the_commit_is_said_and_nothing_was_done(opened: Open, settings: Settings) -> None:
    """Fails when the outcome is called unknown: whoever is told so has to ask first, and later and later."""
    joined = opened()
    await joined.transact(add, "p1")
    with no_space_for(log_of(settings.database)), pytest.raises(StoreError, match="database or disk is full"):
        await joined.transact(add, "p2")
    assert await held(joined) == ({"p1"}, 1)
    await joined.transact(add, "p3")
    assert await held(opened()) == ({"p1", "p3"}, 2)


async def test_a_disk_that_fails_in_a_commit_leaves_the_outcome_unknown_until_asked_again(
    opened: Open, settings: Settings
) -> None:
    joined = opened()
    use = Handlers(joined)
    await use.take_payments("acc", payments("p1"))
    with no_file_grows_beyond(log_of(settings.database)), pytest.raises(OutcomeUnknownError):
        await use.take_payments("acc", payments("p2"))
    assert [answer.state for answer in await use.take_payments("acc", payments("p2"))] == ["succeeded"]
    assert await held(joined) == ({"p1", "p2"}, 2)


async def test_a_mistake_of_the_program_is_not_taken_for_an_outage(opened: Open) -> None:
    joined = opened()
    await joined.transact(add, "p1")
    with pytest.raises(sqlite3.IntegrityError):
        await joined.transact(add, "p1")
    with pytest.raises(sqlite3.ProgrammingError):
        await joined.read(lambda session: session.execute("SELECT ?").fetchall())


def test_where_no_write_ahead_log_can_be_kept_nothing_begins() -> None:
    in_memory = Connection(Path(":memory:"))  # has none, like a network file system
    with pytest.raises(StoreError, match=r"keeps no write-ahead log \(journal mode memory\)"):
        in_memory.prepare()
