"""The tables of the institution's file, and what a file of an older version lacks of them."""

import sqlite3
from typing import Final

from sandbox.domain.books import BALANCE_MINOR_MAX

_TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS payments (
        account TEXT NOT NULL, payment_id TEXT NOT NULL, currency TEXT NOT NULL, amount_minor INTEGER NOT NULL,
        fee_minor INTEGER NOT NULL, at_ms INTEGER NOT NULL, merchant TEXT, split INTEGER NOT NULL DEFAULT 1,
        paid_ms INTEGER, PRIMARY KEY (account, payment_id)) STRICT""",
    """CREATE TABLE IF NOT EXISTS funds (
        account TEXT NOT NULL, fund_id TEXT NOT NULL, pocket TEXT NOT NULL, currency TEXT NOT NULL,
        amount_minor INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (account, fund_id)) STRICT""",
    """CREATE TABLE IF NOT EXISTS transfers (
        account TEXT NOT NULL, number TEXT NOT NULL, kind TEXT NOT NULL, receiver TEXT NOT NULL,
        currency TEXT NOT NULL, amount_minor INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT,
        executed_at_ms INTEGER, at_ms INTEGER NOT NULL, of_id TEXT,
        fee_minor INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (account, number)) STRICT""",
    f"""CREATE TABLE IF NOT EXISTS pockets (
        account TEXT NOT NULL, pocket TEXT NOT NULL, currency TEXT NOT NULL,
        balance_minor INTEGER NOT NULL CHECK (balance_minor BETWEEN 0 AND {BALANCE_MINOR_MAX}),
        PRIMARY KEY (account, pocket, currency)) STRICT, WITHOUT ROWID""",
    f"""CREATE TABLE IF NOT EXISTS open_pockets (
        account TEXT NOT NULL, pocket TEXT NOT NULL, currency TEXT NOT NULL,
        balance_minor INTEGER NOT NULL CHECK (balance_minor BETWEEN -{BALANCE_MINOR_MAX} AND {BALANCE_MINOR_MAX}),
        PRIMARY KEY (account, pocket, currency)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS accounts (
        account TEXT PRIMARY KEY, profile TEXT NOT NULL, callback_url TEXT) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS frozen (
        account TEXT NOT NULL, payment_id TEXT NOT NULL, merchant TEXT, currency TEXT NOT NULL, split INTEGER NOT NULL,
        amount_minor INTEGER NOT NULL, left_minor INTEGER NOT NULL CHECK (left_minor >= 0),
        split_minor INTEGER NOT NULL, requests INTEGER NOT NULL, released INTEGER NOT NULL, paid_ms INTEGER NOT NULL,
        until_ms INTEGER, PRIMARY KEY (account, payment_id)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS bound (
        account TEXT NOT NULL, merchant TEXT NOT NULL, receiver TEXT NOT NULL, kind TEXT NOT NULL,
        PRIMARY KEY (account, merchant, receiver)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS caps (
        account TEXT NOT NULL, merchant TEXT NOT NULL, cap_bp INTEGER NOT NULL,
        PRIMARY KEY (account, merchant)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS movements (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, movement_id TEXT NOT NULL, kind TEXT NOT NULL,
        payment_id TEXT, currency TEXT NOT NULL, amount_minor INTEGER NOT NULL, receiver TEXT, reference TEXT,
        reverses TEXT, moved_ms INTEGER NOT NULL, pool_minor INTEGER NOT NULL,
        UNIQUE (account, kind, movement_id)) STRICT""",
    """CREATE TABLE IF NOT EXISTS faults (
        account TEXT PRIMARY KEY, setting TEXT NOT NULL, remaining INTEGER) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS callbacks (
        id INTEGER PRIMARY KEY, account TEXT NOT NULL, event_id TEXT NOT NULL, type TEXT NOT NULL, data TEXT NOT NULL,
        created_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, tries INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS bindings (
        account TEXT NOT NULL, number TEXT NOT NULL, merchant TEXT NOT NULL, name TEXT NOT NULL,
        bank_account TEXT NOT NULL, method TEXT NOT NULL, state TEXT NOT NULL, reason TEXT, answer TEXT NOT NULL,
        until_ms INTEGER, tries INTEGER NOT NULL, PRIMARY KEY (account, number)) STRICT, WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS clock (only INTEGER PRIMARY KEY CHECK (only = 1), ahead_s INTEGER NOT NULL) STRICT",
)
"""A CHECK holds the law even against a mistake here.

Payments and transfers keep their rows in the order they came, and a key apart: with the rows in the order of numbers
each request changed more pages.
"""

_ADDED: Final = {
    "payments": {"merchant": "TEXT", "split": "INTEGER NOT NULL DEFAULT 1", "paid_ms": "INTEGER"},
    "transfers": {"of_id": "TEXT", "fee_minor": "INTEGER NOT NULL DEFAULT 0"},
}
"""Columns that a file made by an older version lacks. They stand last in their table."""

_INDEXES: Final = (
    "CREATE INDEX IF NOT EXISTS transfers_of ON transfers (account, of_id) WHERE of_id IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS frozen_due ON frozen (account, until_ms) WHERE until_ms IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS transfers_accepted ON transfers (account, number) WHERE state = 'accepted'",
    "CREATE INDEX IF NOT EXISTS callbacks_due ON callbacks (due_ms)",
    "CREATE INDEX IF NOT EXISTS callbacks_of ON callbacks (account)",
    "CREATE INDEX IF NOT EXISTS movements_of ON movements (account, seq)",
    "CREATE INDEX IF NOT EXISTS movements_about ON movements (account, payment_id) WHERE payment_id IS NOT NULL",
)


def prepare(session: sqlite3.Connection) -> None:
    """Make what is missing."""
    for table in _TABLES:
        session.execute(table)
    for name, columns in _ADDED.items():
        there = {row[1] for row in session.execute(f"PRAGMA table_info({name})")}
        for column, said in columns.items():
            if column not in there:
                session.execute(f"ALTER TABLE {name} ADD COLUMN {column} {said}")
    for index in _INDEXES:
        session.execute(index)
