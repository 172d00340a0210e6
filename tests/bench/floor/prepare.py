"""What must be there before the floor runs: Weir's own collections and indexes, and split's copies of the merchants."""

import importlib
from typing import Any

import msgspec
from tests.bench.load import MARKETPLACE, drafts

from ops.runtime.state import SERVICES
from shared import mongo, outbox


async def prepare(mongo_url: str) -> None:
    """Make collections, indexes and merchants."""
    client = mongo.connect(mongo_url)
    try:
        for service in SERVICES:
            store = importlib.import_module(f"{service}.store")
            await mongo.prepare(client[service], {**store.INDEXES, **outbox.INDEXES})
        await client["split"]["merchants"].insert_many([_copy(draft.merchant) for draft in drafts()])
    finally:
        client.close()


def _copy(merchant: str) -> dict[str, Any]:
    """Return a copy of a merchant, of the size that Weir keeps."""
    agreement = {"version": 1, "commission_bp": 1_000, "terms": "-" * 450}
    body = {"marketplace": MARKETPLACE, "merchant": merchant, "version": 1, "agreements": [agreement]}
    return {"_id": f"{MARKETPLACE}/{merchant}", "version": 1, "body": msgspec.json.encode(body), "blocked": []}
