"""The routes of bindings, and the one by which a test reads what the bank has sent to the merchant."""

from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Path, Request, Response

from sandbox.api.bodies import Account, documented, read, write
from sandbox.domain.bindings import Binding, BindingTold, told
from sandbox.domain.books import ITEMS_MAX, Id, Part
from sandbox.handlers import Handlers
from sandbox.problems import Problem

Number = Annotated[str, Path(pattern=r"^[!-.0-~]{1,64}$", description="the number of a binding")]


class BindingAnswer(Part, frozen=True, kw_only=True, gc=False):
    """What the merchant was sent: the amount of the deposit in minor units, or the code."""

    answer: Annotated[str, msgspec.Meta(max_length=64)]


class BindingQuery(Part, frozen=True, kw_only=True, gc=False):
    """Bindings asked for."""

    numbers: Annotated[tuple[Id, ...], msgspec.Meta(max_length=ITEMS_MAX)]


class BindingsFound(Part, frozen=True, kw_only=True, gc=False):
    """How bindings stand, in the order asked."""

    bindings: list[BindingTold]


DOCUMENTED: Final = (Binding, BindingTold, BindingAnswer, BindingQuery, BindingsFound)
_BINDING: Final = msgspec.json.Decoder(Binding)
_ANSWER: Final = msgspec.json.Decoder(BindingAnswer)
_QUERY: Final = msgspec.json.Decoder(BindingQuery)


def routes(handlers: Handlers) -> APIRouter:
    """Return the routes of bindings."""
    router = APIRouter(prefix="/v1/accounts/{account}/bindings")

    @router.post("", openapi_extra=documented(BindingTold, Binding))
    async def begin(account: Account, request: Request) -> Response:
        binding = await read(request, _BINDING)
        bound = await handlers.bind(account, binding)
        if bound is None:
            raise Problem(HTTPStatus.CONFLICT, "number_reused", "this number was used for another binding")
        return write(told(binding.number, bound))

    @router.post("/query", openapi_extra=documented(BindingsFound, BindingQuery))
    async def query(account: Account, request: Request) -> Response:
        numbers = (await read(request, _QUERY)).numbers
        known = await handlers.find_bindings(account, numbers)
        return write(BindingsFound(bindings=[told(it, known.get(it)) for it in numbers]))

    @router.post("/{number}/verify", openapi_extra=documented(BindingTold, BindingAnswer))
    async def verify(account: Account, number: Number, request: Request) -> Response:
        bound = await handlers.verify(account, number, (await read(request, _ANSWER)).answer)
        if bound is None:
            raise _unknown(number)
        return write(told(number, bound))

    @router.get("/{number}/sent", openapi_extra=documented(BindingAnswer))
    async def sent(account: Account, number: Number) -> Response:
        bound = (await handlers.find_bindings(account, [number])).get(number)
        if bound is None:
            raise _unknown(number)
        return write(BindingAnswer(answer=bound.answer))

    return router


def _unknown(number: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "binding_unknown", f"there is no binding {number}")
