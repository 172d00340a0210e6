"""The stores of all services, for reading only. Commands look; what they find wrong is mended by the services.

Two things are written from here, both requests of an operator: a park's release, and a note of each redriven letter.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

from pymongo.errors import PyMongoError

from shared.mongo import Client, Database, Document, connect

SERVICES: Final = ("payments", "split", "aftersale", "merchant")
CHUNK: Final = 1_000


class StoresUnreachableError(Exception):
    """MongoDB does not answer; the message says where it was looked for."""


class Stores:
    """One database for each service. `prefix` keeps a test's apart from another's."""

    def __init__(self, client: Client, prefix: str = "", url: str = "") -> None:
        """Open no connection yet."""
        self.client = client
        self.prefix = prefix
        self.url = url
        self.payments: Database = client[f"{prefix}payments"]
        self.split: Database = client[f"{prefix}split"]
        self.aftersale: Database = client[f"{prefix}aftersale"]
        self.merchant: Database = client[f"{prefix}merchant"]
        self.ops: Database = client[f"{prefix}ops"]

    def of(self, service: str) -> Database:
        """Return the database of a service."""
        found: Database = getattr(self, service)
        return found


@asynccontextmanager
async def opened(url: str, prefix: str = "") -> AsyncIterator[Stores]:
    """Hold connections to the stores.

    Raises:
        StoresUnreachableError: MongoDB did not answer, now or later.

    """
    try:
        client = connect(url)
    except (PyMongoError, ValueError) as error:  # in its own words there may be a piece of the password
        message = "the address of MongoDB is no URL that its driver takes; percent-encode user name and password in it"
        raise StoresUnreachableError(message) from error
    try:
        await client.admin.command("ping")
        yield Stores(client, prefix, url)
    except PyMongoError as error:
        message = f"MongoDB does not answer as it should: {_briefly(error)}"
        raise StoresUnreachableError(message) from error
    finally:
        client.close()


def _briefly(error: PyMongoError) -> str:
    """Return what failed, without the driver's picture of the whole cluster that follows it."""
    return str(error).partition(" (configured timeouts")[0].partition(", Timeout:")[0].partition(", full error:")[0]


async def by_id(
    database: Database, collection: str, identities: Iterable[object], fields: Iterable[str] = ()
) -> dict[Any, Document]:
    """Return the documents of these ids that are there."""
    query = {"_id": {"$in": list(identities)}}
    projection = dict.fromkeys(fields, 1) or None
    return {it["_id"]: it async for it in database[collection].find(query, projection)}


def within(marketplace: str | None, field: str = "marketplace") -> dict[str, Any]:
    """Return the query for one marketplace, or for all."""
    return {} if marketplace is None else {field: marketplace}


def prefixed(marketplace: str | None, field: str = "_id") -> dict[str, Any]:
    """Return the query for keys `<marketplace>/…` of one marketplace, or for all: a range, so that `_id` serves it."""
    if marketplace is None:
        return {}
    return {field: {"$gte": f"{marketplace}/", "$lt": f"{marketplace}0"}}  # `0` is what follows `/`
