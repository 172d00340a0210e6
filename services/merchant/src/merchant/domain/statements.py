"""What a payout leaves on statements: one entry per leg that was paid or came back, explained line by line. Pure.

Of orders and charges only: the lines of a periodic statement come from split. Amounts are minor units.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Final, Literal, NamedTuple

from shared.messages import Breakdown, LegOutcome, PayoutSettled

EntryKind = Literal["paid", "returned"]
LineKind = Literal["gross", "freight", "adjustments", "commission", "fee", "passed_on", "commission_tax", "netted"]

ENTRIES: Final[dict[str, tuple[EntryKind, ...]]] = {
    "created": (),
    "sending": (),
    "accepted": (),
    "unknown": (),
    "failed": (),
    "cancelled": (),
    "succeeded": ("paid",),
    "returned": ("paid", "returned"),
}
"""What stands on a statement, by a leg's state. What came back had been paid, also when the news of both is one."""

DOCUMENTS: Final = ("o:", "c:")
"""Orders, and what is paid without one."""
MERCHANT: Final = "merchant:"
PREFIXES: Final = ("platform:", MERCHANT)


class Entry(NamedTuple):
    """One movement of one receiver's money. The lines sum to `amount_minor`; a return is negative throughout."""

    leg_id: str
    attempt: int
    kind: EntryKind
    owner: str
    amount_minor: int
    lines: tuple[tuple[LineKind, int], ...]

    @property
    def identity(self) -> str:
        """What makes it this entry; `identity_of` says why."""
        return identity_of(self.leg_id, self.attempt, self.kind)


class Settlement(NamedTuple):
    """What the entries of one payout have in common."""

    marketplace: str
    payout_id: str
    document: str
    currency: str
    at: datetime
    entries: tuple[Entry, ...]

    @property
    def key(self) -> str:
        """The payout's name among all marketplaces."""
        return f"{self.marketplace}/{self.payout_id}"

    def unstated(self, known: Collection[str]) -> tuple[Entry, ...]:
        """Return the entries that are not among these identities, each once."""
        return tuple({it.identity: it for it in self.entries if it.identity not in known}.values())


def identity_of(leg_id: str, attempt: int, kind: str) -> str:
    """Return what an entry is known by. A leg is paid, and comes back, at most once per attempt."""
    return f"{leg_id}/{attempt}/{kind}"


def settlement(settled: PayoutSettled) -> Settlement | None:
    """Return what this payout leaves on statements; None where it is a statement's own, or nothing was paid."""
    if not settled.document.startswith(DOCUMENTS):
        return None
    entries = tuple(_entries(settled.legs))
    if not entries:
        return None
    return Settlement(
        settled.marketplace, settled.payout_id, settled.document, settled.currency, settled.settled_at, entries
    )


def unexplained(entries: tuple[Entry, ...]) -> Entry | None:
    """Return the first entry whose lines do not sum to its amount: a statement may not show it."""
    return next((entry for entry in entries if sum(minor for _, minor in entry.lines) != entry.amount_minor), None)


def owner_of(receiver: str) -> str:
    """Return the name under which a receiver finds its statement: a merchant's id, or `platform:<account>`.

    An id that itself looks like a receiver keeps its prefix, so that no two receivers share a statement.
    """
    identity = receiver.removeprefix(MERCHANT)
    return receiver if identity.startswith(PREFIXES) else identity


def lines_of(breakdown: Breakdown) -> tuple[tuple[LineKind, int], ...]:
    """Return the lines of a breakdown, signed. The gross line stands there even at 0; other lines of 0 say nothing."""
    lines: tuple[tuple[LineKind, int], ...] = (
        ("gross", breakdown.gross_minor),
        ("freight", breakdown.freight_minor),
        ("adjustments", breakdown.adjustments_minor),
        ("commission", -breakdown.commission_minor),
        ("fee", -breakdown.fee_minor),
        ("passed_on", -breakdown.passed_on_minor),
        ("commission_tax", -(breakdown.commission_tax_minor or 0)),
        ("netted", -(breakdown.netted_minor or 0)),
    )
    return tuple(line for line in lines if line[1] or line[0] == "gross")


def _entries(legs: tuple[LegOutcome, ...]) -> Iterator[Entry]:
    for leg in legs:
        kinds = ENTRIES[leg.state]
        if not kinds:
            continue
        owner, lines = owner_of(leg.receiver), lines_of(leg.breakdown)
        for kind in kinds:
            if kind == "paid":
                yield Entry(leg.leg_id, leg.attempt, kind, owner, leg.amount_minor, lines)
            else:
                back = tuple((name, -minor) for name, minor in lines)
                yield Entry(leg.leg_id, leg.attempt, kind, owner, -leg.amount_minor, back)
