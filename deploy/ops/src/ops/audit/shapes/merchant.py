"""The documents of merchant: what stands on statements."""

from collections.abc import Sequence
from typing import Final

from ops.audit.rows import Stated
from ops.audit.shapes import Minor, Part, Query, Rows, Source, Stored, of_document, order_of
from ops.stores import prefixed


class Entry(Part, frozen=True):
    """A leg on a statement."""

    leg_id: str
    kind: str
    amount_minor: Minor


class Statement(Stored, frozen=True, kw_only=True):
    """What one outcome of a payout put on statements."""

    entries: tuple[Entry, ...]


def _statement(it: Statement) -> Rows:
    for entry in it.entries:
        order = order_of(entry.leg_id)
        yield order, Stated(order, entry.leg_id, entry.kind, entry.amount_minor)


def _statements_of(orders: Sequence[str]) -> Query:
    starts = [of_document(order) for order in orders]
    # `/` follows `.`, which a payout's number follows. Another order's id may begin so; rows are told by their order.
    return {"$or": [{"_id": {"$gte": f"{start}.", "$lt": f"{start}/"}} for start in starts]}


def _is_named(it: Statement) -> bool:
    return all(it.id.startswith(f"{of_document(order_of(entry.leg_id))}.") for entry in it.entries)


STATEMENTS: Final = Source(
    "merchant",
    "statements",
    ("entries.leg_id", "entries.kind", "entries.amount_minor"),
    Statement,
    _statement,
    prefixed,
    _statements_of,
    _is_named,
)
