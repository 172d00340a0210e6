"""The lines of a day's bill, page by page in the order of numbers. A page reads the account's rows up to its end.

Bills are asked for once a day: an index by time would be written with every transfer.
"""

from datetime import datetime
from typing import Final

from sandbox.domain.bills import Kind, Line
from sandbox.store.connection import Session
from sandbox.store.times import ms_of, time_of

_PAYMENTS: Final = """
    SELECT payment_id, {kind}, NULL, merchant, currency, {amount}, fee_minor, 'succeeded', coalesce(paid_ms, at_ms) at
    FROM payments WHERE account = ?1 AND payment_id > ?2 AND at >= ?3 AND at < ?4 {more} ORDER BY payment_id LIMIT ?5
"""
_TRANSFERS: Final = """
    SELECT number, kind, of_id, receiver, currency, amount_minor, fee_minor, state, executed_at_ms
    FROM transfers WHERE account = ?1 AND number > ?2 AND executed_at_ms >= ?3 AND executed_at_ms < ?4
        AND kind IN {kinds}
    UNION ALL SELECT movement_id, kind, payment_id, receiver, currency, amount_minor, 0, 'succeeded', moved_ms
    FROM movements WHERE account = ?1 AND kind = '{moved}' AND movement_id > ?2 AND moved_ms >= ?3 AND moved_ms < ?4
    ORDER BY 1 LIMIT ?5
"""
_ASKED: Final[dict[Kind, str]] = {
    "payments": _PAYMENTS.format(kind="'payment'", amount="amount_minor", more=""),
    "fees": _PAYMENTS.format(kind="'fee'", amount="fee_minor", more="AND fee_minor > 0"),
    "splits": _TRANSFERS.format(kinds="('payout', 'finish')", moved="auto_unfreeze"),
    "payouts": _TRANSFERS.format(kinds="('payout', 'finish')", moved="auto_unfreeze"),
    "returns": _TRANSFERS.format(kinds="('return', '')", moved="deduction"),
    "refunds": _TRANSFERS.format(kinds="('refund', '')", moved="console_refund"),
}


def lines(
    session: Session, account: str, kind: Kind, day: tuple[datetime, datetime], after: str, limit: int
) -> list[Line]:
    """Return the next lines of a day."""
    begin, end = day
    rows = session.execute(_ASKED[kind], (account, after, ms_of(begin), ms_of(end), limit)).fetchall()
    return [
        Line(
            number=row[0],
            kind=row[1],
            of=row[2],
            receiver=row[3],
            currency=row[4],
            amount_minor=row[5],
            fee_minor=row[6],
            state=row[7],
            at=time_of(row[8]),
        )
        for row in rows
    ]
