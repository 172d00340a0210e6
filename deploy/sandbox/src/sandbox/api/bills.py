"""The route of daily bills. A bill is sent as it is read, so that no length of it fills the memory."""

from collections.abc import AsyncIterator
from datetime import date
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse

from sandbox.api.bodies import Account
from sandbox.clock import Clock
from sandbox.domain.bills import Bill, Format, Kind, day_of, head
from sandbox.handlers import Handlers
from sandbox.problems import Problem
from sandbox.store import bills
from sandbox.store.connection import Connection

PAGE_LINES: Final = 5_000

Day = Annotated[date, Path(description="the day, as YYYY-MM-DD")]


def routes(handlers: Handlers, connection: Connection, clock: Clock) -> APIRouter:
    """Return the route of bills."""
    router = APIRouter(prefix="/v1/accounts/{account}")

    @router.get("/bills/{day}", response_class=StreamingResponse)
    async def bill(account: Account, day: Day, kind: Annotated[Kind, Query()]) -> StreamingResponse:
        format_ = (await handlers.profile(account)).bill_format
        if day_of(day, format_)[1] > clock.now():
            raise Problem(HTTPStatus.CONFLICT, "day_not_over", f"the bill of {day} is made when the day is over")
        return StreamingResponse(_bill(connection, account, kind, day, format_), media_type="text/csv; charset=utf-8")

    return router


async def _bill(connection: Connection, account: str, kind: Kind, day: date, format_: Format) -> AsyncIterator[str]:
    made, after = Bill(format_), ""
    yield head(format_)
    while True:
        page = await connection.read(bills.lines, account, kind, day_of(day, format_), after, PAGE_LINES)
        if page:
            yield "".join(map(made.line, page))
        if len(page) < PAGE_LINES:
            break
        after = page[-1].number
    for line in made.end():
        yield line
