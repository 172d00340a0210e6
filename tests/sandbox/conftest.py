"""The institution in this process, on a file of the test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.sandbox.asking import Customer

from sandbox.app import create_app
from sandbox.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(database=tmp_path / "sandbox.db", environment="test")


@pytest.fixture
async def institution(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Return a customer's connection to the institution; paths are relative to the account `acc`."""
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://institution/v1/accounts/acc/") as client,
    ):
        yield client


@pytest.fixture
def customer(institution: httpx.AsyncClient) -> Customer:
    """Return a platform with the account `acc`, which nobody has opened yet."""
    return Customer(institution)
