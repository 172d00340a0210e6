"""The routes by which an account is opened under a product, and by which it is said who may receive from it."""

from http import HTTPStatus
from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response

from sandbox.api import bodies
from sandbox.api.bodies import Account, documented, read, write
from sandbox.domain.behaviours.about import DIRECT
from sandbox.handlers import Handlers
from sandbox.problems import Problem
from sandbox.store import frozen
from sandbox.store.callbacks import Callbacks
from sandbox.store.connection import Connection, Session
from shared.profiles import shipped

_ACCOUNT: Final = msgspec.json.Decoder(bodies.AccountBody)
_BOUND: Final = msgspec.json.Decoder(bodies.BoundBatch)
_CALLBACKS: Final = msgspec.json.Decoder(bodies.CallbackBody)
_CAP: Final = msgspec.json.Decoder(bodies.CapBody)


def routes(handlers: Handlers, connection: Connection, callbacks: Callbacks) -> APIRouter:
    """Return the routes of accounts."""
    router = APIRouter(prefix="/v1/accounts/{account}")

    @router.put("", openapi_extra=documented(bodies.AccountFound, bodies.AccountBody))
    async def open_account(account: Account, request: Request) -> Response:
        name = (await read(request, _ACCOUNT)).profile
        if shipped().find(name) is None:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "profile_unknown", f"there is no profile {name}")
        profile = await handlers.accounts.open(account, name)
        if profile.name != name:
            raise Problem(HTTPStatus.CONFLICT, "profile_differs", f"this account is under {profile.name}")
        return write(bodies.AccountFound(account=account, profile=name, opened=True))

    @router.get("", openapi_extra=documented(bodies.AccountFound))
    async def show_account(account: Account) -> Response:
        profile = await handlers.accounts.shown(account)
        name = DIRECT if profile is None else profile.name
        return write(bodies.AccountFound(account=account, profile=name, opened=profile is not None))

    @router.put("/callbacks", openapi_extra=documented(bodies.CallbackBody, bodies.CallbackBody))
    async def subscribe(account: Account, request: Request) -> Response:
        body = await read(request, _CALLBACKS)
        await handlers.accounts.using(account)
        await callbacks.subscribe(account, body.url)
        return write(body)

    @router.get("/callbacks", openapi_extra=documented(bodies.CallbacksFound))
    async def waiting(account: Account) -> Response:
        count = await callbacks.waiting(account)
        return write(bodies.CallbacksFound(url=callbacks.urls.get(account), waiting=count))

    _receiver_routes(router, handlers, connection)
    return router


def _receiver_routes(router: APIRouter, handlers: Handlers, connection: Connection) -> None:
    @router.post("/receivers/bind", openapi_extra=documented(bodies.BoundBatch, bodies.BoundBatch))
    async def bind(account: Account, request: Request) -> Response:
        batch = await read(request, _BOUND)
        profile = await handlers.accounts.using(account)
        if not await connection.transact(_bind, account, batch, profile.receivers_bound_max):
            most = f"a merchant binds at most {profile.receivers_bound_max} receivers"
            raise Problem(HTTPStatus.CONFLICT, profile.said("too_many_receivers"), most)
        return write(batch)

    @router.post("/receivers/unbind", openapi_extra=documented(bodies.BoundBatch, bodies.BoundBatch))
    async def unbind(account: Account, request: Request) -> Response:
        batch = await read(request, _BOUND)
        await connection.transact(_unbind, account, batch)
        return write(batch)

    @router.post("/caps", openapi_extra=documented(bodies.CapBody, bodies.CapBody))
    async def agree(account: Account, request: Request) -> Response:
        cap = await read(request, _CAP)
        await connection.transact(frozen.agree, account, cap.merchant or "", cap.cap_bp)
        return write(cap)


def _bind(session: Session, account: str, batch: bodies.BoundBatch, most: int | None) -> bool:
    wanted = {(it.merchant or "", it.receiver): it.kind for it in batch.receivers}
    known = frozen.bound(session, account, (it.receiver for it in batch.receivers))
    for merchant in {name for name, _ in wanted}:
        new = sum(1 for it in wanted if it[0] == merchant and it not in known)
        if most is not None and frozen.bound_count(session, account, merchant) + new > most:
            return False
    for (merchant, receiver), kind in wanted.items():
        frozen.bind(session, account, merchant, receiver, kind)
    return True


def _unbind(session: Session, account: str, batch: bodies.BoundBatch) -> None:
    for it in batch.receivers:
        frozen.unbind(session, account, it.merchant or "", it.receiver)
