"""HTTP in, the same in every service: problem+json for every error, bounded bodies, cursors. No route of a service."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import structlog
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.commits import ConflictError, OutageError
from shared.marketplaces import Marketplace, Marketplaces

BODY_BYTES_MAX: Final = 1_048_576
PAGE_ITEMS_MAX: Final = 500
PAGE_ITEMS: Final = 100
PROBLEM_TYPE: Final = "application/problem+json"

log = structlog.get_logger(__name__)

Cursor = Annotated[str | None, Query(max_length=600, description="`next_cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=PAGE_ITEMS_MAX, description="items of a page")]


class ProblemBody(BaseModel):
    """An error as RFC 9457 has it. `reason` is from a closed set and is what a program should look at."""

    type: str = "about:blank"
    title: str
    status: int
    reason: str
    detail: str = ""
    errors: Annotated[list[dict[str, str]], Field(default_factory=list)]


class Problem(Exception):  # noqa: N818 - the field's term for it
    """A request that is refused: a status, a reason from a closed set, and a sentence for people."""

    def __init__(self, status: int, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.detail = detail


def problem(status: int, reason: str, detail: str = "", errors: Sequence[Mapping[str, str]] = ()) -> JSONResponse:
    """Return an error answer."""
    title = reason.replace("_", " ")
    body = {"type": "about:blank", "title": title, "status": status, "reason": reason, "detail": detail}
    return JSONResponse(body | {"errors": list(errors)}, status, media_type=PROBLEM_TYPE)


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    # Not `model`, for which FastAPI would say application/json.
    status: {"description": description, "content": {PROBLEM_TYPE: {"schema": ProblemBody.model_json_schema()}}}
    for status, description in {
        400: "not understood",
        404: "not found",
        405: "no such method here",
        409: "conflicts with what is stored",
        413: "body too large",
        422: "refused, with the fields and the reason",
        503: "MongoDB or Kafka is away; ask again",
    }.items()
}


def install(app: FastAPI) -> None:
    """Answer every error of this app in one form, and bound every body."""
    app.add_middleware(BodyLimit)
    app.add_exception_handler(Problem, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unknown)
    app.add_exception_handler(ConflictError, _busy)
    app.add_exception_handler(OutageError, _away)
    app.add_exception_handler(Exception, _failed)


def parameter(pattern: str) -> str:
    """Return a pattern of shared.ids for a path, query or header parameter.

    FastAPI reads those with an engine that has no look-around; in it `$` is the end, so nothing is lost.
    """
    return pattern.replace(r"(?!\n)", "")


def marketplace_of(marketplaces: Marketplaces, identity: str) -> Marketplace:
    """Return a marketplace.

    Raises:
        Problem: 404, there is none of that name.

    """
    found = marketplaces.find(identity)
    if found is None:
        raise Problem(404, "marketplace_unknown", f"no marketplace {identity!r} is configured")
    return found


def cursor_of(*key: str | int) -> str:
    """Return an opaque cursor that continues after this key."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def key_of(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """Return the key in a cursor; None for the first page.

    Raises:
        Problem: 422, it is not a cursor of this listing.

    """
    if cursor is None:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor))
    except (ValueError, RecursionError, binascii.Error):
        key = None
    if not isinstance(key, list) or [type(part) for part in key] != list(kinds) or not all(map(_storable, key)):
        raise Problem(422, "cursor_invalid", "use next_cursor of the page before, or none")
    return tuple(key)


def _storable(part: str | int) -> bool:
    """Tell whether MongoDB can be asked about this: 64-bit integers, and text without lone surrogates."""
    if isinstance(part, int):
        return -(2**63) <= part < 2**63
    return part.isascii() or part.encode("utf-8", "replace").decode() == part


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for this class
    return problem(error.status, error.reason, error.detail)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
    errors = [{"field": ".".join(map(str, it["loc"])), "message": it["msg"]} for it in error.errors()]
    if any(it["type"] == "json_invalid" for it in error.errors()):
        return problem(400, "not_json", "the body is not JSON", errors)
    return problem(422, "contract", "the request does not keep its contract", errors[:50])


async def _unknown(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    reasons = {404: "route_unknown", 405: "method_not_allowed", 413: "body_too_large"}
    answer = problem(error.status_code, reasons.get(error.status_code, "refused"), str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


async def _busy(_: Request, error: Exception) -> Response:
    return problem(503, "busy", f"somebody else is writing the same; ask again ({error})")


async def _away(_: Request, error: Exception) -> Response:
    log.warning("request met an outage", error=str(error))
    return problem(503, "outage", "the store or the broker is away; ask again")


async def _failed(request: Request, error: Exception) -> Response:
    log.error("request failed", path=request.url.path, exc_info=error)
    return problem(500, "internal", "this is a bug; the log has it")


class BodyLimit:
    """Refuses a body over 1 MiB, announced or not, before anything reads it whole."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > BODY_BYTES_MAX:
            await problem(413, "body_too_large", f"at most {BODY_BYTES_MAX} bytes")(scope, receive, send)
            return
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > BODY_BYTES_MAX:  # the one exception that FastAPI does not take for a body it cannot read
                raise HTTPException(413, f"at most {BODY_BYTES_MAX} bytes")
            return message

        await self._app(scope, limited, send)
