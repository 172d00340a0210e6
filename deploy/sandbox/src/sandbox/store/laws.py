"""Whether the books of an account add up: what came in is in a pocket or went out, to the last unit."""

from typing import Final

from sandbox.store.connection import Session

_CAME: Final = """
    SELECT currency, sum(minor) FROM (
        SELECT currency, amount_minor - fee_minor minor FROM payments WHERE account = ?1
        UNION ALL SELECT currency, amount_minor FROM funds WHERE account = ?1
        UNION ALL SELECT currency, fee_minor FROM transfers WHERE account = ?1 AND state = 'succeeded'
        UNION ALL SELECT currency, iif(kind IN ('chargeback', 'console_refund'), -amount_minor, amount_minor)
            FROM movements WHERE account = ?1 AND kind <> 'auto_unfreeze'
        UNION ALL SELECT currency, pool_minor FROM movements WHERE account = ?1 AND kind = 'auto_unfreeze'
        UNION ALL SELECT currency, iif(kind = 'return', 1, -1) * amount_minor FROM transfers
            WHERE account = ?1 AND state = 'succeeded' AND kind IN ('payout', 'finish', 'refund', 'return')
    ) GROUP BY currency HAVING sum(minor) <> 0
"""
_HELD: Final = """
    SELECT currency, sum(balance_minor) FROM (
        SELECT currency, balance_minor FROM pockets WHERE account = ?1
        UNION ALL SELECT currency, balance_minor FROM open_pockets WHERE account = ?1
    ) GROUP BY currency HAVING sum(balance_minor) <> 0
"""
_TRANSIT: Final = """
    SELECT currency, sum(minor) FROM (
        SELECT currency, balance_minor minor FROM pockets WHERE account = ?1 AND pocket IN ('in_transit', 'guarantee')
        UNION ALL SELECT currency, -amount_minor FROM transfers
            WHERE account = ?1 AND state = 'accepted' AND kind <> 'return'
    ) GROUP BY currency HAVING sum(minor) <> 0
"""
_FROZEN: Final = """
    SELECT f.payment_id, f.left_minor - p.amount_minor + p.fee_minor - coalesce((
        SELECT sum(iif(t.kind IN ('subsidy', 'advance'), t.amount_minor, -t.amount_minor)) FROM transfers t
        WHERE t.account = ?1 AND t.of_id = f.payment_id AND t.kind <> 'return' AND (t.state = 'succeeded'
            OR t.state = 'accepted' AND t.kind NOT IN ('subsidy', 'advance'))), 0) - coalesce((
        SELECT sum(b.amount_minor) FROM transfers b JOIN transfers t ON t.account = b.account AND t.number = b.of_id
        WHERE b.account = ?1 AND b.kind = 'return' AND b.state = 'succeeded' AND t.of_id = f.payment_id), 0)
        - coalesce((
        SELECT sum(m.pool_minor) FROM movements m WHERE m.account = ?1 AND m.payment_id = f.payment_id), 0) AS above
    FROM frozen f JOIN payments p USING (account, payment_id) WHERE f.account = ?1 AND above <> 0
"""
_RECEIVED: Final = """
    SELECT receiver, sum(iif(kind = 'return', -amount_minor, amount_minor)) minor FROM transfers
    WHERE account = ? AND kind IN ('payout', 'finish', 'return') AND state = 'succeeded'
    GROUP BY receiver, currency HAVING minor < 0
"""


def broken(session: Session, account: str) -> list[str]:
    """Return what is wrong with an account's books. It reads all of them: for people and for tests."""
    came = dict(session.execute(_CAME, (account,)).fetchall())
    held = dict(session.execute(_HELD, (account,)).fetchall())
    wrong = [
        f"{currency}: {came.get(currency, 0)} came and did not go, {held.get(currency, 0)} is in pockets"
        for currency in sorted(came.keys() | held.keys())
        if came.get(currency, 0) != held.get(currency, 0)
    ]
    transit = session.execute(_TRANSIT, (account,)).fetchall()
    wrong += [f"{currency}: {minor} more in transit than was accepted" for currency, minor in transit]
    above = session.execute(_FROZEN, (account,)).fetchall()
    wrong += [f"{payment}: {minor} more is frozen than is left of it" for payment, minor in above]
    gave = session.execute(_RECEIVED, (account,)).fetchall()
    return wrong + [f"{receiver} gave {-minor} more than it got" for receiver, minor in gave]
