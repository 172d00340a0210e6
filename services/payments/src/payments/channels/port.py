"""What payments needs of an institution, and the two ways in which an answer can be missing. No adapter lives here."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal, Protocol

from payments.domain.instructions import Instruction
from payments.domain.outcomes import Answer
from payments.domain.proof import ChannelRecord

BillKind = Literal["payments", "splits", "returns", "refunds", "payouts", "fees"]


class NotSentError(Exception):
    """The institution certainly did nothing: no connection, or it said so. The same may be sent again at any time."""


class RateLimitedError(NotSentError):
    """The institution did nothing, because it was asked too often; it may be asked again `after_s` seconds from now."""

    def __init__(self, message: str, after_s: float) -> None:
        super().__init__(message)
        self.after_s = after_s


class UnansweredError(Exception):
    """The request went out and no answer came back: the institution may have done all of it, or nothing."""


class NotOfferedError(Exception):
    """The institution has nothing of the kind: asking again changes nothing."""


class Channel(Protocol):
    """One institution. Every call is one request and is idempotent by the numbers in it.

    Raises:
        NotSentError, UnansweredError: any call.

    """

    async def find_payments(self, account: str, payment_ids: Sequence[str]) -> Mapping[str, ChannelRecord | None]:
        """Return what the institution knows of these payments; None for one that it does not know."""

    async def carry_out(self, account: str, instructions: Sequence[Instruction]) -> Mapping[str, Answer]:
        """Have these instructions carried out in order, each against what the one before has left."""

    async def query(self, account: str, instructions: Sequence[Instruction]) -> Mapping[str, Answer | None]:
        """Return what became of instructions sent before; None for one that the institution does not know."""

    async def bill(self, account: str, day: date, kind: BillKind) -> bytes:
        """Return what the institution booked on a day that is over, as it writes it (`bill_format` of the profile).

        Raises:
            NotOfferedError: it has no such bill.

        """

    async def close(self) -> None:
        """Let go of every connection."""
