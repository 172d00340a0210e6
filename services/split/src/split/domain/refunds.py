"""A refund of an order: what was approved, the plan by which it is funded, and what the institution did of it.

The plan is reserved in the books when it is made; only what the institution has done is posted (money.md 5).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

Mode = Literal["original_payee", "proportional", "platform", "merchant"]
"""Who bears a refund: who was paid for the line, all who were paid for the order, the platform, or one merchant."""
Kind = Literal["refund", "chargeback", "console_refund"]
"""Chargebacks and refunds made in the channel's own console are borne like refunds; the buyer has the money already."""
FundingKind = Literal["marketing", "advance", "marketing_back"]
State = Literal["waiting", "requested", "waiting_funds", "succeeded", "failed", "refused"]
Step = Literal["plan", "refuse", "starve", "succeed", "fail", "go_on"]

LIFECYCLE: Final[dict[State, dict[Step, State]]] = {
    "waiting": {"plan": "requested", "refuse": "refused"},
    "requested": {"starve": "waiting_funds", "succeed": "succeeded", "fail": "failed", "go_on": "requested"},
    "waiting_funds": {"starve": "waiting_funds", "succeed": "succeeded", "fail": "failed", "go_on": "requested"},
    "failed": {"plan": "requested", "fail": "failed", "succeed": "succeeded", "go_on": "requested"},
    "succeeded": {"succeed": "succeeded", "fail": "failed"},
    "refused": {},
}
"""Waiting for legs that are on their way, for an agreement, or for a chargeback to end. Succeeded: the buyer has it;
the buyer's bank may send it back even then."""

PROMISED: Final = "buyer:refund_in_transit"
LEGS_WAITED_MAX: Final = timedelta(hours=24)
"""After that a leg whose outcome nobody knows counts as paid out (money.md 5)."""


class RefundTerms(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What an agreement says of refunds, kept with the order that it decided."""

    bearer: Literal["original_payee", "proportional", "platform"] = "original_payee"
    keep_commission: bool = False
    keep_surcharge: bool = False


WHOLE: Final = "order"
"""The part that stands for a whole order: no line's name is without a slash."""


class Refunded(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How much of a part is refunded to the buyer, and who bears it. `bearing`: the merchant, where one bears all."""

    line_id: str
    freight: bool = False
    amount_minor: int
    mode: Mode
    bearing: str = ""

    @property
    def key(self) -> str:
        """The part; without a line, the whole order."""
        return WHOLE if not self.line_id else f"{self.line_id}/{'freight' if self.freight else 'goods'}"


class ApprovedLine(msgspec.Struct, frozen=True, gc=False):
    """What the buyer is to get back of a line: of its goods, and of its freight; minor units."""

    line_id: str
    amount_minor: int
    freight_minor: int = 0


class Approval(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A refund as it was approved. `mode` is None where the agreement's policy decides; `cause` is the event's id."""

    refund_id: str
    hash: str
    cause: str
    currency: str
    lines: tuple[ApprovedLine, ...]
    mode: Mode | None
    bearing: str = ""
    approved_at: datetime


class ReturnPart(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a receiver is asked to give back of a leg that was paid. `place` is that of the share: path and part."""

    return_id: str
    path: str
    part: int
    payout_id: str
    receiver: str
    amount_minor: int
    attempt: int = 1
    state: Literal["requested", "succeeded", "failed"] = "requested"


class FundingPart(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Money between the platform's accounts at the institution and the pool; `account` is where it is booked."""

    funding_id: str
    kind: FundingKind
    account: str
    amount_minor: int
    state: Literal["requested", "succeeded"] = "requested"


class PaymentPart(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What goes back to the buyer of one payment."""

    channel_payment_id: str
    amount_minor: int
    state: Literal["requested", "succeeded"] = "requested"


class Refund(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One refund and how far it is. `revision` is that of its plan, `settled` the institution's last one applied.

    `stopped` are the payouts of which unsent legs were called off for it, `waits_until` how long it waits for the
    others (by the server's clock: an approval may be heard of late). `movement` is the channel's own id of a
    chargeback, `reversed` the movements that took it back. `given` is what its plan took from each account, minor
    units; what it gave to an account is below zero.
    """

    refund_id: str
    kind: Kind = "refund"
    state: State = "waiting"
    reason: str = ""
    cause: str
    lines: tuple[Refunded, ...] = ()
    stopped: tuple[str, ...] = ()
    waits_until: datetime | msgspec.UnsetType = msgspec.UNSET
    revision: int = 0
    settled: int = 0
    movement: str = ""
    reversed: tuple[str, ...] = ()
    returns: tuple[ReturnPart, ...] = ()
    fundings: tuple[FundingPart, ...] = ()
    payments: tuple[PaymentPart, ...] = ()
    given: dict[str, int] = {}

    @property
    def planned(self) -> bool:
        """Whether its money is reserved: from then on it counts in what is refunded."""
        return self.revision > 0

    @property
    def amount_minor(self) -> int:
        """What the buyer gets, or has got."""
        return sum(it.amount_minor for it in self.lines)


def given(before: Mapping[str, int], entries: Mapping[str, int]) -> dict[str, int]:
    """Return what each account has given for a refund, once the buyer is promised these entries' money."""
    found = dict(before)
    for account, amount in entries.items():
        if account != PROMISED:
            found[account] = found.get(account, 0) - amount
    return {account: amount for account, amount in found.items() if amount}


def after(state: State, step: Step) -> State | None:
    """Return the state after a step; None when the table has no such cell."""
    return LIFECYCLE[state].get(step)
