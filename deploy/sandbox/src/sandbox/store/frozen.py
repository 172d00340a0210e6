"""How payments are stored that merchants collect: what is frozen of each, who may receive of it, and how much."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from sandbox.domain.behaviours.about import Frozen
from sandbox.domain.books import Change
from sandbox.store.connection import Session
from sandbox.store.times import ms_of, time_of

_FROZEN: Final = (
    "SELECT payment_id, merchant, currency, split, amount_minor, left_minor, split_minor, requests, released, paid_ms,"
    " until_ms FROM frozen WHERE account = ? AND "
)
_KNOWN: Final = "payment_id IN (SELECT value FROM json_each(?))"
_CHANGE: Final = """
    UPDATE frozen SET left_minor = left_minor + ?, split_minor = split_minor + ?, requests = requests + ?,
    released = max(released, ?), until_ms = iif(?, NULL, until_ms) WHERE account = ? AND payment_id = ?
"""


def find(session: Session, account: str, payment_ids: Iterable[str]) -> dict[str, Frozen]:
    """Return the known ones of these payments."""
    keys = msgspec.json.encode(sorted(payment_ids)).decode()
    rows = session.execute(_FROZEN + _KNOWN, (account, keys))
    return {row[0]: _frozen(*row) for row in rows.fetchall()}


def due(session: Session, account: str, now: datetime, limit: int) -> list[Frozen]:
    """Return payments whose freeze has ended, the oldest first."""
    rows = session.execute(_FROZEN + "until_ms <= ? ORDER BY until_ms LIMIT ?", (account, ms_of(now), limit))
    return [_frozen(*row) for row in rows.fetchall()]


def add(session: Session, account: str, payments: Iterable[Frozen]) -> None:
    """Record new payments."""
    rows = (
        (*(account, it.payment_id, it.merchant, it.currency, it.split, it.amount_minor, it.left_minor), 0, 0, 0, *times)
        for it in payments
        for times in ((ms_of(it.paid_at), None if it.until is None else ms_of(it.until)),)
    )
    session.executemany("INSERT INTO frozen VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def change(session: Session, account: str, change: Change[Any]) -> None:
    """Record what was done to payments."""
    changed = change.left.keys() | change.split.keys() | change.requests.keys() | change.released
    rows = [
        (change.left[it], change.split[it], change.requests[it], done, done, account, it)
        for it in sorted(changed)
        for done in (it in change.released,)
    ]
    session.executemany(_CHANGE, rows)


def bound(session: Session, account: str, receivers: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return what these receivers are, by the merchant for whom they are bound (empty: for all) and their name."""
    rows = session.execute(
        "SELECT b.merchant, b.receiver, b.kind FROM bound b JOIN json_each(?) wanted ON b.receiver = wanted.value"
        " WHERE b.account = ?",
        (msgspec.json.encode(sorted(set(receivers))).decode(), account),
    )
    return {(merchant, receiver): kind for merchant, receiver, kind in rows.fetchall()}


def bind(session: Session, account: str, merchant: str, receiver: str, kind: str) -> None:
    """Bind a receiver, or say anew what it is."""
    session.execute("INSERT OR REPLACE INTO bound VALUES (?, ?, ?, ?)", (account, merchant, receiver, kind))


def unbind(session: Session, account: str, merchant: str, receiver: str) -> None:
    """Let a receiver get nothing any more."""
    session.execute(
        "DELETE FROM bound WHERE account = ? AND merchant = ? AND receiver = ?", (account, merchant, receiver)
    )


def bound_count(session: Session, account: str, merchant: str) -> int:
    """Return how many receivers a merchant has bound."""
    asked = "SELECT count(*) FROM bound WHERE account = ? AND merchant = ?"
    count: int = session.execute(asked, (account, merchant)).fetchone()[0]
    return count


def caps(session: Session, account: str) -> dict[str, int]:
    """Return the caps that are agreed with merchants (empty: with all), in basis points."""
    return dict(session.execute("SELECT merchant, cap_bp FROM caps WHERE account = ?", (account,)).fetchall())


def agree(session: Session, account: str, merchant: str, cap_bp: int) -> None:
    """Agree on a cap."""
    session.execute("INSERT OR REPLACE INTO caps VALUES (?, ?, ?)", (account, merchant, cap_bp))


def _frozen(  # noqa: PLR0913, PLR0917 - a row
    payment_id: str,
    merchant: str | None,
    currency: str,
    split: int,
    amount_minor: int,
    left_minor: int,
    split_minor: int,
    requests: int,
    released: int,
    paid_ms: int,
    until_ms: int | None,
) -> Frozen:
    return Frozen(
        payment_id=payment_id,
        merchant=merchant,
        currency=currency,
        split=bool(split),
        amount_minor=amount_minor,
        left_minor=left_minor,
        split_minor=split_minor,
        requests=requests,
        released=bool(released),
        paid_at=time_of(paid_ms),
        until=None if until_ms is None else time_of(until_ms),
    )
