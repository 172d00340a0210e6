"""The documents of merchant: what stands on statements."""

from collections.abc import Sequence
from typing import Final

from ops.audit.rows import Stated
from ops.audit.shapes import Query, Rows, Source, of_document, order_of
from ops.stores import prefixed
from shared.mongo import Document


def _statement(it: Document) -> Rows:
    for entry in it["entries"]:
        order = order_of(entry["leg_id"])
        yield order, Stated(order, entry["leg_id"], entry["kind"], entry["amount_minor"])


def _statements_of(orders: Sequence[str]) -> Query:
    starts = [of_document(order) for order in orders]
    # `/` follows `.`, which a payout's number follows. Another order's id may begin so; rows are told by their order.
    return {"$or": [{"_id": {"$gte": f"{start}.", "$lt": f"{start}/"}} for start in starts]}


def _is_named(it: Document) -> bool:
    return all(str(it["_id"]).startswith(f"{of_document(order_of(entry['leg_id']))}.") for entry in it["entries"])


STATEMENTS: Final = Source(
    "merchant",
    "statements",
    ("entries.leg_id", "entries.kind", "entries.amount_minor"),
    _statement,
    prefixed,
    _statements_of,
    _is_named,
)
