"""How movements are stored that nobody instructed, in the order in which they happened."""

from datetime import datetime
from typing import Any, Final

from sandbox.domain.books import POOL, Change
from sandbox.domain.movements import Moved, Movement
from sandbox.store.connection import Session
from sandbox.store.times import ms_of, time_of

_MOVED: Final = (
    "SELECT seq, movement_id, kind, payment_id, currency, amount_minor, receiver, reference, reverses, moved_ms,"
    " pool_minor FROM movements WHERE account = ? AND "
)


def find(session: Session, account: str, kind: str, movement_id: str) -> Moved | None:
    """Return a movement by its number."""
    row = session.execute(_MOVED + "kind = ? AND movement_id = ?", (account, kind, movement_id)).fetchone()
    return None if row is None else _moved(*row)


def after(session: Session, account: str, seq: int, limit: int) -> list[Moved]:
    """Return the next movements."""
    rows = session.execute(_MOVED + "seq > ? ORDER BY seq LIMIT ?", (account, seq, limit))
    return [_moved(*row) for row in rows.fetchall()]


def add(session: Session, account: str, change: Change[Movement], now: datetime) -> None:
    """Record movements; what they moved is recorded with the books."""
    for it in change.records:
        row = (account, it.movement_id, it.kind, it.payment_id, it.currency, it.amount_minor, it.receiver)
        rest = (it.reference, it.reverses, ms_of(now), change.pockets[POOL, it.currency])
        session.execute("INSERT INTO movements VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row + rest)


def replace(session: Session, change: Change[Moved]) -> None:
    """Say anew who got what came in, and whether the pool has it."""
    rows = ((it.movement.receiver, it.pool_minor, it.seq) for it in change.records)
    session.executemany("UPDATE movements SET receiver = ?, pool_minor = ? WHERE seq = ?", rows)


def _moved(  # noqa: PLR0913, PLR0917 - a row
    seq: int,
    movement_id: str,
    kind: Any,  # noqa: ANN401 - as it was checked when it came
    payment_id: str | None,
    currency: str,
    amount_minor: int,
    receiver: str | None,
    reference: str | None,
    reverses: str | None,
    moved_ms: int,
    pool_minor: int,
) -> Moved:
    movement = Movement(
        movement_id=movement_id,
        kind=kind,
        payment_id=payment_id,
        currency=currency,
        amount_minor=amount_minor,
        receiver=receiver,
        reference=reference,
        reverses=reverses,
    )
    return Moved(seq=seq, movement=movement, moved_at=time_of(moved_ms), pool_minor=pool_minor)
