"""The routes that switch faults on and off, and those that tell whether the institution lives."""

from http import HTTPStatus
from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response

from sandbox.api.bodies import Account, documented, read, write
from sandbox.domain.faults import Faults
from sandbox.problems import Problem
from sandbox.store.connection import Connection
from sandbox.store.faults import FaultSwitches

_FAULTS: Final = msgspec.json.Decoder(Faults)


def routes(switches: FaultSwitches) -> APIRouter:
    """Return the routes of an account's faults."""
    router = APIRouter(prefix="/v1/accounts/{account}/faults")

    @router.put("", openapi_extra=documented(Faults, Faults))
    async def switch(account: Account, request: Request) -> Response:
        faults = await read(request, _FAULTS)
        await switches.switch(account, faults)
        return write(faults)

    @router.get("", openapi_extra=documented(Faults))
    async def show(account: Account) -> Response:
        return write(await switches.show(account))

    @router.delete("", status_code=HTTPStatus.NO_CONTENT)
    async def remove(account: Account) -> Response:
        await switches.remove(account)
        return Response(status_code=HTTPStatus.NO_CONTENT)

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
