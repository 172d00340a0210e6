"""What may be switched to go wrong with an account. Which request is hit is decided here; how, at the edge."""

from typing import Annotated, Final, Literal

import msgspec

from sandbox.domain.books import Part, Reason, Receiver

LATENCY_S_MAX: Final = 60

Operation = Literal["payments", "payments/query", "funds", "transfers", "transfers/query"]


class Faults(Part, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One account's faults. No operations: all of them. `remaining` counts requests down; none: until removed.

    `fail_receivers` fails the transfers to a receiver with the given reason. `accept_only` lets a transfer be accepted
    first; the next query concludes it. A field that is not known is refused: a misspelt fault would test nothing.
    """

    operations: tuple[Operation, ...] = ()
    latency_s: Annotated[float, msgspec.Meta(ge=0, le=LATENCY_S_MAX)] = 0
    answer: Literal["normal", "unavailable", "drop_before", "drop_after"] = "normal"
    remaining: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] | None = None
    fail_receivers: Annotated[dict[Receiver, Reason], msgspec.Meta(max_length=1_000)] = msgspec.field(
        default_factory=dict
    )
    accept_only: bool = False

    def hits(self, operation: Operation) -> bool:
        """Tell whether a request of this operation is hit."""
        return self.remaining != 0 and (not self.operations or operation in self.operations)


NORMAL: Final = Faults()
