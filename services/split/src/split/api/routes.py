"""The routes of accounts: what they hold and why. An unknown one is 404; a bad cursor is 422."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query

from shared.http import PAGE_ITEMS, Cursor, Limit, Problem, cursor_of, key_of, marketplace_of
from shared.marketplaces import Marketplaces
from split.api.answers import balance_answer, entry_answer
from split.api.models import BalanceAnswer, BalancePage, EntryPage
from split.store.accounts import Accounts

CODE: Final = "^[A-Z]{3}$"

Currency = Annotated[str, Query(pattern=CODE, description="ISO 4217")]
OptionalCurrency = Annotated[str | None, Query(pattern=CODE, description="ISO 4217; all when left out")]
Account = Annotated[str, Path(max_length=200, examples=["merchant:in_transit/m1", "channel:clearing/olist"])]


def routes(accounts: Accounts, marketplaces: Marketplaces) -> APIRouter:
    """Return the routes over the accounts."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}", tags=["split"])

    @router.get("/accounts")
    async def list_balances(
        marketplace: str, currency: OptionalCurrency = None, cursor: Cursor = None, limit: Limit = PAGE_ITEMS
    ) -> BalancePage:
        """Return the balances of all accounts, by currency; within one, in an order that does not change."""
        tenant = marketplace_of(marketplaces, marketplace)
        after = key_of(cursor, str, str)
        place = (after[0], after[1]) if after else None
        found = await accounts.balances(tenant.id, currency, place, limit + 1)
        page = found[:limit]
        more = cursor_of(page[-1].currency, page[-1].account) if len(found) > limit else None
        return BalancePage(items=[balance_answer(it) for it in page], next_cursor=more)

    @router.get("/accounts/{account:path}/balance")
    async def get_balance(marketplace: str, account: Account, currency: Currency) -> BalanceAnswer:
        """Return the balance of one account: the sum of its stripes."""
        tenant = marketplace_of(marketplaces, marketplace)
        amount = await accounts.balance(tenant.id, account, currency)
        if amount is None:
            raise Problem(404, "account_unknown", f"nothing was ever booked in {account!r} in {currency}")
        return BalanceAnswer(account=account, currency=currency, balance_minor=amount)

    @router.get("/accounts/{account:path}/entries")
    async def list_entries(
        marketplace: str, account: Account, currency: Currency, cursor: Cursor = None, limit: Limit = PAGE_ITEMS
    ) -> EntryPage:
        """Return the entries of one account, the oldest first."""
        tenant = marketplace_of(marketplaces, marketplace)
        after = key_of(cursor, str)
        found = await accounts.entries(tenant.id, account, currency, after[0] if after else None, limit + 1)
        page = found[:limit]
        more = cursor_of(page[-1].transaction_id) if len(found) > limit else None
        return EntryPage(items=[entry_answer(it) for it in page], next_cursor=more)

    return router
