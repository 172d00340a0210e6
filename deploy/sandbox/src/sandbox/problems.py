"""How the institution says no: problem+json (RFC 9457) with a `reason` from a closed set. No decision is made here."""

import logging
from http import HTTPStatus

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from sandbox.domain.books import BALANCE_MINOR_MAX
from sandbox.store.connection import BalanceOutOfRangeError, OutcomeUnknownError, StoreError

log = logging.getLogger("sandbox")


class Problem(Exception):  # noqa: N818 - it is an answer, not an error of the program
    """An answer other than yes."""

    def __init__(self, status: HTTPStatus, reason: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.headers = headers
        self.status = status
        self.reason = reason
        self.detail = detail


def answer(status: HTTPStatus, reason: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    """Return the problem as HTTP shows it."""
    body = {"type": "about:blank", "title": status.phrase, "status": status, "reason": reason, "detail": detail}
    return Response(msgspec.json.encode(body), status, headers, "application/problem+json")


def install(app: FastAPI) -> None:
    """Let every way of failing end in problem+json. A 4xx and a 503 promise that nothing was done."""

    @app.exception_handler(Problem)
    async def said_no(_: Request, problem: Problem) -> Response:
        return answer(problem.status, problem.reason, problem.detail, problem.headers)

    @app.exception_handler(HTTPException)
    async def no_such_route(_: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        return answer(status, status.name.lower(), str(error.detail), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def bad_parameter(_: Request, error: RequestValidationError) -> Response:
        details = [f"{' '.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()]
        return answer(HTTPStatus.UNPROCESSABLE_ENTITY, "parameter_invalid", "; ".join(details))

    @app.exception_handler(ClientDisconnect)
    async def caller_left(_: Request, __: ClientDisconnect) -> Response:
        return answer(HTTPStatus.BAD_REQUEST, "body_incomplete", "the caller left before the end of the body")

    @app.exception_handler(BalanceOutOfRangeError)
    async def too_much(_: Request, __: BalanceOutOfRangeError) -> Response:
        detail = f"a balance would leave 0 to {BALANCE_MINOR_MAX}; nothing of the request was done"
        return answer(HTTPStatus.CONFLICT, "balance_out_of_range", detail)

    @app.exception_handler(OutcomeUnknownError)
    async def unknown(_: Request, __: OutcomeUnknownError) -> Response:
        # Never 503, which promises that nothing was done.
        detail = "it may have been done; ask by the same number"
        return answer(HTTPStatus.GATEWAY_TIMEOUT, "outcome_unknown", detail)

    @app.exception_handler(Exception)
    async def a_bug(_: Request, __: Exception) -> Response:
        detail = "a mistake of the institution; it may have been done; ask by the same number"
        return answer(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", detail)

    @app.exception_handler(StoreError)
    async def store_failed(_: Request, error: StoreError) -> Response:
        log.error("the store does not answer: %s", error)
        detail = "the institution's books cannot be reached; ask again by the same number"
        return answer(HTTPStatus.SERVICE_UNAVAILABLE, "store_unavailable", detail, {"Retry-After": "1"})
