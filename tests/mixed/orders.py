"""The orders of a mixed run, what is told of each and when, and who must end with what: worked out here by hand.

All amounts are multiples of ten units, so that no tenth is ever rounded, and the order of events cannot matter.
"""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from ops.send.draft import PROFILE, Terms
from shared.messages import (
    CaseChanged,
    ChannelMoved,
    ChannelPayment,
    Event,
    ExtraReceiver,
    OrderLine,
    OrderPaid,
    OrderProgressed,
    RefundApproved,
    RefundLine,
)

type Taken = list[tuple[str, int]]
"""Who bears what of money that goes back, by merchant, in minor units; what is missing the platform bears."""

COMMISSION_BP: Final = 1_000
PAID_AT: Final = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
PARTNER: Final = "partner"
PATRON: Final = "patron"
SHAKY: Final = "shaky"
"""Whose legs fail for as long as the run has them fail."""
DRIVER: Final = "driver"
TERMS: Final = {
    "at-once": Terms(commission_bp=COMMISSION_BP),
    "on-shipment": Terms(commission_bp=COMMISSION_BP, trigger="shipped", refund_bearer="proportional"),
    "on-completion": Terms(commission_bp=COMMISSION_BP, trigger="completed"),
    "keeps": Terms(commission_bp=COMMISSION_BP, refund_commission="kept"),
    PATRON: Terms(commission_bp=COMMISSION_BP, trigger="shipped", refund_bearer="platform"),
    PARTNER: Terms(commission_bp=COMMISSION_BP, trigger="completed"),
    SHAKY: Terms(commission_bp=COMMISSION_BP),
}
"""Everybody who sells, and on which terms."""
SELLERS: Final = ("at-once", "on-shipment", "on-completion", "keeps", PATRON)
CURRENCIES: Final = ("CNY", "CNY", "CNY", "JPY", "KWD")
"""With 2, 0 and 3 decimals."""
EARLY_MAX: Final = 100
SOON: Final = 60
LATE_MAX: Final = 2_000
"""Of so many other orders' time, what is told of an order comes at most too early, or late."""


class Told(NamedTuple):
    """One event, in whose name it is published, and before or after how many other orders."""

    event: Event
    source: str
    lag: int


class Story(NamedTuple):
    """One order, all that is told of it, and what it must leave each merchant and take back for the buyer."""

    order: OrderPaid
    told: tuple[Told, ...]
    wanted: Counter[str]
    back_minor: int


class Teller:
    """Makes the story of one order."""

    def __init__(self, marketplace: str, number: int) -> None:
        self.unit = 10 * (100 + number % 900)
        self.market = marketplace
        self.order_id = f"m{number:07}"
        self.seller = SELLERS[number % len(SELLERS)]
        self.currency = CURRENCIES[number // 7 % len(CURRENCIES)]
        self.draw = random.Random(f"{marketplace}/{number}")
        self.lines: list[OrderLine] = []
        self.receivers: tuple[ExtraReceiver, ...] = ()
        self.parts_minor: tuple[int, ...] = ()
        self.told: list[Told] = []
        self.wanted: Counter[str] = Counter()
        self.back_minor = 0

    # What is sold

    def line(self, merchant: str, amount_minor: int) -> None:
        """Add goods; their seller gets nine tenths."""
        line_id = str(len(self.lines) + 1)
        self.lines.append(
            OrderLine(
                line_id=line_id, sku="tea", category="food", merchant=merchant, quantity=1, amount_minor=amount_minor
            )
        )
        self.wanted[merchant] += amount_minor * 9 // 10

    @property
    def paid_minor(self) -> int:
        """What the buyer paid."""
        return sum(it.amount_minor for it in self.lines)

    def payment(self, number: int = 1) -> str:
        """Return the id of a payment."""
        return f"{self.market}-{self.order_id}-{number}"[-64:]

    def order(self) -> OrderPaid:
        """Return the order, paid in one payment unless it has parts."""
        payments = tuple(
            ChannelPayment(
                channel_profile=PROFILE,
                channel_account=self.market,
                channel_payment_id=self.payment(number),
                amount_minor=amount,
            )
            for number, amount in enumerate(self.parts_minor or (self.paid_minor,), 1)
        )
        return OrderPaid(
            marketplace=self.market,
            order_id=self.order_id,
            buyer="buyer",
            currency=self.currency,
            paid_at=PAID_AT,
            payments=payments,
            lines=tuple(self.lines),
            receivers=self.receivers,
        )

    # What is told

    def tell(self, event: Event, source: str, *, early: bool = True) -> None:
        """Have an event told at any time, or only after the order."""
        latest = self.draw.choice((SOON, LATE_MAX))
        self.told.append(Told(event, source, self.draw.randint(-EARLY_MAX if early else 1, latest)))

    def progress(self) -> None:
        """Have the goods shipped, delivered and completed, told in any order."""
        for days, kind in enumerate(("shipped", "delivered", "completed"), 1):
            self.tell(
                OrderProgressed(
                    marketplace=self.market,
                    order_id=self.order_id,
                    kind=kind,  # type: ignore[arg-type] # one of three literals
                    progress_id=f"p{days}",
                    occurred_at=PAID_AT + timedelta(days=days),
                ),
                "/upstream/mixed",
            )

    def case(self) -> None:
        """Have a case opened and closed, told in any order."""
        for revision, state in enumerate(("opened", "disputed", "closed"), 1):
            self.tell(
                CaseChanged(
                    marketplace=self.market,
                    order_id=self.order_id,
                    case_id="case",
                    revision=revision,
                    state=state,  # type: ignore[arg-type] # one of three literals
                    reason="not as described",
                    changed_at=PAID_AT + timedelta(hours=revision),
                ),
                "/weir/aftersale",
            )

    def refund(self, amount_minor: int, line: int = 1, number: int = 1) -> None:
        """Have part of a line refunded."""
        self.tell(
            RefundApproved(
                marketplace=self.market,
                order_id=self.order_id,
                refund_id=f"{self.order_id}-r{number}",
                case_id=f"case-{number}",
                currency=self.currency,
                lines=(RefundLine(line_id=str(line), amount_minor=amount_minor),),
                goods_state="returned",
                reason="wrong size",
                approved_at=PAID_AT + timedelta(days=1),
            ),
            "/weir/aftersale",
        )
        self.back_minor += amount_minor
        for merchant, amount in borne(self.lines, self.lines[line - 1].merchant, amount_minor):
            self.wanted[merchant] -= amount

    def move(self, kind: str, amount_minor: int, reverses: str | None = None) -> None:
        """Have the channel take money by itself, or bring it back."""
        self.tell(
            ChannelMoved(
                marketplace=self.market,
                movement_id=f"{self.order_id}-{kind}",
                kind=kind,  # type: ignore[arg-type] # one of the literals
                order_id=self.order_id,
                channel_profile=PROFILE,
                channel_account=self.market,
                channel_payment_id=self.payment(),
                currency=self.currency,
                amount_minor=amount_minor,
                reverses=reverses,
                moved_at=PAID_AT + timedelta(days=2),
            ),
            "/weir/payments",
            early=False,
        )
        sign = -1 if reverses else 1
        self.back_minor += sign * amount_minor
        for merchant, amount in charged(self.lines, amount_minor):
            self.wanted[merchant] -= sign * amount


def borne(lines: Iterable[OrderLine], merchant: str, amount_minor: int) -> Taken:
    """Return what merchants bear of a refund of goods of one of them, as its agreement says."""
    match TERMS[merchant].refund_bearer:
        case "platform":
            return []
        case "proportional":
            return spread(lines, amount_minor)
        case "original_payee":
            return [(merchant, amount_minor * _tenths(merchant) // 10)]


def charged(lines: Sequence[OrderLine], amount_minor: int) -> Taken:
    """Return what merchants bear of what the channel took: all of them, unless the platform does for each."""
    if all(TERMS[it.merchant].refund_bearer == "platform" for it in lines):
        return []
    return spread(lines, amount_minor)


def spread(lines: Iterable[OrderLine], amount_minor: int) -> Taken:
    """Return what all who were paid for an order bear, by what they were paid."""
    sold = list(lines)
    paid = sum(it.amount_minor for it in sold)
    return [(it.merchant, amount_minor * it.amount_minor * _tenths(it.merchant) // (10 * paid)) for it in sold]


def _tenths(merchant: str) -> int:
    """Return how many tenths of what goes back a seller bears: the platform bears its own, unless it keeps it."""
    return 10 if TERMS[merchant].refund_commission == "kept" else 9
