"""HTTP in from institutions: a callback is bounded, believed by its signature, stored, and answered. Nothing more."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request, Response
from starlette.requests import ClientDisconnect

from payments.domain.callbacks import BODY_BYTES_MAX, UnreadableError
from payments.handlers.callbacks import SIGNATURE, TIMESTAMP, CallbackHandlers, NotBelievedError
from shared.http import PROBLEM_TYPE, PROBLEMS, Problem, ProblemBody

BODY_S_MAX: Final = 5.0
"""How long a body may take to come: whoever sends none holds a connection."""

_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": said, "content": {PROBLEM_TYPE: {"schema": ProblemBody.model_json_schema()}}}
    for status, said in {401: "not believed", 408: "the body did not come in time"}.items()
}
_BODY: Final = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}

Timestamp = Annotated[str | None, Header(alias=TIMESTAMP, description="unix seconds")]
Signature = Annotated[str | None, Header(alias=SIGNATURE, description="HMAC-SHA256, hexadecimal")]


def routes(handlers: CallbackHandlers) -> APIRouter:
    """Return the route by which institutions tell of something. Whose it is, its account says."""
    router = APIRouter(prefix="/v1/callbacks")

    @router.post("/{profile}/{account}", status_code=204, responses=PROBLEMS | _RESPONSES, openapi_extra=_BODY)
    async def take_callback(
        profile: str, account: str, request: Request, timestamp: Timestamp = None, signature: Signature = None
    ) -> Response:
        """Keep a callback; the same again is answered the same. The signature is over `<timestamp>.<body>`."""
        try:
            owner = handlers.addressed(profile, account, timestamp, signature)
            body = await _body(request)
            await handlers.take(owner, (profile, account), request.headers, body)
        except NotBelievedError as error:
            raise Problem(401, "not_believed", "this is not known to be from the institution") from error
        except UnreadableError as error:
            raise Problem(422, "contract", str(error)) from error
        return Response(status_code=204)

    return router


async def _body(request: Request) -> bytes:
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > BODY_BYTES_MAX:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S_MAX):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    raise _too_large()
    except TimeoutError as error:
        raise Problem(408, "body_too_slow", f"a body has {BODY_S_MAX} s to come") from error
    except ClientDisconnect as error:
        raise Problem(400, "body_incomplete", "the caller left before the end of the body") from error
    return bytes(body)


def _too_large() -> Problem:
    return Problem(413, "body_too_large", f"at most {BODY_BYTES_MAX} bytes")
