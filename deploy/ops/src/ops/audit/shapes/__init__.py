"""How the documents of each store become rows: the only place of the audit that knows how they are laid out.

A store that changes its documents changes its file here, and nothing else. A document without its shape, as a hand that
edits it may leave it, is a breach: it ends no audit, and stands in no row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple

import bson
import msgspec
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument

from ops.audit.findings import Breach
from ops.audit.rows import AnyRow
from shared.mongo import Document

DOCUMENTS_PER_FETCH: Final = 2_000
AMOUNT_MINOR_MAX: Final = 2**56
"""More than the sum of any order's payments; and sums of a hundred such amounts still have 64 bits."""

READ: Final = CodecOptions[Document](
    datetime_conversion=DatetimeConversion.DATETIME_MS, unicode_decode_error_handler="replace"
)
"""Times as numbers: making objects of them costs more than the rest of a document. Text that is none ends nothing."""

BYTES: Final = (bytes,)
"""They are stored as such: text is no other way to say them."""

CHARGES: Final = "charges/"
"""Begins the key of a charge, after its marketplace; no order's id has a `/`."""

type Minor = Annotated[int, msgspec.Meta(ge=-AMOUNT_MINOR_MAX, le=AMOUNT_MINOR_MAX)]

type Rows = Iterable[tuple[str, AnyRow]]
"""Rows, each after its key."""

type Query = Mapping[str, Any]


class Part(msgspec.Struct, frozen=True, gc=False):
    """What is read of a document within a document."""


class Stored(Part, frozen=True, kw_only=True):
    """What is read of a document, by its types."""

    id: str = msgspec.field(name="_id")


class Source[D](NamedTuple):
    """A collection: what is read of it, what a document becomes, and how to ask for a marketplace or some orders."""

    service: str
    collection: str
    fields: tuple[str, ...]
    shape: Any
    """The type D of a document: a `Part`, or several of which `state` tells one."""
    rows: Callable[[D], Rows]
    within: Callable[[str | None], Query]
    of_orders: Callable[[Sequence[str]], Query] | None = None
    named: Callable[[D], bool] = lambda _: True
    """Whether a document stands under an id by which `of_orders` finds it."""
    per_fetch: int = DOCUMENTS_PER_FETCH
    """How many documents are in memory at once."""
    law: str = "document_shaped"
    """What a document without its shape breaks."""

    def take(self, document: Document) -> D | Breach:
        """Return a document by its types, or the breach that it has not its shape."""
        try:
            found: D = msgspec.convert(document, self.shape, builtin_types=BYTES)
        except msgspec.DecodeError as error:
            return self._breach(document, str(error))
        return found

    def take_exactly(self, raw: RawBSONDocument) -> D | Breach:
        """Return a document as `take` does; one in which a name stands twice is a breach too.

        Python keeps the last value under a name, and MongoDB may answer with the first: what the audit has seen would
        not be what readers are shown.
        """
        document = bson.decode(raw.raw, READ)
        if bson.encode(document) != raw.raw:
            return self._breach(document, "a name stands in it twice, or it has values of unknown types")
        return self.take(document)

    def _breach(self, document: Document, detail: str) -> Breach:
        return Breach(self.law, str(document.get("_id")), f"in {self.service}.{self.collection}: {detail}")


def by_key(orders: Sequence[str]) -> Query:
    """Return the query for documents that have the key of their order as `_id`."""
    return {"_id": {"$in": list(orders)}}


def of_document(order: str) -> str:
    """Return what the ids of an order's payouts and legs begin with: `<marketplace>/o:<order>`, or `…/c:<charge>`."""
    marketplace, _, identity = order.partition("/")
    if identity.startswith(CHARGES):
        return f"{marketplace}/c:{identity.removeprefix(CHARGES)}"
    return f"{marketplace}/o:{identity}"


def order_of(identity: str) -> str:
    """Return the order of a leg `<marketplace>/o:<order>/…`, or the charge of `…/c:<charge>/…`, by its key."""
    marketplace, _, rest = identity.partition("/")
    document = rest.partition("/")[0]
    if document.startswith("c:"):
        return f"{marketplace}/{CHARGES}{document.removeprefix('c:')}"
    return f"{marketplace}/{document.removeprefix('o:')}"


def ms(moment: DatetimeMS) -> int:
    """Return a time as it is read for the audit: milliseconds since 1970."""
    return int(moment)
