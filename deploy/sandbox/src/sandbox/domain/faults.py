"""What may be switched to go wrong with an account. Which request is hit is decided here; how, at the edge."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Final, Literal

import msgspec

from sandbox.domain.books import Id, Part, Reason, Receiver
from sandbox.domain.transfers import Kind, Transfer

LATENCY_S_MAX: Final = 60

EVERY: Final = "*"

Operation = Literal["payments", "payments/query", "funds", "transfers", "transfers/query"]


class Faults(Part, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One account's faults. No operations: all of them. `remaining` counts requests down; none: until removed.

    `kinds`: only transfers of these kinds, and requests that have one of them; none: all. `fail_receivers` fails the
    transfers to a receiver, and its returns, with the given reason; `fail_refunds` the refunds of a payment, or of all
    (`*`). `accept_only` lets a transfer be accepted first; the next query concludes it, unless it is to `stay_accepted`
    until that is switched off, whatever the operations. `partial_success` fails every second transfer of a request.
    `rate_limit`: how many requests of an operation are served a second; others get 429.
    Whatever the operations, callbacks go out twice (`duplicate_callbacks`), with a `wrong_signature`, or late
    (`callback_delay_s`), and `fail_bindings` fails those of a bank account. A field that is not known is refused: a
    misspelt fault would test nothing.
    """

    operations: tuple[Operation, ...] = ()
    kinds: tuple[Kind, ...] = ()
    latency_s: Annotated[float, msgspec.Meta(ge=0, le=LATENCY_S_MAX)] = 0
    answer: Literal["normal", "unavailable", "drop_before", "drop_after"] = "normal"
    remaining: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] | None = None
    fail_receivers: Annotated[dict[Receiver, Reason], msgspec.Meta(max_length=1_000)] = msgspec.field(
        default_factory=dict
    )
    fail_refunds: Annotated[dict[Id, Reason], msgspec.Meta(max_length=1_000)] = msgspec.field(default_factory=dict)
    accept_only: bool = False
    stay_accepted: bool = False
    partial_success: bool = False
    duplicate_callbacks: bool = False
    wrong_signature: bool = False
    callback_delay_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 0
    fail_bindings: Annotated[dict[str, Reason], msgspec.Meta(max_length=1_000)] = msgspec.field(default_factory=dict)
    rate_limit: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None

    def hits(self, operation: Operation, transfers: Iterable[Transfer] = ()) -> bool:
        """Tell whether a request of this operation, for these transfers, is hit."""
        if self.remaining == 0 or (self.operations and operation not in self.operations):
            return False
        return not self.kinds or operation == "transfers/query" or any(it.kind in self.kinds for it in transfers)

    def of_request(self, operation: Operation) -> "Faults":
        """Return what hits the request itself; a query is for transfers of any kind, and of no kind in particular."""
        if not self.kinds or operation == "transfers":
            return self
        return msgspec.structs.replace(self, answer="normal", latency_s=0)

    def accepts(self, kind: Kind) -> bool:
        """Tell whether a transfer is accepted first."""
        return self.accept_only and (not self.kinds or kind in self.kinds)

    def keeps(self, kind: Kind) -> bool:
        """Tell whether an accepted transfer stays so."""
        return self.stay_accepted and (not self.kinds or kind in self.kinds)

    def spoils(self, transfer: Transfer, batch: Sequence[Transfer]) -> bool:
        """Tell whether a transfer is among those of its request that fail."""
        if not self.partial_success or (self.kinds and transfer.kind not in self.kinds):
            return False
        return next(place for place, it in enumerate(batch) if it is transfer) % 2 == 1

    def failing(self, kind: Kind, receiver: str, of: str | None) -> str | None:
        """Return why a transfer fails; None: it does not."""
        if self.kinds and kind not in self.kinds:
            return None
        if kind == "refund" and self.fail_refunds:
            return self.fail_refunds.get(of or "") or self.fail_refunds.get(EVERY)
        return self.fail_receivers.get(receiver)


NORMAL: Final = Faults()
