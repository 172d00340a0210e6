"""The routes that switch faults on and off, have a bank return money, and tell whether the institution lives."""

from http import HTTPStatus
from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response

from sandbox.api.bodies import (
    PAGE_ITEMS_MAX,
    Account,
    ClockBody,
    Cursor,
    Limit,
    ReturnBatch,
    SheetConfirmation,
    TransfersFound,
    documented,
    next_cursor,
    read,
    write,
)
from sandbox.clock import Clock
from sandbox.domain import transfers
from sandbox.domain.faults import Faults
from sandbox.handlers import Handlers
from sandbox.problems import Problem
from sandbox.store.connection import Connection
from sandbox.store.faults import FaultSwitches

_SHEET: Final = msgspec.json.Decoder(SheetConfirmation)
_CLOCK: Final = msgspec.json.Decoder(ClockBody)
_FAULTS: Final = msgspec.json.Decoder(Faults)


_RETURNS: Final = msgspec.json.Decoder(ReturnBatch)


def routes(switches: FaultSwitches, handlers: Handlers) -> APIRouter:
    """Return the routes of what goes wrong with an account."""
    router = APIRouter(prefix="/v1/accounts/{account}")

    @router.post("/returns", openapi_extra=documented(TransfersFound, ReturnBatch))
    async def give_back(account: Account, request: Request) -> Response:
        batch = await read(request, _RETURNS)
        return write(TransfersFound(transfers=await handlers.give_back(account, batch.numbers, batch.reason)))

    @router.put("/faults", openapi_extra=documented(Faults, Faults))
    async def switch(account: Account, request: Request) -> Response:
        faults = await read(request, _FAULTS)
        await switches.switch(account, faults)
        return write(faults)

    @router.get("/faults", openapi_extra=documented(Faults))
    async def show(account: Account) -> Response:
        return write(await switches.show(account))

    @router.delete("/faults", status_code=HTTPStatus.NO_CONTENT)
    async def remove(account: Account) -> Response:
        await switches.remove(account)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    return router


def sheet_routes(handlers: Handlers) -> APIRouter:
    """Return the routes of the sheet from which people move money at the bank by hand."""
    router = APIRouter(prefix="/v1/accounts/{account}/sheet")

    @router.get("", openapi_extra=documented(TransfersFound))
    async def sheet(account: Account, cursor: Cursor = "", limit: Limit = PAGE_ITEMS_MAX) -> Response:
        records = await handlers.sheet(account, cursor, limit)
        shown = [transfers.found(it.transfer.number, it) for it in records]
        after = next_cursor((row.number for row in shown), limit)
        return write(TransfersFound(transfers=shown, next_cursor=after))

    @router.post("/confirm", openapi_extra=documented(TransfersFound, SheetConfirmation))
    async def confirm(account: Account, request: Request) -> Response:
        body = await read(request, _SHEET)
        reason = None if body.done else body.reason or "not_carried_out"
        return write(TransfersFound(transfers=await handlers.confirm(account, body.numbers, reason)))

    return router


def clock_routes(clock: Clock, connection: Connection) -> APIRouter:
    """Return the route that sets the clock, for tests."""
    router = APIRouter(prefix="/v1")

    @router.put("/clock", openapi_extra=documented(ClockBody, ClockBody))
    async def set_clock(request: Request) -> Response:
        body = await read(request, _CLOCK)
        await clock.set_ahead(connection, body.ahead_s)
        return write(body)

    return router


def health(connection: Connection) -> APIRouter:
    """Return the routes that an orchestrator asks."""
    router = APIRouter()

    @router.get("/livez")
    async def lives() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz")
    async def is_ready() -> dict[str, str]:
        if not await connection.is_ready():
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "store_unavailable",
                "the institution's books cannot be locked for writing",
            )
        return {"status": "ok"}

    return router
