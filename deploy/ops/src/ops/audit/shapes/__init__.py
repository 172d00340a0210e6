"""How the documents of each store become rows: the only place of the audit that knows how they are laid out.

A store that changes its documents changes its file here, and nothing else.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ops.audit.rows import AnyRow
from shared.mongo import Document

DOCUMENTS_PER_FETCH: Final = 2_000

type Rows = Iterable[tuple[str, AnyRow]]
"""Rows, each after its key."""

type Query = Mapping[str, Any]


class Source(NamedTuple):
    """A collection: what is read of it, what a document becomes, and how to ask for a marketplace or some orders."""

    service: str
    collection: str
    fields: tuple[str, ...]
    rows: Callable[[Document], Rows]
    within: Callable[[str | None], Query]
    of_orders: Callable[[Sequence[str]], Query] | None = None
    named: Callable[[Document], bool] = lambda _: True
    """Whether a document stands under an id by which `of_orders` finds it."""
    per_fetch: int = DOCUMENTS_PER_FETCH
    """How many documents are in memory at once."""


def by_key(orders: Sequence[str]) -> Query:
    """Return the query for documents that have the key of their order as `_id`."""
    return {"_id": {"$in": list(orders)}}


def of_document(order: str) -> str:
    """Return what the ids of an order's payouts and legs begin with, `<marketplace>/o:<order>`."""
    marketplace, _, order_id = order.partition("/")
    return f"{marketplace}/o:{order_id}"


def order_of(identity: str) -> str:
    """Return the order of a leg `<marketplace>/o:<order>/…`; of another document, the key of that."""
    marketplace, _, rest = identity.partition("/")
    document = rest.partition("/")[0]
    return f"{marketplace}/{document.removeprefix('o:')}"


def ms(moment: Any) -> int:  # noqa: ANN401 - the driver's own type of a time
    """Return a time as it is read for the audit: milliseconds since 1970."""
    return int(moment)
