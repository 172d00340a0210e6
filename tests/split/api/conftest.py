"""Split's routes on a real MongoDB, as the marketplace `test-a` asks them."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from tests.split.replica import Replica

from shared import http


@pytest.fixture
async def api(replica: Replica) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    http.install(app)
    app.include_router(replica.parts.router)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://split/v1/marketplaces/test-a") as client:
        yield client
