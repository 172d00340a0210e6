"""What a database in memory is made of: documents through time, and transactions that write them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.simulation.mongo.values import Document

if TYPE_CHECKING:
    from shared.mongo import Index


class ConflictError(Exception):
    """Another transaction has written the document since the snapshot, or is writing it."""


class DuplicateError(Exception):
    """A unique key is there already."""

    def __init__(self, index: str, key: Document) -> None:
        super().__init__(index, key)
        self.index = index
        self.key = key


class GoneError(Exception):
    """The transaction was aborted: by an error of its own, by its age, or because its session was killed."""


class Busy(Exception):  # noqa: N818 - it is no error: whoever writes outside a transaction waits
    """An open transaction holds the document."""


class Version(NamedTuple):
    """A document from one commit on; `raw` is None where it was deleted."""

    at: int
    raw: bytes | None
    view: Document


class Row:
    """One document through time. `holder` is the open transaction that writes it."""

    __slots__ = ("holder", "versions")

    def __init__(self) -> None:
        self.versions: list[Version] = []
        self.holder: Transaction | None = None

    def seen(self, snapshot: int | None) -> Version | None:
        """Return the version that a snapshot sees; the newest for None."""
        for version in reversed(self.versions):
            if snapshot is None or version.at <= snapshot:
                return version if version.raw is not None else None
        return None


class Table:
    """One collection."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: dict[Any, Row] = {}
        self.unique: list[tuple[str, Index]] = []


class Transaction:
    """One transaction of one session. Its snapshot is taken with its first statement."""

    __slots__ = ("began", "notes", "snapshot", "state", "writes")

    def __init__(self, began: float) -> None:
        self.began = began
        self.snapshot: int | None = None
        self.state = "open"
        self.writes: dict[tuple[Table, Any], Version] = {}
        self.notes: list[Any] = []
        """What an onlooker attaches to it, to be told when it is committed."""


@dataclass(frozen=True)
class Change:
    """A document before and after one commit."""

    table: str
    before: Document | None
    after: Document | None
