"""How payments, funds, transfers and balances are stored, by account and number or place. No rule about them."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from sandbox.domain.behaviours.about import Uses
from sandbox.domain.books import LIABLE, POOL, Change, Place
from sandbox.domain.payments import Fund, Payment
from sandbox.domain.transfers import Record, Transfer
from sandbox.store.connection import Session
from sandbox.store.times import ms_of, time_of

_PAYMENT: Final = (
    "SELECT payment_id, currency, amount_minor, fee_minor, merchant, split, paid_ms"
    " FROM payments WHERE account = ? AND payment_id "
)
_TRANSFER: Final = (
    "SELECT number, kind, receiver, currency, amount_minor, state, reason, executed_at_ms, of_id,"
    " fee_minor FROM transfers WHERE account = ? AND number "
)
_FUND: Final = "SELECT fund_id, pocket, currency, amount_minor FROM funds WHERE account = ? AND fund_id = ?"
_POCKETS: Final = "SELECT pocket, currency, balance_minor FROM pockets WHERE account = ? "
_OPEN_POCKETS: Final = "SELECT pocket, currency, balance_minor FROM open_pockets WHERE account = ? "
_RECEIVERS: Final = """
    SELECT receiver, currency, sum(amount_minor) FROM (
        SELECT receiver, currency, iif(kind = 'return', -amount_minor, amount_minor) amount_minor FROM transfers
        WHERE account = ?1 AND kind IN ('payout', 'finish', 'return') AND state = 'succeeded'
        UNION ALL SELECT receiver, currency, -pool_minor FROM movements
        WHERE account = ?1 AND kind = 'auto_unfreeze' AND receiver IS NOT NULL)
    GROUP BY receiver, currency HAVING receiver || '/' || currency > ?2 ORDER BY receiver || '/' || currency LIMIT ?3
"""
_USES: Final = """
    SELECT kind, of_id, sum(amount_minor), count(*) FROM transfers
    WHERE account = ?1 AND of_id IN (SELECT value FROM json_each(?2)) AND state IN ('accepted', 'succeeded')
    GROUP BY 1, 2
    UNION ALL SELECT 'fee', of_id, sum(fee_minor), 0 FROM transfers
    WHERE account = ?1 AND of_id IN (SELECT value FROM json_each(?2)) AND state IN ('accepted', 'succeeded')
    AND kind = 'refund' GROUP BY 2
    UNION ALL SELECT 'refund', payment_id, sum(amount_minor), count(*) FROM movements
    WHERE account = ?1 AND payment_id IN (SELECT value FROM json_each(?2)) AND kind = 'console_refund' GROUP BY 2
"""
_KNOWN: Final = "IN (SELECT value FROM json_each(?))"
_AFTER: Final = "> ? ORDER BY 1 LIMIT ?"
_CONCLUDE: Final = """
    UPDATE transfers SET state = ?, reason = ?, executed_at_ms = ?, at_ms = ?
    WHERE account = ? AND number = ? AND state = ?
"""


def payments(session: Session, account: str, payment_ids: Iterable[str]) -> dict[str, Payment]:
    """Return the known ones of these payments."""
    rows = session.execute(_PAYMENT + _KNOWN, (account, _keys(payment_ids)))
    return {row[0]: _payment(*row) for row in rows.fetchall()}


def fund(session: Session, account: str, fund_id: str) -> Fund | None:
    """Return the deposit of this number, if there is one."""
    row = session.execute(_FUND, (account, fund_id)).fetchone()
    return row and Fund(fund_id=row[0], pocket=row[1], currency=row[2], amount_minor=row[3])


def transfers(session: Session, account: str, numbers: Iterable[str]) -> dict[str, Record]:
    """Return the known ones of these transfers."""
    rows = session.execute(_TRANSFER + _KNOWN, (account, _keys(numbers)))
    return {row[0]: _transfer(*row) for row in rows.fetchall()}


def uses(session: Session, account: str, things: Iterable[str]) -> tuple[Uses, Uses]:
    """Return how much, and how often, was taken of these payments and payouts, whether it is under way or done."""
    used: Uses = Counter()
    counted: Uses = Counter()
    for kind, thing, amount, count in session.execute(_USES, (account, _keys(things))).fetchall():
        used[kind, thing] += amount
        counted[kind, thing] += count
    return used, counted


def balances(session: Session, account: str, places: Iterable[Place], *, open_pool: bool = False) -> dict[Place, int]:
    """Return the balances of these pockets; one that never moved is not in the answer.

    `open_pool`: the pool may be below zero, as the platform's liabilities always may.
    """
    found = (session.execute(_one(place, open_pool=open_pool), (account, *place)) for place in places)
    return {(pocket, currency): balance for cursor in found for pocket, currency, balance in cursor.fetchall()}


def add_payments(
    session: Session, account: str, change: Change[Payment], now: datetime, *, open_pool: bool = False
) -> None:
    """Record new payments and what they moved."""
    rows = (
        (*(account, it.payment_id, it.currency, it.amount_minor, it.fee_minor, ms_of(now), it.merchant, it.split), paid)
        for it in change.records
        for paid in (None if it.paid_at is None else ms_of(it.paid_at),)
    )
    session.executemany("INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    move(session, account, change, open_pool=open_pool)


def add_funds(session: Session, account: str, change: Change[Fund], now: datetime) -> None:
    """Record new deposits and what they moved."""
    rows = ((account, it.fund_id, it.pocket, it.currency, it.amount_minor, ms_of(now)) for it in change.records)
    session.executemany("INSERT INTO funds VALUES (?, ?, ?, ?, ?, ?)", rows)
    move(session, account, change)


def add_transfers(
    session: Session, account: str, change: Change[Record], now: datetime, *, open_pool: bool = False
) -> None:
    """Record new transfers and what they moved."""
    rows = [
        (
            account,
            it.number,
            it.kind,
            it.receiver,
            it.currency,
            it.amount_minor,
            *_outcome(record, now),
            it.of,
            it.fee_minor,
        )
        for record in change.records
        for it in (record.transfer,)
    ]
    session.executemany("INSERT INTO transfers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    move(session, account, change, open_pool=open_pool)


def conclude_transfers(
    session: Session, account: str, change: Change[Record], now: datetime, *, open_pool: bool = False
) -> None:
    """Replace accepted transfers by their outcome, and record what that moved."""
    _replace(session, account, change, now, "accepted", open_pool=open_pool)


def return_transfers(
    session: Session, account: str, change: Change[Record], now: datetime, *, open_pool: bool = False
) -> None:
    """Replace transfers that had succeeded by their return, and record what that moved."""
    _replace(session, account, change, now, "succeeded", open_pool=open_pool)


def _replace(
    session: Session, account: str, change: Change[Record], now: datetime, before: str, *, open_pool: bool
) -> None:
    rows = ((*_outcome(it, now), account, it.transfer.number, before) for it in change.records)
    session.executemany(_CONCLUDE, rows)
    move(session, account, change, open_pool=open_pool)


def payments_after(session: Session, account: str, cursor: str, limit: int) -> list[Payment]:
    """Return the next payments by number, for the audit: what is there keeps its place, whatever is added meanwhile."""
    return [_payment(*row) for row in session.execute(_PAYMENT + _AFTER, (account, cursor, limit)).fetchall()]


def transfers_after(session: Session, account: str, cursor: str, limit: int) -> list[Record]:
    """Return the next transfers by number, for the audit."""
    return [_transfer(*row) for row in session.execute(_TRANSFER + _AFTER, (account, cursor, limit)).fetchall()]


def accepted_after(session: Session, account: str, cursor: str, limit: int) -> list[Record]:
    """Return the next transfers that were accepted and are not carried out yet, by number."""
    rows = session.execute(_TRANSFER + "> ? AND state = 'accepted' ORDER BY 1 LIMIT ?", (account, cursor, limit))
    return [_transfer(*row) for row in rows.fetchall()]


def pockets(session: Session, account: str, limit: int) -> list[tuple[Place, int]]:
    """Return the balances of the account's pockets by name and currency."""
    both = f"{_POCKETS} UNION ALL {_OPEN_POCKETS} ORDER BY 1, 2 LIMIT ?"
    rows = session.execute(both, (account, account, limit)).fetchall()
    return [((pocket, currency), balance) for pocket, currency, balance in rows]


def receivers_after(session: Session, account: str, cursor: str, limit: int) -> list[tuple[Place, int]]:
    """Return what the next receivers got, by name and currency, summed: without what they gave back.

    Nothing is decided by them, and a kept balance would be written with every transfer. So every page of this reads
    all transfers of the account; it is for people and for tests.
    """
    rows = session.execute(_RECEIVERS, (account, cursor, limit)).fetchall()
    return [((receiver, currency), balance) for receiver, currency, balance in rows]


def _keys(keys: Iterable[str]) -> str:
    return msgspec.json.encode(list(keys)).decode()


def move(session: Session, account: str, change: Change[Any], *, open_pool: bool = False) -> None:
    """Record what was moved."""
    closed: list[tuple[int, str, str, str]] = []
    opened: list[tuple[int, str, str, str]] = []
    for (pocket, currency), amount in change.pockets.items():
        if amount:
            below = pocket == LIABLE or (open_pool and pocket == POOL)
            (opened if below else closed).append((amount, account, pocket, currency))
    _add(session, "pockets", closed)
    if opened:
        _add(session, "open_pockets", opened)


def _add(session: Session, table: str, moved: list[tuple[int, str, str, str]]) -> None:
    # In two steps: an insert that turns into an update would be held to the CHECK before it does.
    session.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, 0) ON CONFLICT DO NOTHING", (it[1:] for it in moved))  # noqa: S608 - two names of this module
    session.executemany(
        f"UPDATE {table} SET balance_minor = balance_minor + ? WHERE account = ? AND pocket = ? AND currency = ?",  # noqa: S608 - the same
        moved,
    )


def _one(place: Place, *, open_pool: bool) -> str:
    below = place[0] == LIABLE or (open_pool and place[0] == POOL)
    return (_OPEN_POCKETS if below else _POCKETS) + "AND pocket = ? AND currency = ?"


def _payment(
    payment_id: str,
    currency: str,
    amount_minor: int,
    fee_minor: int,
    merchant: str | None,
    split: int,
    paid_ms: int | None,
) -> Payment:
    return Payment(
        payment_id=payment_id,
        amount_minor=amount_minor,
        currency=currency,
        fee_minor=fee_minor,
        merchant=merchant,
        split=bool(split),
        paid_at=None if paid_ms is None else time_of(paid_ms),
    )


def _transfer(  # noqa: PLR0913, PLR0917 - a row
    number: str,
    kind: Any,  # noqa: ANN401 - as it was checked when it came
    receiver: str,
    currency: str,
    amount_minor: int,
    state: Any,  # noqa: ANN401 - the same
    reason: str | None,
    executed_at_ms: int | None,
    of_id: str | None,
    fee_minor: int,
) -> Record:
    transfer = Transfer(
        number=number,
        kind=kind,
        receiver=receiver,
        currency=currency,
        amount_minor=amount_minor,
        of=of_id,
        fee_minor=fee_minor,
    )
    executed_at = None if executed_at_ms is None else time_of(executed_at_ms)
    return Record(transfer=transfer, state=state, reason=reason, executed_at=executed_at)


def _outcome(record: Record, now: datetime) -> tuple[str, str | None, int | None, int]:
    executed_at_ms = None if record.executed_at is None else ms_of(record.executed_at)
    return record.state, record.reason, executed_at_ms, ms_of(now)
