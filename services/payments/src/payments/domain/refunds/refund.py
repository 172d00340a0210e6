"""One refund: what comes back and is added for it, what the buyer gets, and what all that says of it. Pure.

How a plan becomes parts is in plans.py, what an institution's answers do to them in course.py.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, Literal

import msgspec

from payments.domain.instructions import BUYER, POOL, Instruction
from payments.domain.lifecycles import State
from payments.domain.payouts import Waits
from shared.messages import FundingOutcome, RefundOutcome, RefundSettled, ReturnOutcome

Kind = Literal["return", "subsidy", "advance", "marketing_back", "refund"]
Standing = Literal["under_way", "waiting_funds", "succeeded", "failed"]

PHASES: Final[tuple[frozenset[Kind], ...]] = (
    frozenset({"return", "subsidy", "advance"}),
    frozenset({"marketing_back"}),
    frozenset({"refund"}),
)
"""What goes out together; the next phase only when all of this one is in. The pool holds other orders' money too: what
left it before would be theirs."""

UNDER_WAY: Final = frozenset[State]({"sending", "accepted", "unknown"})
BAD: Final = frozenset[State]({"failed", "returned"})
MARKETING: Final = "platform:marketing"
_INTO_POOL: Final = frozenset[Kind]({"return", "subsidy", "advance"})


class Part(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One movement of money. `name`: the return's or funding's id, or the payment that the buyer gets back.

    `of`: the number of the payout that a return takes back, or the payment. `planned`: the last plan has it.
    `attempt` is the plan's own of a return; of the others it rises with every final failure.
    """

    kind: Kind
    name: str
    receiver: str
    amount_minor: int
    of: str | None = None
    leg_id: str = ""
    attempt: int = 1
    state: State = "created"
    channel_number: str
    reason: str | None = None
    planned: bool = True

    @property
    def waits_for_funds(self) -> bool:
        """Whether it is tried again once there is money for it."""
        return self.state == "created" and self.reason is not None

    @property
    def lacks_funds(self) -> bool:
        """Whether there was no money for it when it was last tried."""
        return self.state in {"created", "sending"} and self.reason is not None


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """All parts of all plans of one refund, each as it stands now. `plan` is the revision of the last one.

    `refused`: why it has no plan. `revision` rises with every change that is told, `asks` with every ask. `doubted`:
    somebody said that the buyer's bank had sent it back, and the institution has not been asked since.
    """

    marketplace: str
    order_id: str
    refund_id: str
    plan: int
    refused: str | None = None
    currency: str
    channel_profile: str
    channel_account: str
    parts: tuple[Part, ...] = ()
    revision: int = 0
    asks: int = 0
    doubted: bool = False
    origin_time: datetime
    created_at: datetime

    @property
    def order(self) -> str:
        """The key of its order."""
        return f"{self.marketplace}/{self.order_id}"

    @property
    def waits(self) -> Waits | None:
        """What it waits for; None when every part is final."""
        states = {it.state for it in self.parts}
        if "sending" in states:
            return "sending"
        if any(it.waits_for_funds for it in self.parts):
            return "waiting_funds"
        if "unknown" in states:
            return "unknown"
        if "accepted" in states:
            return "accepted"
        return "checked" if self.doubted else None

    @property
    def standing(self) -> Standing:
        """How the last plan stands: `succeeded` when the institution says so of every part, and of nothing less."""
        named = [it for it in self.parts if it.planned]
        if self.refused is not None:
            return "failed"
        if any(it.state in BAD for it in named):
            return "under_way" if any(it.state in UNDER_WAY for it in named) else "failed"
        if any(it.lacks_funds for it in named):
            return "waiting_funds"
        return "succeeded" if all(it.state == "succeeded" for it in named) else "under_way"

    @property
    def reason(self) -> str | None:
        """Why the last plan fails, or what it waits for."""
        named = [it for it in self.parts if it.planned]
        bad = next((it.reason or it.state for it in named if it.state in BAD), None)
        waits = next((it.reason for it in named if it.lacks_funds), None)
        return self.refused or bad or waits

    @property
    def covers(self) -> bool:
        """Whether the buyer gets nothing by it: it makes good what an institution took by itself."""
        return not any(it.kind == "refund" for it in self.parts)

    @property
    def moved_minor(self) -> int:
        """What it has brought into the pool for its order, less what has left the pool, in minor units."""
        came = sum(it.amount_minor for it in self.parts if it.state == "succeeded" and it.kind in _INTO_POOL)
        return came - self.left_minor

    @property
    def left_minor(self) -> int:
        """What has left the pool by it: to the buyer, and back to marketing, in minor units."""
        return sum(it.amount_minor for it in self.parts if it.state == "succeeded" and it.kind not in _INTO_POOL)


def instructions(refund: Refund) -> Iterator[Instruction]:
    """Give every part that is with the institution or goes there now, in the order in which it is to be done.

    Of a refund that is doubted, what the buyer got is among them, to be asked after.
    """
    for it in refund.parts:
        if it.state in UNDER_WAY or (refund.doubted and it.kind == "refund" and it.state == "succeeded"):
            yield Instruction(
                it.channel_number, it.kind, it.receiver, it.amount_minor, refund.currency, it.state, it.of
            )


def receiver_of(kind: Kind, receiver: str = "") -> str:
    """Return whom an instruction names: of a return who gives back."""
    match kind:
        case "return":
            return receiver
        case "refund":
            return BUYER
        case "marketing_back":
            return MARKETING
        case _:
            return POOL


def settled(refund: Refund, now: datetime) -> RefundSettled:
    """Return the event that tells of this revision."""
    return RefundSettled(
        marketplace=refund.marketplace,
        order_id=refund.order_id,
        refund_id=refund.refund_id,
        revision=refund.revision,
        planned=refund.plan,
        state=refund.standing,
        reason=refund.reason,
        currency=refund.currency,
        channel_profile=refund.channel_profile,
        channel_account=refund.channel_account,
        returns=tuple(_return(it) for it in refund.parts if it.kind == "return"),
        fundings=tuple(_funding(it) for it in refund.parts if it.kind not in {"return", "refund"}),
        refunds=tuple(_refund(it) for it in refund.parts if it.kind == "refund"),
        settled_at=now,
    )


def told(parts: Iterable[Part]) -> list[tuple[str, str | None]]:
    """Return what is news of parts when it changes; one tried again for the same reason is none."""
    return [("created" if it.lacks_funds else it.state, it.reason) for it in parts]


def _return(it: Part) -> ReturnOutcome:
    return ReturnOutcome(
        return_id=it.name,
        leg_id=it.leg_id,
        receiver=it.receiver,
        amount_minor=it.amount_minor,
        attempt=it.attempt,
        state=it.state,  # type: ignore[arg-type] # what came back is never `returned`: course.py
        channel_number=it.channel_number,
        reason=it.reason,
    )


def _funding(it: Part) -> FundingOutcome:
    return FundingOutcome(
        funding_id=it.name,
        amount_minor=it.amount_minor,
        state=it.state,  # type: ignore[arg-type] # what was added is never `returned`: course.py
        channel_number=it.channel_number,
        reason=it.reason,
    )


def _refund(it: Part) -> RefundOutcome:
    return RefundOutcome(
        channel_payment_id=it.name,
        amount_minor=it.amount_minor,
        state=it.state,
        channel_number=it.channel_number,
        reason=it.reason,
    )
