"""A share of an order: whose it is, how much, where its money stands, and the one table of how that changes."""

from datetime import datetime
from typing import Final, Literal

import msgspec

from shared.messages import Breakdown
from split.domain.earnings import Earning
from split.domain.holds import Hold
from split.domain.refunds import PROMISED, RefundTerms

State = Literal["held", "available", "in_transit", "paid", "taken", "written_off"]
Step = Literal[
    "release", "stop", "retry", "succeeded", "failed", "cancelled", "returned", "take", "write_off", "restore"
]

LIFECYCLE: Final[dict[State, dict[Step, State]]] = {
    "held": {"release": "in_transit", "stop": "available"},
    "in_transit": {"succeeded": "paid", "failed": "available", "cancelled": "available", "returned": "available"},
    "available": {"retry": "in_transit", "take": "taken", "write_off": "written_off"},
    "paid": {"returned": "available"},
    "taken": {},
    "written_off": {"restore": "available"},
}
"""Held waits for a reason to go, available for its receiver or a new attempt, in transit for the institution. Paid may
come back. Taken: refunds of other orders have used it. Written off: nobody is paid any more; it is in suspense, and
restored where that was a mistake."""

COMMISSION: Final = "platform:commission"
FEE: Final = "platform:fee"
TAX: Final = "platform:tax"
"""Tax on the commission, which is not the platform's to keep."""
MARKETING: Final = "platform:marketing"
CLEARING: Final = "channel:clearing"
SUSPENSE: Final = "suspense"
ADVANCED: Final = "platform:advance"
RESERVED: Final = "merchant:reserve"

MERCHANT_UNKNOWN: Final = "merchant_unknown"
AGREEMENT_MISSING: Final = "agreement_missing"
BLOCKED: Final = "blocked:"
FREIGHT_OF: Final = "freight:"
"""Path of one merchant's freight while it waits for the logistics chain."""
REVERSAL: Final = "reversal:"
"""Path, before the receiver, of what a reversed chargeback gives back."""
ADJUSTMENT: Final = "adjustment:"
"""Path, before the version, of what a version that came too late would have made of an order."""
REFUNDING: Final = PROMISED
RESERVE_OF: Final = "reserve:"
"""Path of what is kept back of one merchant's share, until its days are over."""
TAKEN_OF: Final = "taken:"
"""Path of what refunds of other orders have used of one merchant's share."""
FREIGHT_INCOMPLETE: Final = "freight_incomplete"
RECEIVER_NOT_BOUND: Final = "receiver_not_bound"
RECEIVERS: Final = "receivers/"
"""Begins the name by which orders wait for a merchant to bind a receiver. No merchant's id has a `/`."""
CHANNEL_CLOSED: Final = "channel_closed"
"""Why a share cannot be requested: its channel has given the rest of the payment to the collector."""
UNFROZEN: Final = "unfrozen"
"""How a collecting merchant came by its own where its channel gave it by itself, before any finish."""
AWAITING_FINISH: Final = "awaiting_finish"
"""What a collecting merchant's own share waits for once it is released: it is no leg (money.md 2)."""
RESTORED: Final = "restored"
"""Why a share is available again that was written off: two people found that it is owed all the same."""
TOO_EARLY: Final = "too_early"
"""No refusal: the first split of a payment may be asked for later, and by then it is."""
CAP_EXCEEDED: Final = "cap_exceeded"
WAITS: Final = frozenset({MERCHANT_UNKNOWN, AGREEMENT_MISSING, CAP_EXCEEDED})
"""Reasons that only news of the merchant or of its agreements can end."""


class Share(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What one receiver gets of an order, or one merchant's whole pot while it is held.

    `merchant` is out of whose pot it comes; `part` is 0 until it is released, and never changes from then on.
    `earning` is how a held pot will divide, once an agreement has decided that; it stays with what was released of it
    line by line. `lines` are those that the share is for, unless it is for all of its merchant's, and `hold` what they
    wait for. `commissions`, and `taxes` on them, are those of all lines of a pot that was paid at once, where there are
    several. `refund` is what its agreement says of refunds, unless it says what is usual. `rules_version` is that of
    the marketplace's rules that were asked, where there were any.

    What refunds have taken of its money: `owing_minor` of a held share for other lines, or of one that is available;
    `kept_owing` of what the platform is to get of a held share, by its accounts; `returned_minor` of one that was paid,
    asked back through the channel.

    Of one that is available: `since` when, `due_at` when it may go (a reserve), and `accrual`, with which number it was
    added up to come to a minimum.
    """

    path: str
    receiver: str
    merchant: str
    amount_minor: int
    state: State
    reason: str = ""
    part: int = 0
    attempt: int = 0
    payout_id: str = ""
    agreement_version: int = 0
    rules_version: int | msgspec.UnsetType = msgspec.UNSET
    breakdown: Breakdown
    earning: Earning | None = None
    hold: Hold | msgspec.UnsetType = msgspec.UNSET
    lines: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    commissions: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET
    taxes: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET
    refund: RefundTerms | msgspec.UnsetType = msgspec.UNSET
    owing_minor: int | msgspec.UnsetType = msgspec.UNSET
    kept_owing: dict[str, int] | msgspec.UnsetType = msgspec.UNSET
    returned_minor: int | msgspec.UnsetType = msgspec.UNSET
    since: datetime | msgspec.UnsetType = msgspec.UNSET
    due_at: datetime | msgspec.UnsetType = msgspec.UNSET
    accrual: int | msgspec.UnsetType = msgspec.UNSET
    payment: str | msgspec.UnsetType = msgspec.UNSET

    @property
    def rests(self) -> bool:
        """Whether it is released and not requested: a collecting merchant's own."""
        return self.state == "in_transit" and not self.payout_id

    @property
    def waits_for_merchant(self) -> bool:
        """Whether news of the merchant that it waits for may release it."""
        if self.stopped or self.rests:
            return self.reason.startswith(BLOCKED)
        return self.state == "held" and (self.reason in WAITS or self.reason.startswith(BLOCKED))

    @property
    def stopped(self) -> bool:
        """Whether it is available because the gate let it not go, and not because it came back."""
        return self.state == "available" and self.since is msgspec.UNSET

    @property
    def reserved(self) -> bool:
        """Whether it is kept back as a reserve, and was in no payout yet."""
        return self.state == "available" and self.path.startswith(RESERVE_OF) and not self.attempt

    @property
    def owed_minor(self) -> int:
        """What refunds have taken of it for other lines: of its merchant's part, and of the platform's."""
        return (self.owing_minor or 0) + sum((self.kept_owing or {}).values())

    @property
    def resting_minor(self) -> int:
        """What is there of it, while it was in no payout yet."""
        if self.state == "available" and not self.attempt:
            return self.amount_minor - (self.owing_minor or 0)
        return self.amount_minor if self.state == "held" else 0

    @property
    def payee(self) -> str:
        """Whose news it waits for: its merchant's while it is a pot, its receiver's once it is divided."""
        return self.receiver.partition(":")[2] if self.part else self.merchant


def leg_id(document_key: str, share: Share) -> str:
    """Return the id under which a share is paid: kept through every retry (architecture, A leg is paid once)."""
    return f"{document_key}/{share.path}/{share.part}"


def account(share: Share, state: State, channel_account: str) -> str:
    """Return the account that a share's money stands in. The platform's own stays in one account until it is paid.

    What is written off of it the collector owes: as a debt, it comes back as what the platform has paid for others.
    """
    if state == "paid":
        return f"{CLEARING}/{channel_account}"
    if share.receiver.startswith("platform:"):
        return ADVANCED if state == "written_off" else share.receiver
    if state == "written_off":
        return f"{SUSPENSE}/{channel_account}"
    if state == "taken":
        state = "available"  # the refunds of other orders that have used it were booked there
    if state == "available" and share.path.startswith(RESERVE_OF) and not share.attempt:
        return f"{RESERVED}/{share.receiver.partition(':')[2]}"
    return f"merchant:{state}/{share.receiver.partition(':')[2]}"


def used(share: Share, name: str, amount_minor: int) -> Share:
    """Return what stands for the part of a merchant's share that refunds have used."""
    return Share(
        path=TAKEN_OF + name,
        receiver=share.receiver,
        merchant=share.merchant,
        amount_minor=amount_minor,
        state="taken",
        breakdown=Breakdown(adjustments_minor=amount_minor),
    )
