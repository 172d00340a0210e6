"""What an audit finds: which law is broken, where, and how; and the sums that must be zero."""

from dataclasses import asdict, dataclass, field
from typing import Final

BREACHES_SHOWN_MAX: Final = 1_000

LAWS: Final = {
    "entries_sum_to_zero": "the entries of every ledger transaction sum to zero",
    "transaction_unchanged": "every block of ledger transactions still has the content that it was booked with",
    "chain_whole": "each stripe's links follow each other without a gap, and list every block once",
    "balances_derived": "every kept balance is the sum of its entries",
    "order_sums": "per order, what the pool got and the platform added is what the shares are",
    "order_booked": "per order, the ledger has the money where the order says it is",
    "sellers_money_apart": "a platform account gets of sellers' money only commission, its tax, fees, recovered debt",
    "guard_agrees": "what a merchant's guard says of its debt and its reserve is what their accounts say",
    "movement_booked": "money that belongs to no order is a deposit, a debt paid off, or in suspense",
    "refund_within_paid": "no more goes back to a buyer than was paid",
    "paid_as_proved": "what split booked of an order is what payments proved and what the institution has",
    "breakdown_adds_up": "a leg's amount is what its breakdown says",
    "leg_paid_once": "a leg is paid by one payout, at the institution under one number",
    "line_released_once": "a line of an order is in one share of its merchant, released or held",
    "finish_last": "where a seller collects, its own share comes by a finish, which pays nobody else and comes last",
    "freeze_end_booked": "the end of a channel's freeze is booked once, and no more of it is owed than the seller got",
    "leg_as_requested": "payments, split and the institution agree about each leg",
    "refund_as_requested": "payments, split and the institution agree about each part of a refund",
    "leg_stated": "a paid leg stands on a statement once, with its amount",
    "transfer_known": "the institution moved nothing that Weir did not instruct",
    "pool_is_owed": "what a pool holds is what the books owe out of it, and what its own record says",
    "document_named": "a document stands under the id of what it is about",
    "document_shaped": "a document has the fields, of the types, that it was written with",
    "outbox_young": "no event waits in an outbox for more than 30 seconds",
    "moves_on": "nothing is under way inside Weir for more than 5 minutes",
    "order_not_lost": "every order sent is somewhere, and every event about one has had its effect",
}
"""Every law by the name under which a breach is reported."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken law: what it is about, and what is wrong with it."""

    law: str
    id: str
    detail: str


@dataclass(slots=True)
class Findings:
    """Collects breaches. All are counted; the first thousand are kept."""

    shown: list[Breach] = field(default_factory=list)
    total: int = 0
    imbalance_minor: int = 0
    duplicated: int = 0

    def add(self, law: str, identity: str, detail: str) -> None:
        """Record a breach of one of LAWS."""
        self.take(Breach(law, identity, detail))

    def take(self, breach: Breach) -> None:
        """Record a breach."""
        if breach.law not in LAWS:
            message = f"{breach.law} is no law"
            raise ValueError(message)
        self.total += 1
        if len(self.shown) < BREACHES_SHOWN_MAX:
            self.shown.append(breach)

    def join(self, other: "Findings") -> None:
        """Take what was found elsewhere."""
        self.shown.extend(other.shown[: BREACHES_SHOWN_MAX - len(self.shown)])
        self.total += other.total
        self.imbalance_minor += other.imbalance_minor
        self.duplicated += other.duplicated

    def answer(self) -> list[dict[str, str]]:
        """Return the breaches for `--json`."""
        return [asdict(breach) for breach in self.shown]
