"""Composition root of the institution: everything is wired here by hand, nothing at import time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from sandbox import problems
from sandbox.api import accounts, bills, bindings, bodies, movements, moving, records, switches
from sandbox.clock import Clock
from sandbox.handlers import Handlers
from sandbox.hangup import Caller
from sandbox.messenger import Keys, Messenger
from sandbox.settings import Settings, load, refuse
from sandbox.store.callbacks import Callbacks
from sandbox.store.connection import Connection, StoreError
from sandbox.store.faults import FaultSwitches
from shared.profiles import shipped


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the institution; `python -m uvicorn --factory sandbox.app:create_app` runs it."""
    settings = settings or load()
    shipped()  # a mistake in a profile stops the start, not a request
    connection = Connection(settings.database)
    try:
        connection.prepare()
    except StoreError as error:
        need = "it must be a file, made if missing, in a folder that can be written"
        refuse([f"SANDBOX_DATABASE: {settings.database}: {error}; {need}"])
    faults = FaultSwitches(connection)
    clock, callbacks = Clock(), Callbacks(connection)
    handlers = Handlers(connection, clock, callbacks)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            connection.open()
            if settings.environment == "test":
                await clock.read(connection)
            await callbacks.read()
            messenger = Messenger(handlers, callbacks, faults, Keys(settings.keys_dir), clock)
            sending = asyncio.create_task(messenger.run())
            yield
            sending.cancel()
            await asyncio.wait([sending])
        finally:
            connection.close()

    app = Institution(title="Sandbox institution", lifespan=lifespan)
    problems.install(app)
    app.include_router(accounts.routes(handlers, connection, callbacks))
    app.include_router(bindings.routes(handlers))
    app.include_router(bills.routes(handlers, connection, clock))
    app.include_router(moving.routes(handlers))
    app.include_router(movements.routes(handlers, faults))
    app.include_router(records.routes(connection))
    app.include_router(switches.sheet_routes(handlers))
    app.include_router(switches.routes(faults, handlers))
    if settings.environment == "test":
        app.include_router(switches.clock_routes(clock, connection))
    app.include_router(switches.health(connection))
    return app


class Institution(Caller):
    """The application, whose OpenAPI document includes the bodies that FastAPI does not read itself."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        document = super().openapi()
        document.setdefault("components", {}).setdefault("schemas", {}).update(bodies.schemas(bindings.DOCUMENTED))
        return document
