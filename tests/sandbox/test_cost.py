"""What a payout of an account without limits costs: the statements that it always did, whatever products can do."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

from sandbox.domain.behaviours.about import DIRECT, profile_of
from sandbox.domain.faults import NORMAL
from sandbox.domain.payments import Payment
from sandbox.domain.transfers import Transfer
from sandbox.handlers import instructions, money_in
from sandbox.handlers.terms import Terms
from sandbox.store.callbacks import Callbacks
from sandbox.store.connection import Connection
from sandbox.store.tables import prepare

PAYOUTS = ["SELECT transfers", "SELECT pockets", "INSERT transfers", "INSERT pockets", "UPDATE pockets"]


def test_a_request_of_payouts_reads_numbers_and_the_pool_and_writes_them() -> None:
    terms = Terms(profile_of(DIRECT), datetime(2026, 1, 5, tzinfo=UTC), Callbacks(Connection.__new__(Connection)))
    asked: list[str] = []
    with closing(sqlite3.connect(":memory:", autocommit=True)) as session:
        prepare(session)
        money_in.take_payments(session, "acc", [Payment(payment_id="p1", amount_minor=9, currency="CNY")], terms)
        session.set_trace_callback(asked.append)
        leg = Transfer(number="n1", kind="payout", receiver="merchant:a", currency="CNY", amount_minor=9)
        (answer,) = instructions.execute(session, "acc", [leg], NORMAL, terms)
        session.set_trace_callback(None)
    assert answer.state == "succeeded"
    assert [_short(it) for it in asked] == PAYOUTS


def _short(statement: str) -> str:
    words = statement.split()
    return next(f"{words[0]} {it}" for it in words if it in {"transfers", "pockets", "faults", "frozen", "movements"})
