"""The routes of what the institution moves by itself: tests and operators ask for it, payments polls what happened."""

from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from sandbox.api import bodies
from sandbox.api.bodies import PAGE_ITEMS_MAX, Account, Limit, documented, read, write
from sandbox.domain import movements
from sandbox.handlers import Handlers
from sandbox.problems import Problem

_MOVEMENTS: Final = msgspec.json.Decoder(bodies.MovementBatch)
_REGISTRATION: Final = msgspec.json.Decoder(bodies.Registration)

Seq = Annotated[str, Query(pattern=r"^[0-9]{0,18}$", description="`next_cursor` of the page before")]
MovementId = Annotated[str, Path(pattern=r"^[!-.0-~]{1,64}$", description="the number of an inbound movement")]


def routes(handlers: Handlers) -> APIRouter:
    """Return the routes of movements and of suspense."""
    router = APIRouter(prefix="/v1/accounts/{account}")

    @router.post("/movements", openapi_extra=documented(bodies.MovementAnswers, bodies.MovementBatch))
    async def move(account: Account, request: Request) -> Response:
        batch = (await read(request, _MOVEMENTS)).movements
        return write(bodies.MovementAnswers(movements=await handlers.move(account, batch)))

    @router.get("/movements", openapi_extra=documented(bodies.MovementsFound))
    async def moved(account: Account, cursor: Seq = "", limit: Limit = PAGE_ITEMS_MAX) -> Response:
        found = await handlers.find_movements(account, int(cursor or 0), limit)
        after = str(found[-1].seq) if found else None
        return write(bodies.MovementsFound(movements=[movements.found(it) for it in found], next_cursor=after))

    @router.post(
        "/suspense/{movement_id}/register", openapi_extra=documented(movements.MovementFound, bodies.Registration)
    )
    async def register(account: Account, movement_id: MovementId, request: Request) -> Response:
        merchant = (await read(request, _REGISTRATION)).merchant
        return await _register(account, movement_id, merchant)

    @router.post("/suspense/{movement_id}/unregister", openapi_extra=documented(movements.MovementFound))
    async def unregister(account: Account, movement_id: MovementId) -> Response:
        return await _register(account, movement_id, None)

    async def _register(account: str, movement_id: str, merchant: str | None) -> Response:
        found = await handlers.register(account, movement_id, merchant)
        if found is None:
            raise Problem(HTTPStatus.NOT_FOUND, "movement_unknown", f"nothing came in as {movement_id} without a name")
        return write(movements.found(found))

    return router
