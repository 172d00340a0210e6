"""The institution's own record, as an audit reads it: balances, and pages that keep their order. No fault hits it."""

from fastapi import APIRouter, Response

from sandbox.api import bodies
from sandbox.api.bodies import PAGE_ITEMS_MAX, Account, Cursor, Limit, documented, next_cursor, write
from sandbox.domain import payments, transfers
from sandbox.store import books, laws
from sandbox.store.connection import Connection

_POCKETS_MAX = 1_000
"""Three pockets in each of some 180 currencies."""


def routes(connection: Connection) -> APIRouter:
    """Return the routes that read the record."""
    router = APIRouter(prefix="/v1/accounts/{account}")

    @router.get("/balances", openapi_extra=documented(bodies.Pockets))
    async def balances(account: Account) -> Response:
        rows = await connection.read(books.pockets, account, _POCKETS_MAX)
        pockets = [
            bodies.PocketBalance(pocket=name, currency=currency, balance_minor=balance)
            for (name, currency), balance in rows
        ]
        return write(bodies.Pockets(pockets=pockets))

    @router.get("/law", openapi_extra=documented(bodies.Law))
    async def law(account: Account) -> Response:
        return write(bodies.Law(broken=await connection.read(laws.broken, account)))

    @router.get("/receivers", openapi_extra=documented(bodies.Receivers))
    async def receivers(account: Account, cursor: Cursor = "", limit: Limit = PAGE_ITEMS_MAX) -> Response:
        rows = await connection.read(books.receivers_after, account, cursor, limit)
        shown = [
            bodies.ReceiverBalance(receiver=name, currency=currency, balance_minor=balance)
            for (name, currency), balance in rows
        ]
        after = next_cursor((f"{row.receiver}/{row.currency}" for row in shown), limit)
        return write(bodies.Receivers(receivers=shown, next_cursor=after))

    @router.get("/payments", openapi_extra=documented(bodies.PaymentsFound))
    async def payments_record(account: Account, cursor: Cursor = "", limit: Limit = PAGE_ITEMS_MAX) -> Response:
        rows = await connection.read(books.payments_after, account, cursor, limit)
        shown = [payments.found(row.payment_id, row) for row in rows]
        after = next_cursor((row.payment_id for row in shown), limit)
        return write(bodies.PaymentsFound(payments=shown, next_cursor=after))

    @router.get("/transfers", openapi_extra=documented(bodies.TransfersFound))
    async def transfers_record(account: Account, cursor: Cursor = "", limit: Limit = PAGE_ITEMS_MAX) -> Response:
        rows = await connection.read(books.transfers_after, account, cursor, limit)
        shown = [transfers.found(row.transfer.number, row) for row in rows]
        after = next_cursor((row.number for row in shown), limit)
        return write(bodies.TransfersFound(transfers=shown, next_cursor=after))

    return router
