"""Everything that the rows say about one order, and what is found to be wrong with it or missing of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from ops.audit import rows
from ops.audit.findings import Breach
from ops.places import Place

Hop = Literal["taken", "copied", "split", "payout", "posted", "stated", "refund", "refunded"]
"""The ways on which an event may be that would bring what is missing; flight.py says who carries it."""


@dataclass(slots=True)
class Case:
    """The rows of one order."""

    order: str
    sent: bool = False
    taken: rows.Taken | None = None
    divided: rows.Divided | None = None
    copied: bool = False
    handed: set[str] = field(default_factory=set)
    payouts: list[rows.Instructed] = field(default_factory=list)
    refunds: list[rows.Repaid] = field(default_factory=list)
    booked: list[rows.Booked] = field(default_factory=list)
    stated: list[rows.Stated] = field(default_factory=list)
    paid: list[rows.Paid] = field(default_factory=list)
    moved: dict[str, rows.Moved] = field(default_factory=dict)
    parks: list[rows.Parked] = field(default_factory=list)

    @property
    def is_charge(self) -> bool:
        """Whether it was paid without an order; it is in no place of an order then."""
        return self.divided is not None and self.divided.charge

    def add(self, row: rows.AnyRow) -> None:
        """Take a row; one that is not of an order is passed over."""
        if (several := _SEVERAL.get(type(row))) is not None:
            getattr(self, several).append(row)
        elif isinstance(row, rows.Moved):
            self.moved[row.number] = row
        elif isinstance(row, rows.Taken):
            self.taken = row
        elif isinstance(row, rows.Divided):
            self.divided = row
        elif isinstance(row, rows.Copied):
            self.copied = True
        elif isinstance(row, rows.Sent):
            self.sent = True
        elif isinstance(row, rows.Handed):
            self.handed.add(row.key)


_SEVERAL: Final[Mapping[type[rows.AnyRow], str]] = {
    rows.Instructed: "payouts",
    rows.Repaid: "refunds",
    rows.Booked: "booked",
    rows.Stated: "stated",
    rows.Paid: "paid",
    rows.Parked: "parks",
}


def cases_of(chunks: Iterable[Iterable[rows.OfOrder]]) -> dict[str, Case]:
    """Return the rows by order."""
    found: dict[str, Case] = {}
    for chunk in chunks:
        for row in chunk:
            case = found.get(row.order)
            if case is None:
                case = found[row.order] = Case(row.order)
            case.add(row)
    return found


@dataclass(frozen=True, slots=True)
class Missing:
    """What is not there although an event that brings it was committed: on its way by this hop, or lost."""

    hop: Hop
    what: str
    breach: Breach

    @property
    def name(self) -> str:
        """The same for the same thing at every look."""
        return f"{self.hop} {self.what}"


@dataclass(slots=True)
class Verdict:
    """What holds of one order. `since_ms`: since when it is at its place."""

    place: Place
    since_ms: int
    breaches: list[Breach] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    duplicated: int = 0

    @property
    def clean(self) -> bool:
        """Whether there is nothing to look at again."""
        return not (self.breaches or self.missing)

    def breach(self, law: str, identity: str, detail: str) -> None:
        """Note a law that is broken."""
        self.breaches.append(Breach(law, identity, detail))

    def miss(self, hop: Hop, law: str, identity: str, detail: str) -> None:
        """Note what is on its way or lost."""
        self.missing.append(Missing(hop, f"{identity} {detail}", Breach(law, identity, detail)))
