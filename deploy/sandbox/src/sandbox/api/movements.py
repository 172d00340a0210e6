"""The routes that move money or ask about it, each behind the faults of its account."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response

from sandbox.api import bodies
from sandbox.api.bodies import Account, documented, read, write
from sandbox.api.rates import Limiter
from sandbox.domain.books import Part
from sandbox.domain.faults import Faults, Operation
from sandbox.domain.payments import Fund
from sandbox.domain.transfers import Transfer
from sandbox.handlers import Handlers
from sandbox.hangup import NoAnswer
from sandbox.problems import Problem
from sandbox.store.faults import FaultSwitches

type Execute = Callable[[Faults], Awaitable[Part]]
type Serve = Callable[..., Awaitable[Response]]

_PAYMENTS: Final = msgspec.json.Decoder(bodies.PaymentBatch)
_PAYMENT_QUERY: Final = msgspec.json.Decoder(bodies.PaymentQuery)
_FUND: Final = msgspec.json.Decoder(Fund)
_TRANSFERS: Final = msgspec.json.Decoder(bodies.TransferBatch)
_TRANSFER_QUERY: Final = msgspec.json.Decoder(bodies.TransferQuery)


def routes(handlers: Handlers, switches: FaultSwitches) -> APIRouter:
    """Return the routes for money in and money out."""
    router = APIRouter(prefix="/v1/accounts/{account}")
    limiter = Limiter()

    async def serve(
        operation: Operation, account: str, execute: Execute, transfers: Sequence[Transfer] = ()
    ) -> Response:
        faults = await switches.take(account, operation, transfers)
        if faults.rate_limit is not None:
            limiter.take(f"{account} {operation}", faults.rate_limit)
        return await _serve(faults, execute)

    _money_in(router, handlers, serve)
    _money_out(router, handlers, serve, limiter)
    return router


def _money_in(router: APIRouter, handlers: Handlers, serve: Serve) -> None:
    @router.post("/payments", openapi_extra=documented(bodies.PaymentAnswers, bodies.PaymentBatch))
    async def take_payments(account: Account, request: Request) -> Response:
        batch = (await read(request, _PAYMENTS)).payments

        async def execute(_: Faults) -> Part:
            return bodies.PaymentAnswers(payments=await handlers.take_payments(account, batch))

        return await serve("payments", account, execute)

    @router.post("/payments/query", openapi_extra=documented(bodies.PaymentsFound, bodies.PaymentQuery))
    async def find_payments(account: Account, request: Request) -> Response:
        payment_ids = (await read(request, _PAYMENT_QUERY)).payment_ids

        async def execute(_: Faults) -> Part:
            return bodies.PaymentsFound(payments=await handlers.find_payments(account, payment_ids))

        return await serve("payments/query", account, execute)

    @router.post("/funds", openapi_extra=documented(bodies.FundAnswer, Fund))
    async def take_fund(account: Account, request: Request) -> Response:
        fund = await read(request, _FUND)

        async def execute(_: Faults) -> Part:
            if not await handlers.take_fund(account, fund):
                raise Problem(HTTPStatus.CONFLICT, "fund_differs", "this fund_id was used for another deposit")
            return bodies.FundAnswer(**msgspec.structs.asdict(fund))

        return await serve("funds", account, execute)


def _money_out(router: APIRouter, handlers: Handlers, serve: Serve, limiter: Limiter) -> None:
    @router.post("/transfers", openapi_extra=documented(bodies.TransferAnswers, bodies.TransferBatch))
    async def execute_transfers(account: Account, request: Request) -> Response:
        body = await read(request, _TRANSFERS)
        batch, profile = body.transfers, await handlers.profile(account)
        if body.profile is not None and body.profile != profile.name:
            raise Problem(HTTPStatus.CONFLICT, "profile_differs", f"this account is under {profile.name}")
        if profile.rates.per_account:
            limiter.obey(account, batch, profile)

        async def execute(faults: Faults) -> Part:
            return bodies.TransferAnswers(transfers=await handlers.execute(account, batch, faults))

        return await serve("transfers", account, execute, batch)

    @router.post("/transfers/query", openapi_extra=documented(bodies.TransfersFound, bodies.TransferQuery))
    async def find_transfers(account: Account, request: Request) -> Response:
        numbers = (await read(request, _TRANSFER_QUERY)).numbers

        async def execute(faults: Faults) -> Part:
            return bodies.TransfersFound(transfers=await handlers.find_transfers(account, numbers, faults))

        return await serve("transfers/query", account, execute)


async def _serve(faults: Faults, execute: Execute) -> Response:
    """Execute under the faults that hit this request. Nobody else waits while it is slow: no lock is held here."""
    if faults.latency_s:
        await asyncio.sleep(faults.latency_s)
    match faults.answer:
        case "unavailable":
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "the institution is closed; nothing was done")
        case "drop_before":
            return NoAnswer()
        case "drop_after":
            await execute(faults)
            return NoAnswer()
        case "normal":
            return write(await execute(faults))
