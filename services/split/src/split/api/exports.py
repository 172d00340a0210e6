"""The books as CSV, piece by piece. What the columns mean is said here; how CSV is written is in csvs.py."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Final

from split.api import csvs
from split.domain.statements import Sheet, Tally
from split.store.history import Booked, History

ENTRIES_PER_PIECE: Final = 500
"""Entries of a statement in memory at once."""

STATEMENT: Final = (
    *("row", "account", "currency", "at", "transaction_id", "kind", "order_id", "cause"),
    *("amount_minor", "amount", "balance_minor", "balance"),
)
"""`row` is opening, entry, credits, debits or closing; the last three end the file, with the sums of the period.
`amount_minor` is in minor units, `amount` the same with decimal places; both are signed, positive is credit."""

JOURNAL: Final = ("transaction_id", "at", "kind", "order_id", "cause", "account", "currency", "amount_minor", "amount")
"""One row an entry; the entries of a transaction stand together, and sum to zero."""

_NO_FACTS: Final = ("",) * 4


async def statement(history: History, sheet: Sheet, tally: Tally) -> AsyncIterator[bytes]:
    """Give the lines of a statement.

    Raises:
        ValueError: it does not add up, so its last rows are not there.

    """
    start, until = sheet.period.since, sheet.period.until
    yield csvs.lines([STATEMENT, _row(sheet, "opening", start, balance=tally.opening_minor)])
    after: str | None = None
    while True:
        page = await history.entries(*sheet.place, sheet.period, after, ENTRIES_PER_PIECE)
        rows = []
        for it in page:
            tally = tally.after(it.amount_minor)
            facts = (it.transaction_id, it.kind, it.order.partition("/")[2], it.cause)
            rows.append(_row(sheet, "entry", it.at, facts, amount=it.amount_minor, balance=tally.balance_minor))
        if rows:
            yield csvs.lines(rows)
        if len(page) < ENTRIES_PER_PIECE:
            break
        after = page[-1].transaction_id
    tally.check_closed()
    credits_ = _row(sheet, "credits", until, amount=tally.credit_minor)
    debits = _row(sheet, "debits", until, amount=-tally.debit_minor)
    yield csvs.lines([credits_, debits, _row(sheet, "closing", until, balance=tally.closing_minor)])


async def journal(pieces: AsyncIterator[list[Booked]], currency: str) -> AsyncIterator[bytes]:
    """Give the lines of a journal."""
    yield csvs.lines([JOURNAL])
    async for piece in pieces:
        yield csvs.lines(_entry(it, currency) for it in piece)


def _entry(it: Booked, currency: str) -> csvs.Row:
    facts = (it.transaction_id, _time(it.at), it.kind, it.order.partition("/")[2], it.cause, it.account, currency)
    return (*facts, *_money(it.amount_minor, currency))


def _row(
    sheet: Sheet,
    row: str,
    at: datetime,
    facts: Sequence[str] = _NO_FACTS,
    *,
    amount: int | None = None,
    balance: int | None = None,
) -> csvs.Row:
    money = (*_money(amount, sheet.currency), *_money(balance, sheet.currency))
    return (row, sheet.account, sheet.currency, _time(at), *facts, *money)


def _money(amount_minor: int | None, currency: str) -> tuple[str | int, str]:
    return ("", "") if amount_minor is None else (amount_minor, csvs.decimals(amount_minor, currency))


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
