"""Payments that merchants collect: each is frozen for splits in its collector's account, and the rest is its own."""

from collections import Counter
from datetime import timedelta
from typing import Any, Final

from sandbox.domain.behaviours.about import Frozen
from sandbox.domain.behaviours.limited import Limited
from sandbox.domain.behaviours.pool import Refusal
from sandbox.domain.books import POOL, Place
from sandbox.domain.transfers import Record, Transfer, TransferAnswer
from shared.profiles import Profile

WHOLE_BP: Final = 10_000


class Collected(Limited):
    """Instructions about payments. New payouts of one payment in one request are one request to split it."""

    def __init__(self, profile: Profile, *request: Any) -> None:  # noqa: ANN401 - as Pool's
        super().__init__(profile, *request)
        self._left = Counter({name: it.left_minor for name, it in self.about.frozen.items()})
        self._released = {name for name, it in self.about.frozen.items() if it.released}
        self._verdicts: dict[str, tuple[Refusal | None, str | None]] = {}

    def carry_out(self, transfer: Transfer) -> TransferAnswer:
        """Execute a new transfer; answer a known one as it stands."""
        records = len(self.change.records)
        told = super().carry_out(transfer)
        for record in self.change.records[records:]:
            self._note(record)
        return told

    def refusal(self, transfer: Transfer) -> Refusal | None:
        """Return why a new transfer is not even taken."""
        if transfer.kind == "return":
            return super().refusal(transfer) or self._no_giver(transfer)
        payment = self.about.frozen.get(transfer.of or "")
        if payment is None or payment.currency != transfer.currency:
            return "payment_unknown"
        return super().refusal(transfer) or self._not_of(payment, transfer)

    def doom(self, transfer: Transfer) -> str | None:
        """Return why a transfer that is taken now will fail, whatever becomes of the faults."""
        if transfer.kind == "payout" and (payment := self.payment_of(transfer)) is not None:
            return self._verdict(payment)[1] or self._leg_doom(payment, transfer)
        return super().doom(transfer)

    def left_minor(self, transfer: Transfer, source: Place) -> int | None:
        """Return what there is to take from: of this payment, whatever others have left."""
        return self._left[transfer.of or ""] if source[0] == POOL else super().left_minor(transfer, source)

    def _not_of(self, payment: Frozen, transfer: Transfer) -> Refusal | None:
        match transfer.kind:
            case "payout":
                return self._verdict(payment)[0]
            case "finish":
                other = payment.merchant is not None and transfer.receiver != f"merchant:{payment.merchant}"
                return "receiver_unknown" if other else None
            case "subsidy":
                before = self.profile.subsidies is not None and self.profile.subsidies.before_split
                return "closed" if before and payment.requests else None
            case _:
                return None

    def _leg_doom(self, payment: Frozen, transfer: Transfer) -> str | None:
        bound = self.about.bound
        known = (payment.merchant or "", transfer.receiver) in bound or ("", transfer.receiver) in bound
        if self.profile.receivers_bound_first and not known:
            return self.word("receiver_not_bound")
        return super().doom(transfer)

    def _verdict(self, payment: Frozen) -> tuple[Refusal | None, str | None]:
        """Return why the request to split a payment is refused as a whole, or why all of its legs fail."""
        verdict = self._verdicts.get(payment.payment_id)
        if verdict is None:
            legs = [
                it
                for it in self.batch
                if it.kind == "payout" and it.of == payment.payment_id and it.number not in self.seen
            ]
            verdict = self._verdicts[payment.payment_id] = (
                self._no_split(payment, legs),
                None if self.profile.partial_success else self._one_for_all(payment, legs),
            )
        return verdict

    def _no_split(self, payment: Frozen, legs: list[Transfer]) -> Refusal | None:
        profile = self.profile
        receivers = {it.receiver for it in legs}
        most_minor = self._cap_minor(payment)
        over = profile.receivers_per_request_max is not None and len(legs) > profile.receivers_per_request_max
        often = profile.requests_per_order_max is not None and payment.requests >= profile.requests_per_order_max
        wrong: dict[Refusal, bool] = {
            "not_split": not payment.split,
            "too_early": self.now - payment.paid_at < timedelta(seconds=profile.split_after_payment_s),
            "closed": payment.payment_id in self._released and not profile.split_after_release,
            "too_many_receivers": over,
            "receiver_twice": profile.receiver_once_per_request and len(receivers) < len(legs),
            "too_many_requests": often,
            "cap_exceeded": most_minor is not None
            and payment.split_minor + sum(it.amount_minor for it in legs) > most_minor,
        }
        return next((reason for reason, so in wrong.items() if so), None)

    def _cap_minor(self, payment: Frozen) -> int | None:
        if self.profile.cap is None:
            return None
        agreed_bp = self.about.caps.get(payment.merchant or "", self.about.caps.get(""))
        return payment.amount_minor * self.profile.cap.of(agreed_bp) // WHOLE_BP

    def _one_for_all(self, payment: Frozen, legs: list[Transfer]) -> str | None:
        faults = self.faults
        failing = next(
            (
                reason
                for it in legs
                if (reason := self._leg_doom(payment, it) or faults.failing(it.kind, it.receiver, it.of))
            ),
            None,
        )
        if failing is None and sum(it.amount_minor for it in legs) > self._left[payment.payment_id]:
            return self.word("insufficient_funds")
        return failing

    def _no_giver(self, transfer: Transfer) -> Refusal | None:
        """Return why this receiver does not give back: a person, where only merchants do."""
        returns, paid = self.profile.returns, self.seen[transfer.of or ""].transfer
        payment = self.about.frozen.get(paid.of or "")
        names = ((payment.merchant or "") if payment else "", "")
        kinds = {self.about.bound.get((name, transfer.receiver), "merchant") for name in names}
        return "return_not_allowed" if returns is not None and not kinds <= set(returns.receiver_kinds) else None

    def _note(self, record: Record) -> None:
        """Follow what an instruction does to its payment."""
        transfer = record.transfer
        payment_id = payment_of(transfer, self.seen)
        if record.state != "failed":
            changed = left_change(record)
            self._left[payment_id] += changed
            self.change.left[payment_id] += changed
        if transfer.kind == "finish" and record.state != "failed":
            self._released.add(payment_id)
            self.change.released.add(payment_id)
        if transfer.kind == "payout":
            self.change.split[payment_id] += transfer.amount_minor if record.state != "failed" else 0
            self.change.requests[payment_id] = 1


def payment_of(transfer: Transfer, known: Any) -> str:  # noqa: ANN401 - records by number
    """Return the payment whose frozen money a transfer changes: of a return, that of the payout."""
    if transfer.kind == "return":
        paid = known.get(transfer.of or "")
        return (paid.transfer.of if paid is not None else None) or ""
    return transfer.of or ""


def left_change(record: Record) -> int:
    """Return by how much a transfer has changed what is frozen of its payment, by the state in which it is."""
    transfer = record.transfer
    source, target = transfer.source, transfer.target
    if source is not None and source[0] == POOL:
        return -transfer.amount_minor if record.state in {"accepted", "succeeded"} else 0
    return transfer.amount_minor if target is not None and record.state == "succeeded" else 0
