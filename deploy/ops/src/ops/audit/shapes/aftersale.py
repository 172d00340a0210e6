"""The documents of aftersale: its copies of orders."""

from typing import Final

from ops.audit.rows import Copied
from ops.audit.shapes import Rows, Source, by_key
from ops.stores import prefixed
from shared.mongo import Document


def _order(it: Document) -> Rows:
    yield it["_id"], Copied(it["_id"])


ORDERS: Final = Source("aftersale", "orders", ("_id",), _order, prefixed, by_key)
