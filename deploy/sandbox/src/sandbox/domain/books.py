"""The words and limits of the books, and what one request changes in them. No rule about a request lives here."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec

ITEMS_MAX: Final = 1_000
AMOUNT_MINOR_MAX: Final = 10**13
BALANCE_MINOR_MAX: Final = 2**53 - 1
"""Balances stay within what every JSON reader keeps exact; a request that would pass it is refused as a whole."""

POOL: Final = "pool"
MARKETING: Final = "platform:marketing"
ADVANCE: Final = "platform:advance"
BUYER: Final = "buyer"
LIABLE: Final = "platform:liable"
"""What the platform stands for where an institution takes more than the pool has. It alone may be below zero."""
FEES_BACK: Final = "platform:fees_back"
"""What the institution gave back of its fees with refunds. It is the platform's, and pays nothing by itself."""
SUSPENSE: Final = "suspense"
"""Where money from an unknown sender rests until somebody says whose it is."""
GUARANTEE: Final = "guarantee"
"""Where money waits that is paid into guarantee, until it is confirmed to its payee."""
IN_TRANSIT: Final = "in_transit"
"""Where the money of an accepted transfer waits for its outcome: gone from its source, not yet with its receiver."""

ID_PATTERN: Final = r"[!-.0-~]{1,64}"
"""Visible ASCII without `/`, which joins ids in keys."""
RECEIVER_PATTERN: Final = rf"(merchant:{ID_PATTERN}|platform:(commission|fee|tax|advance))"

# `$` alone would let one trailing newline through.
Id = Annotated[str, msgspec.Meta(pattern=rf"^{ID_PATTERN}(?!\n)$")]
Receiver = Annotated[str, msgspec.Meta(pattern=rf"^{RECEIVER_PATTERN}(?!\n)$")]
ReceiverWord = Annotated[str, msgspec.Meta(pattern=r"^[!-.0-~]{1,80}(?!\n)$")]
Reason = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,64}(?!\n)$")]
Word = Annotated[str, msgspec.Meta(pattern=r"^[ -~]{1,128}(?!\n)$")]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}(?!\n)$")]
Minor = Annotated[int, msgspec.Meta(ge=0, le=AMOUNT_MINOR_MAX)]

type Place = tuple[str, str]
"""A pocket or a receiver, and the currency."""


class Part(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A value of the books or of the wire. Unknown fields are ignored on reading."""


@dataclass(frozen=True)
class Change[R]:
    """What one request adds to the books: its new records, and the money moved, summed per pocket.

    What a receiver got is in no pocket any more: it is the sum of its succeeded payouts.
    """

    records: list[R] = field(default_factory=list)
    pockets: Counter[Place] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    """By payment, where merchants collect: what is frozen of it, what was split off, in how many requests."""
    split: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    released: set[str] = field(default_factory=set)
    """Payments whose rest their collectors have got."""
