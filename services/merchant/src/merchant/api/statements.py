"""Routes of statements: what a merchant, or a platform account, was paid, entry by entry and in total."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import Field

from merchant.api.bodies import MerchantId
from merchant.domain.statements import EntryKind, LineKind
from merchant.store.statements import Position, Span, Statements
from shared.http import PAGE_ITEMS, Cursor, Limit, Problem, cursor_of, key_of, marketplace_of
from shared.marketplaces import Marketplaces
from shared.messages.models.contract import Attempt, Currency, Minor, Model, Timestamp, WeirId
from shared.mongo import Document

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)

Since = Annotated[Timestamp | None, Query(alias="from", description="First moment, RFC 3339; absent: from the first")]
Until = Annotated[Timestamp | None, Query(alias="to", description="First moment no longer, RFC 3339; absent: open")]


class StatementLine(Model):
    """One line of an entry: why the amount is what it is."""

    kind: LineKind
    """`gross` the sale, `freight`, `adjustments`, `commission`, `fee` of the channel, `passed_on` to others below,
    `commission_tax`, and `netted`: debt of the receiver that is paid off.
    """
    amount_minor: Minor
    """Signed, in minor units: positive is money to the receiver."""


class StatementEntry(Model):
    """One payment to a receiver, or one that came back. Its lines sum to its amount."""

    document: WeirId
    """What was paid out: `o:<order>`, or `c:<charge>` for what was paid without one, such as a reward."""
    payout_id: WeirId
    """The payout that it was part of."""
    leg_id: WeirId
    """The leg: one receiver's part of the document, the same through every attempt."""
    attempt: Attempt
    """Which attempt at the leg this is."""
    kind: EntryKind
    """`paid`, or `returned` by the bank after it had been paid (then everything is negative)."""
    amount_minor: Minor
    """In minor units of the currency."""
    currency: Currency
    """ISO 4217 code."""
    at: Timestamp
    """When the outcome was known; RFC 3339, UTC."""
    lines: list[StatementLine]
    """Why the amount is what it is."""


class StatementPage(Model):
    """Entries in order of time."""

    entries: list[StatementEntry]
    """Up to `limit` of them."""
    next_cursor: str | None
    """For the next page; null on the last."""


class StatementTotal(Model):
    """The sums of one currency, in minor units of it."""

    currency: Currency
    """ISO 4217 code."""
    entries: Annotated[int, Field(ge=0)]
    """How many payments and returns."""
    paid_minor: Annotated[int, Field(ge=0)]
    """What was paid."""
    returned_minor: Annotated[int, Field(ge=0)]
    """What came back, as a positive number."""
    net_minor: int
    """paid_minor - returned_minor."""


class StatementTotals(Model):
    """The sums of a span of time, by currency."""

    totals: list[StatementTotal]
    """One for each currency that occurs, in order of its code."""


def routes(router: APIRouter, statements: Statements, marketplaces: Marketplaces) -> None:
    """Add the routes of statements. Whoever is paid has one, also a receiver that is no merchant here."""

    @router.get("/merchants/{merchant}/statement-lines")
    async def list_statement_lines(
        marketplace: str,
        merchant: MerchantId,
        since: Since = None,
        until: Until = None,
        cursor: Cursor = None,
        limit: Limit = PAGE_ITEMS,
    ) -> StatementPage:
        """List what was paid to a merchant, or to `platform:commission`, `:fee` or `:tax`, in order of time.

        Every entry that is there when the first page is read comes exactly once, whatever is added meanwhile.
        """
        marketplace_of(marketplaces, marketplace)
        found = await statements.page(Span(marketplace, merchant, since, until), _after(cursor), limit + 1)
        shown = [StatementEntry.model_validate(it) for it in found[:limit]]
        return StatementPage(entries=shown, next_cursor=_cursor(found[limit - 1]) if len(found) > limit else None)

    @router.get("/merchants/{merchant}/statement-totals")
    async def show_statement_totals(
        marketplace: str, merchant: MerchantId, since: Since = None, until: Until = None
    ) -> StatementTotals:
        """Show what was paid to a merchant in sum, by currency."""
        marketplace_of(marketplaces, marketplace)
        found = await statements.totals(Span(marketplace, merchant, since, until))
        totals = [StatementTotal.model_validate(it | {"currency": it["_id"]}) for it in found]
        return StatementTotals(totals=totals)


def _cursor(entry: Document) -> str:
    # `int`: the driver reads a 64-bit integer as a class of its own.
    return cursor_of((entry["at"] - EPOCH) // MILLISECOND, entry["_id"], int(entry["position"]))


def _after(cursor: str | None) -> Position | None:
    key = key_of(cursor, int, str, int)
    if key is None:
        return None
    try:
        return Position(EPOCH + key[0] * MILLISECOND, key[1], key[2])
    except OverflowError:
        raise Problem(422, "cursor_invalid", "use next_cursor of the page before, or none") from None
