"""The routes of the books: account statements, the trial balance and the journal, as JSON or CSV.

What they show is final, so pages fit each other whatever is booked meanwhile (docs/decisions/0021).
"""

import zlib
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.responses import StreamingResponse

from shared.clock import Clock
from shared.http import PAGE_ITEMS, Cursor, Limit, Problem, cursor_of, key_of, marketplace_of
from shared.marketplaces import Marketplaces
from shared.messages.models.contract import Timestamp
from split.api import csvs, exports
from split.api.answers import statement_answer, trial_answer
from split.api.models import StatementPage, TrialBalances
from split.api.routes import Account, Currency, OptionalCurrency
from split.domain.calendars import Calendar
from split.domain.periods import FINAL_AFTER, Asked, Period, final_until, period_of
from split.domain.statements import Sheet, Tally
from split.store.accounts import Accounts
from split.store.blocks import EPOCH, MILLISECOND
from split.store.history import History

CSV_ANSWER: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {csvs.CSV_TYPE: {"schema": {"type": "string"}}}}}

Since = Annotated[Timestamp | None, Query(alias="from", description="first moment, RFC 3339")]
Until = Annotated[Timestamp | None, Query(alias="to", description="first moment after it, RFC 3339; else all so far")]
FirstDay = Annotated[date | None, Query(description="instead of `from`: a business day of the marketplace")]
LastDay = Annotated[date | None, Query(description="the last day, which is in the period; else the first one")]
Moment = Annotated[Timestamp | None, Query(description="RFC 3339; now when left out")]
Accept = Annotated[str | None, Header(description="`text/csv` for all entries in one file", max_length=200)]


def _asked(since: Since = None, until: Until = None, first_day: FirstDay = None, last_day: LastDay = None) -> Asked:
    return Asked(since=since, until=until, first_day=first_day, last_day=last_day)


AskedFor = Annotated[Asked, Depends(_asked)]


@dataclass(frozen=True)
class _Books:
    """What the routes read from."""

    accounts: Accounts
    history: History
    clock: Clock
    marketplaces: Marketplaces

    def period(self, marketplace: str, asked: Asked) -> Period:
        tenant = marketplace_of(self.marketplaces, marketplace)
        found = period_of(asked, Calendar(tenant.zone, tenant.day_cut), self.clock.now())
        if isinstance(found, str):
            detail = "a statement is `from` one moment `to` another, or of business days; what it is of has begun"
            raise Problem(422, found, detail)
        return found

    async def opened(self, sheet: Sheet) -> Tally:
        place = sheet.marketplace, sheet.account, sheet.currency
        if await self.accounts.balance(*place) is None:
            raise Problem(404, "account_unknown", f"nothing was ever booked in {sheet.account!r} in {sheet.currency}")
        opening = await self.history.balance(*place, sheet.period.since)
        return Tally(opening, await self.history.balance(*place, sheet.period.until))

    async def page(self, sheet: Sheet, cursor: str | None, limit: int) -> StatementPage:
        after, sheet, begun = _place(cursor, sheet)
        tally = begun or await self.opened(sheet)
        found = await self.history.entries(*sheet.place, sheet.period, after, limit + 1)
        page = found[:limit]
        tallies = list(tally.with_each(it.amount_minor for it in page))
        last = tallies[-1] if tallies else tally
        more = len(found) > limit
        if not more and begun is not None and not last.closed and not await self._is_true(sheet, begun):
            raise _not_a_cursor()
        if not more:
            last.check_closed()
        next_cursor = _cursor(page[-1].transaction_id, sheet, last) if more else None
        return statement_answer(sheet, page, tallies, last, next_cursor)

    async def file(self, sheet: Sheet) -> StreamingResponse:
        pieces = exports.statement(self.history, sheet, await self.opened(sheet))
        return csvs.answer(pieces, f"statement-{sheet.account}-{_named(sheet.currency, sheet.period)}")

    async def _is_true(self, sheet: Sheet, said: Tally) -> bool:
        """Tell whether the balances in a cursor are those of the books."""
        real = await self.opened(sheet)
        return (said.opening_minor, said.closing_minor) == (real.opening_minor, real.closing_minor)


def routes(accounts: Accounts, history: History, clock: Clock, marketplaces: Marketplaces) -> APIRouter:
    """Return the routes of the books."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}", tags=["books"])
    books = _Books(accounts, history, clock, marketplaces)

    @router.get("/accounts/{account:path}/statement.csv", responses=CSV_ANSWER, response_class=Response)
    async def get_statement_csv(marketplace: str, account: Account, currency: Currency, asked: AskedFor) -> Response:
        """Return the statement of one account with all its entries as CSV. Its last row is the closing balance."""
        return await books.file(Sheet(marketplace, account, currency, books.period(marketplace, asked)))

    @router.get("/accounts/{account:path}/statement", response_model=StatementPage, responses=CSV_ANSWER)
    async def get_statement(
        marketplace: str,
        account: Account,
        currency: Currency,
        asked: AskedFor,
        cursor: Cursor = None,
        limit: Limit = PAGE_ITEMS,
        accept: Accept = None,
    ) -> StatementPage | Response:
        """Return the statement of one account for a period, a page of its entries at a time, the oldest first.

        opening + the entries of all pages = closing, whatever is booked while they are read.
        """
        sheet = Sheet(marketplace, account, currency, books.period(marketplace, asked))
        return await books.file(sheet) if csvs.preferred(accept) else await books.page(sheet, cursor, limit)

    @router.get("/trial-balance")
    async def get_trial_balance(
        marketplace: str, currency: OptionalCurrency = None, at: Moment = None
    ) -> TrialBalances:
        """Return the sums of all accounts by kind, now or at a past moment. Debits and credits are equal."""
        tenant = marketplace_of(marketplaces, marketplace).id
        moment = None if at is None else min(at, final_until(clock.now()))
        wanted = [currency] if currency else await history.currencies(tenant)
        return trial_answer({it: await history.sums(tenant, it, moment) for it in wanted}, moment)

    @router.get("/journal.csv", responses=CSV_ANSWER, response_class=Response)
    async def get_journal(marketplace: str, currency: Currency, asked: AskedFor) -> Response:
        """Return all that was booked in a period as CSV, one row an entry, the oldest transaction first."""
        period = books.period(marketplace, asked)
        pieces = exports.journal(history.journal(marketplace, currency, period), currency)
        return csvs.answer(pieces, f"journal-{marketplace}-{_named(currency, period)}")

    return router


def _named(currency: str, period: Period) -> str:
    return f"{currency}-{period.since:%Y%m%dT%H%M%S}-{period.until:%Y%m%dT%H%M%S}"


def _key(sheet: Sheet) -> int:
    """Return what tells the statement of a cursor from others."""
    return zlib.crc32(f"{sheet.marketplace}|{sheet.account}|{sheet.currency}|{sheet.period.since}".encode())


def _cursor(after: str, sheet: Sheet, tally: Tally) -> str:
    until_ms = (sheet.period.until - EPOCH) // MILLISECOND
    figures = (tally.opening_minor, tally.closing_minor, tally.credit_minor, tally.debit_minor, tally.entries)
    return cursor_of(after, _key(sheet), until_ms, *figures)


def _place(cursor: str | None, sheet: Sheet) -> tuple[str | None, Sheet, Tally | None]:
    """Return where a page begins: after which entry, in a statement that ends where that of its first page did."""
    key = key_of(cursor, str, *[int] * 7)
    if key is None:
        return None, sheet, None
    after, name, until_ms, *figures = key
    # The clock of another replica may be a little behind the one that gave the first page.
    latest_ms = (sheet.period.until + FINAL_AFTER - EPOCH) // MILLISECOND
    if name != _key(sheet) or not 0 <= until_ms <= latest_ms:
        raise _not_a_cursor()
    return after, sheet.until(EPOCH + until_ms * MILLISECOND), Tally(*figures)


def _not_a_cursor() -> Problem:
    return Problem(422, "cursor_invalid", "use next_cursor of the page before, and ask for the same otherwise")
