"""The documents of aftersale: its copies of orders."""

from typing import Final

from ops.audit.rows import Copied
from ops.audit.shapes import Rows, Source, Stored, by_key
from ops.stores import prefixed


def _order(it: Stored) -> Rows:
    yield it.id, Copied(it.id)


ORDERS: Final = Source("aftersale", "orders", ("_id",), Stored, _order, prefixed, by_key)
