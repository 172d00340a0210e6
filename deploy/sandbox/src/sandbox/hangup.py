"""Ends a request by closing its TCP connection without an answer, as a network failure would. Nothing else is here."""

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI, Response
from starlette.types import Receive, Scope, Send

_HANG_UP: Final = "sandbox.hang_up"


class Caller(FastAPI):
    """An application whose routes may hang up on their caller."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Keep a way to the connection for `NoAnswer`, before any layer wraps `send`."""
        if scope["type"] == "http":

            async def hang_up() -> None:
                _connection(send)()
                while (await receive())["type"] != "http.disconnect":
                    pass  # the server must have seen the end, or it would answer 500 by itself

            scope.setdefault("extensions", {})[_HANG_UP] = hang_up
        await super().__call__(scope, receive, send)


class NoAnswer(Response):
    """The answer that never comes: nothing is sent, the connection closes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - Response's signature
        """Close the connection."""
        hang_up: Callable[[], Awaitable[None]] = scope["extensions"][_HANG_UP]
        await hang_up()


def _connection(send: Send) -> Callable[[], None]:
    """Return what closes the connection: uvicorn's `send` belongs to its request cycle, which holds the transport."""
    close: Callable[[], None] = send.__self__.transport.abort  # type: ignore[attr-defined]
    return close
