"""One refund at the institution: its last plan, how every part of every plan stands, and what was told of it."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec
from tests.player.script import Script

from shared.ids import channel_number
from shared.messages import FundingOutcome, RefundOutcome, RefundRequested, RefundSettled, ReturnOutcome, body_hash

Outcome = ReturnOutcome | FundingOutcome | RefundOutcome
State = Literal["under_way", "waiting_funds", "succeeded", "failed"]

OPEN: Final = frozenset({"created", "sending", "accepted", "unknown"})
BAD: Final = frozenset({"failed", "returned"})
NOT_SENT: Final = "plan_failed"


class ConflictError(Exception):
    """Something contradicts what is known of a refund; the message says how."""


class Refund:
    """One refund. Its parts stand under their ids, those of earlier plans among them."""

    def __init__(self, plan: RefundRequested, script: Script) -> None:
        self.plan = plan
        self.script = script
        self.returns: dict[str, ReturnOutcome] = {}
        self.fundings: dict[str, FundingOutcome] = {}
        self.refunds: dict[str, RefundOutcome] = {}
        self.kinds: dict[str, str] = {}
        """What each funding is."""
        self.tries: Counter[str] = Counter()
        """How often fundings and refunds were begun, by `funding/<id>` and `refund/<payment>`."""
        self.told: list[RefundSettled] = []
        self._bodies: dict[int, bytes] = {}

    def repeated(self, plan: RefundRequested) -> RefundSettled | None:
        """Return the last answer to this very plan; None for a new one.

        Raises:
            ConflictError: another plan had this revision.

        """
        known = self._bodies.get(plan.revision)
        if known is None:
            return None
        if known != body_hash(plan):
            message = f"{plan.refund_id}: another plan under revision {plan.revision}"
            raise ConflictError(message)
        return next((it for it in reversed(self.told) if it.planned == plan.revision), None)

    def lay(self, plan: RefundRequested) -> None:
        """Lay a plan over what is there: its new parts, and those that are to be tried again.

        Raises:
            ConflictError: a part that is there already has another amount.

        """
        self.plan = plan
        self._bodies[plan.revision] = body_hash(plan)
        for leg in plan.returns:
            known = self.returns.get(leg.return_id)
            _same(known, leg.amount_minor, leg.return_id)
            if known is None or known.state == "cancelled" or (known.state == "failed" and leg.attempt > known.attempt):
                self.returns[leg.return_id] = ReturnOutcome(
                    return_id=leg.return_id,
                    leg_id=leg.leg_id,
                    receiver=leg.receiver,
                    amount_minor=leg.amount_minor,
                    attempt=leg.attempt,
                    state="created",
                    channel_number=self._number("return", leg.return_id, leg.attempt),
                )
        for part in plan.fundings:
            name, amount = part.funding_id, part.amount_minor
            self.kinds[name] = part.kind
            if number := self._tried("funding", self.fundings.get(name), name, amount):
                self.fundings[name] = FundingOutcome(
                    funding_id=name, amount_minor=amount, state="created", channel_number=number
                )
        for back in plan.refunds:
            name, amount = back.channel_payment_id, back.amount_minor
            if number := self._tried("refund", self.refunds.get(name), name, amount):
                self.refunds[name] = RefundOutcome(
                    channel_payment_id=name, amount_minor=amount, state="created", channel_number=number
                )
        self.call_off(keep=self.named())

    def named(self) -> frozenset[str]:
        """Return the parts of the last plan."""
        parts = {it.return_id for it in self.plan.returns} | {it.funding_id for it in self.plan.fundings}
        return frozenset(parts | {it.channel_payment_id for it in self.plan.refunds})

    def parts(self) -> tuple[dict[str, Any], ...]:
        """Return every part of every plan."""
        return self.returns, self.fundings, self.refunds

    def call_off(self, keep: frozenset[str] = frozenset()) -> None:
        """Cancel what is not sent."""
        for parts in self.parts():
            for name, it in parts.items():
                if it.state == "created" and name not in keep:
                    parts[name] = msgspec.structs.replace(it, state="cancelled", reason=NOT_SENT)

    def tell(self, state: State, reason: str | None, at: datetime) -> RefundSettled:
        """Make the next revision, of that time."""
        revision = len(self.told) + 1
        told = RefundSettled(
            marketplace=self.plan.marketplace,
            order_id=self.plan.order_id,
            refund_id=self.plan.refund_id,
            revision=revision,
            planned=self.plan.revision,
            state=state,
            reason=reason,
            currency=self.plan.currency,
            channel_profile=self.plan.channel_profile,
            channel_account=self.plan.channel_account,
            returns=tuple(self.returns.values()),
            fundings=tuple(self.fundings.values()),
            refunds=tuple(self.refunds.values()),
            settled_at=at + timedelta(milliseconds=revision),
        )
        self.told.append(told)
        return told

    def _tried(self, kind: str, known: Outcome | None, name: str, amount_minor: int) -> str | None:
        """Return the number of the next try; None where none is due."""
        _same(known, amount_minor, name)
        if known is not None and known.state not in BAD | {"cancelled"}:
            return None
        self.tries[f"{kind}/{name}"] += 1
        return self._number(kind, f"{self.plan.refund_id}/{name}", self.tries[f"{kind}/{name}"])

    def _number(self, kind: str, name: str, attempt: int) -> str:
        return channel_number(kind, self.plan.marketplace, f"o:{self.plan.order_id}", name, attempt)


def failing(refund: Refund) -> str | None:
    """Return why the last plan cannot succeed any more; None while it can."""
    named = refund.named()
    bad = (it for parts in refund.parts() for name, it in parts.items() if name in named and it.state in BAD)
    return next((it.reason or it.state for it in bad), None)


def _same(known: Outcome | None, amount_minor: int, name: str) -> None:
    if known is not None and known.amount_minor != amount_minor:
        message = f"{name} is {known.amount_minor}, a later plan says {amount_minor}"
        raise ConflictError(message)
