"""A pool under a profile: what it can be asked for, how often and how late. Custody and the platform's balance."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sandbox.domain.behaviours.about import Frozen
from sandbox.domain.behaviours.pool import Pool, Refusal
from sandbox.domain.books import GUARANTEE, IN_TRANSIT, Place
from sandbox.domain.payments import Payment
from sandbox.domain.transfers import Kind, Transfer
from shared.profiles import Canonical, Operation, Profile

OPERATIONS: Final[Mapping[Kind, Operation]] = {
    "payout": "pay",
    "finish": "finish",
    "subsidy": "subsidy",
    "marketing_back": "subsidy",
    "return": "return",
    "advance": "advance",
    "refund": "refund",
}
LATER: Final = frozenset({"payout", "finish", "refund"})
"""What is carried out later where a product accepts first; a return is answered at once [W-ret], and so is the
platform's own money. Where people move it by hand, all of it is."""
OWED: Final = frozenset({"refund"})
"""What may take a pool below zero where the profile lets it: never a payout."""


class Limited(Pool):
    """A pool with the limits of a profile."""

    def __init__(self, profile: Profile, *request: Any) -> None:  # noqa: ANN401 - as Pool's
        super().__init__(*request)
        self.profile = profile
        self.by_hand = profile.custody is not None and profile.custody.by_hand
        self.transit = transit_of(profile)

    def word(self, reason: Canonical) -> str:
        """Return the product's own code for a reason, where it has one."""
        return self.profile.said(reason)

    def refusal(self, transfer: Transfer) -> Refusal | None:
        """Return why a new transfer is not even taken."""
        refusal = self._lacking(transfer.kind) or super().refusal(transfer)
        if refusal is not None:
            return refusal
        match transfer.kind:
            case "return":
                return self._late_return(transfer)
            case "refund":
                return self._late_refund(transfer)
            case "subsidy":
                return self._large_subsidy(transfer)
            case _:
                return None

    def accepts(self, transfer: Transfer) -> bool:
        """Tell whether a transfer is accepted first and carried out later."""
        first = self.by_hand or (self.profile.accepts_first and transfer.kind in LATER)
        return first or super().accepts(transfer)

    def doom(self, transfer: Transfer) -> str | None:
        """Return why a transfer that is taken now will fail, whatever becomes of the faults."""
        return self.word("receiver_not_bound") if self._stranger(transfer) else super().doom(transfer)

    def gives_fee(self, payment: Payment, fee_minor: int) -> bool:
        """Tell whether so much of a payment's fee is given back with a refund."""
        given_minor = self.used["fee", payment.payment_id] + fee_minor
        return self.profile.fee_refund != "none" and given_minor <= payment.fee_minor

    def left_minor(self, transfer: Transfer, source: Place) -> int | None:
        """Return what there is to take from; None: it may be owed."""
        if self.profile.may_go_negative and transfer.kind in OWED:
            return None
        return super().left_minor(transfer, source)

    def payment_of(self, transfer: Transfer) -> Frozen | None:
        """Return the payment that an instruction is about, where the merchant collects."""
        return self.about.frozen.get(transfer.of or "")

    def _lacking(self, kind: Kind) -> Refusal | None:
        custody = self.profile.custody
        if kind == "return" and custody is not None and custody.receive_only_merchants:
            return "receive_only"
        return None if self.profile.has(OPERATIONS[kind]) else "operation_unknown"

    def _stranger(self, transfer: Transfer) -> bool:
        """Tell whether a merchant without the bank account that it needs there is to be paid."""
        custody = self.profile.custody
        if custody is None or not custody.real_account_needed or not transfer.receiver.startswith("merchant:"):
            return False
        return transfer.kind == "payout" and ("", transfer.receiver) not in self.about.bound

    def _late_return(self, transfer: Transfer) -> Refusal | None:
        limits, number = self.profile.returns, transfer.of or ""
        if limits is None:
            return "operation_unknown"
        if limits.per_payout_max is not None and self.counted["return", number] >= limits.per_payout_max:
            return "too_many_returns"
        paid_at = self.seen[number].executed_at
        if limits.days is not None and paid_at is not None and self.now - paid_at > timedelta(days=limits.days):
            return "return_too_late"
        return None

    def _late_refund(self, transfer: Transfer) -> Refusal | None:
        limits, payment = self.profile.refunds, self.payment_of(transfer)
        if limits.partial_max is not None and self.counted["refund", transfer.of or ""] >= limits.partial_max:
            return "too_many_refunds"
        if payment is None or limits.days is None:
            return None
        return "refund_too_late" if self.now - payment.paid_at > timedelta(days=limits.days) else None

    def _large_subsidy(self, transfer: Transfer) -> Refusal | None:
        limits = self.profile.subsidies
        if limits is None or transfer.of is None:
            return None
        most = limits.amount_max_minor.get(transfer.currency)
        above = most is not None and self.used["subsidy", transfer.of] + transfer.amount_minor > most
        many = limits.per_order_max is not None and self.counted["subsidy", transfer.of] >= limits.per_order_max
        return "subsidy_too_large" if above or many else None


def transit_of(profile: Profile | None) -> str:
    """Return the pocket in which the money of an accepted transfer waits."""
    custody = None if profile is None else profile.custody
    return GUARANTEE if custody is not None and custody.guarantee_phase else IN_TRANSIT
