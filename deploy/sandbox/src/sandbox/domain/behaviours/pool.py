"""One pool, and no limit but what is in it: the behaviour of `sandbox-direct`, and what the others add to."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sandbox.domain.behaviours.about import NOTHING, About
from sandbox.domain.books import BUYER, FEES_BACK, IN_TRANSIT, RECEIVER_PATTERN, Change, Place
from sandbox.domain.faults import NORMAL, Faults
from sandbox.domain.payments import Payment
from sandbox.domain.transfers import Record, Transfer, TransferAnswer, answer
from shared.profiles import Canonical

type Refusal = Canonical
PAID_OUT: Final = frozenset({"payout", "finish"})
_RECEIVER: Final = re.compile(RECEIVER_PATTERN)


class Pool:
    """Carries out the instructions of one request in order, each against what the ones before it left."""

    transit: str = IN_TRANSIT

    def __init__(
        self,
        batch: Sequence[Transfer],
        known: Mapping[str, Record],
        balances: Mapping[Place, int],
        faults: Faults,
        now: datetime,
        about: About = NOTHING,
    ) -> None:
        """`known`: also the payouts that returns are of."""
        self.batch = batch
        self.seen = dict(known)
        self.balances = balances
        self.faults = faults
        self._faulty = faults is not NORMAL
        self.now = now
        self.about = about
        self.used = about.used.copy()
        self.counted = about.counted.copy()
        self.change: Change[Record] = Change()

    def carry_out(self, transfer: Transfer) -> TransferAnswer:
        """Execute a new transfer; answer a known one as it stands."""
        record = self.seen.get(transfer.number)
        if record is not None:
            return answer(record) if record.transfer == transfer else self._refused(transfer, "number_reused")
        refusal = self.refusal(transfer)
        if refusal is not None:
            return self._refused(transfer, refusal)
        source, target = transfer.source, transfer.target
        record = self.seen[transfer.number] = self._decide(transfer, source)
        self.change.records.append(record)
        if record.state != "failed":
            self._take(record, source, target)
        if transfer.of is not None and record.state != "failed":
            self.used[transfer.kind, transfer.of] += transfer.amount_minor
            self.counted[transfer.kind, transfer.of] += 1
            self.used["fee", transfer.of] += transfer.fee_minor
        return answer(record)

    def refusal(self, transfer: Transfer) -> Refusal | None:
        """Return why a new transfer is not even taken."""
        if not transfer.amount_minor:
            return "amount_zero"
        if transfer.fee_minor and not self._gives_fee(transfer):
            return "operation_unknown"
        match transfer.kind:
            case "payout" | "finish":
                return None if _RECEIVER.fullmatch(transfer.receiver) else "receiver_unknown"
            case "return":
                return self._no_return(transfer, self.seen.get(transfer.of or ""))
            case "refund":
                return self._no_refund(transfer, self.about.payments.get(transfer.of or ""))
            case _:
                return None

    def gives_fee(self, payment: Payment, fee_minor: int) -> bool:  # noqa: ARG002 - others may
        """Tell whether so much of a payment's fee is given back with a refund."""
        return False

    def left_minor(self, transfer: Transfer, source: Place) -> int | None:  # noqa: ARG002 - others ask what it is about
        """Return what there is to take from; None: it may be owed."""
        return self.balances.get(source, 0) + self.change.pockets[source]

    def accepts(self, transfer: Transfer) -> bool:
        """Tell whether a transfer is accepted first and carried out later."""
        return self._faulty and self.faults.accepts(transfer.kind)

    def doom(self, transfer: Transfer) -> str | None:
        """Return why a transfer that is taken now will fail, whatever becomes of the faults."""
        return self.word("closed") if self._faulty and self.faults.spoils(transfer, self.batch) else None

    def word(self, reason: Canonical) -> str:
        """Return the institution's word for a reason."""
        return reason

    def _refused(self, transfer: Transfer, reason: Canonical) -> TransferAnswer:
        return TransferAnswer(number=transfer.number, state="refused", reason=self.word(reason))

    def _decide(self, transfer: Transfer, source: Place | None) -> Record:
        accepts, reason = self.accepts(transfer), self.doom(transfer)
        if self._faulty and reason is None and not accepts:
            reason = self.faults.failing(transfer.kind, transfer.receiver, transfer.of)
        if source is not None and (reason is None or accepts):
            left_minor = self.left_minor(transfer, source)
            if left_minor is not None and left_minor < transfer.amount_minor:
                return Record(transfer=transfer, state="failed", reason=self.word("insufficient_funds"))
        if accepts:
            return Record(transfer=transfer, state="accepted", reason=reason)
        if reason is not None:
            return Record(transfer=transfer, state="failed", reason=reason)
        return Record(transfer=transfer, state="succeeded", executed_at=self.now)

    def _take(self, record: Record, source: Place | None, target: Place | None) -> None:
        transfer, pockets = record.transfer, self.change.pockets
        if source is not None:
            pockets[source] -= transfer.amount_minor
        if record.state == "accepted":
            if source is not None:  # what comes from outside arrives when it is concluded
                pockets[self.transit, transfer.currency] += transfer.amount_minor
            return
        if target is not None:  # what has left the pockets its record tells
            pockets[target] += transfer.amount_minor
        if transfer.fee_minor:
            pockets[FEES_BACK, transfer.currency] += transfer.fee_minor

    def _gives_fee(self, transfer: Transfer) -> bool:
        payment = self.about.payments.get(transfer.of or "")
        return transfer.kind == "refund" and payment is not None and self.gives_fee(payment, transfer.fee_minor)

    def _no_return(self, transfer: Transfer, paid: Record | None) -> Refusal | None:
        if paid is None or paid.state != "succeeded" or paid.transfer.kind not in PAID_OUT:
            return "return_not_allowed"
        got = paid.transfer
        if (got.receiver, got.currency) != (transfer.receiver, transfer.currency):
            return "return_not_allowed"
        above = self.used["return", got.number] + transfer.amount_minor > got.amount_minor
        return "return_above_paid" if above else None

    def _no_refund(self, transfer: Transfer, payment: Payment | None) -> Refusal | None:
        if payment is None or payment.currency != transfer.currency:
            return "payment_unknown"
        if transfer.receiver != BUYER:
            return "receiver_unknown"
        above = self.used["refund", payment.payment_id] + transfer.amount_minor > payment.amount_minor
        return "refund_above_paid" if above else None
