"""What must be there before the floor runs: collections with Weir's indexes, and split's copies of the merchants."""

from typing import Any, Final

import msgspec
from pymongo import ASCENDING, MongoClient
from tests.bench.load import MARKETPLACE, drafts

from ops.runtime.state import SERVICES

type Keys = list[tuple[str, int]]

WAITING: Final = {"ask_at": {"$gt": 0}}
INDEXES: Final[dict[tuple[str, str], list[tuple[tuple[str, ...], dict[str, Any]]]]] = {
    ("payments", "orders"): [
        (("ask_at", "channel_profile", "state", "received_at"), {"partialFilterExpression": WAITING}),
        (("received_at",), {"partialFilterExpression": {"unpaid_minor": {"$gt": 0}}}),
    ],
    ("payments", "claims"): [],
    ("payments", "payouts"): [
        (("ask_at", "channel_profile", "waits", "created_at"), {"partialFilterExpression": WAITING}),
        (("open_legs",), {"unique": True, "partialFilterExpression": {"open_legs": {"$gt": ""}}}),
        (("closed_legs",), {"partialFilterExpression": {"closed_legs": {"$gt": ""}}}),
    ],
    ("split", "orders"): [],
    ("split", "transactions"): [(("marketplace", "currency", "entries.account", "_id"), {})],
    ("split", "balances"): [(("marketplace", "currency", "account", "stripe"), {})],
    ("split", "heads"): [],
    ("split", "links"): [],
    ("merchant", "statement_lines"): [(("marketplace", "merchant", "at", "_id", "currency", "amount_minor"), {})],
    ("aftersale", "orders"): [],
}


def prepare(mongo_url: str) -> None:
    """Make collections, indexes and merchants."""
    with MongoClient[dict[str, Any]](mongo_url) as client:
        for (database, collection), indexes in INDEXES.items():
            client[database].create_collection(collection)
            for fields, options in indexes:
                client[database][collection].create_index([(field, ASCENDING) for field in fields], **options)
        for service in SERVICES:
            outbox = client[service].create_collection("outbox")
            outbox.create_index([("group", ASCENDING), ("partition", ASCENDING), ("seq", ASCENDING)])
            outbox.create_index([("at", ASCENDING)])
        client["split"]["merchants"].insert_many([_copy(draft.merchant) for draft in drafts()])


def _copy(merchant: str) -> dict[str, Any]:
    """Return a copy of a merchant, of the size that Weir keeps."""
    agreement = {"version": 1, "commission_bp": 1_000, "terms": "-" * 450}
    body = {"marketplace": MARKETPLACE, "merchant": merchant, "version": 1, "agreements": [agreement]}
    return {"_id": f"{MARKETPLACE}/{merchant}", "version": 1, "body": msgspec.json.encode(body), "blocked": []}
