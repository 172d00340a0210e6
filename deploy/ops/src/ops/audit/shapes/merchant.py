"""The documents of merchant: what stands on statements."""

from collections.abc import Sequence
from typing import Final

from ops.audit.rows import Stated
from ops.audit.shapes import Query, Rows, Source, of_document, order_of
from ops.stores import within
from shared.mongo import Document


def _line(it: Document) -> Rows:
    order = order_of(it["leg_id"])
    yield order, Stated(order, it["leg_id"], it["kind"], it["amount_minor"])


def _lines_of(orders: Sequence[str]) -> Query:
    starts = [of_document(order) for order in orders]
    return {"$or": [{"_id": {"$gte": f"{start}/", "$lt": f"{start}0"}} for start in starts]}  # `0` follows `/`


LINES: Final = Source(
    "merchant",
    "statement_lines",
    ("leg_id", "kind", "amount_minor"),
    _line,
    within,
    _lines_of,
    lambda it: str(it["_id"]).startswith(f"{it['leg_id']}/"),
)
