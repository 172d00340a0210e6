"""How refunds go at an institution that obeys a script: pure, requests in, revisions of refund-settled out.

Returns and fundings come first; only when all of them are in, the buyer gets of each payment what the plan says. What a
plan repeats is not done twice. The same request again has the same answer.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec
from tests.player.account import Account
from tests.player.refund import OPEN, ConflictError, Refund, State, failing
from tests.player.script import SMOOTH, Choose, Stage, reason_of, why

from shared.messages import ChannelMoved, RefundRequested, RefundSettled

type Way = Iterator[tuple[State, Stage | None]]
"""The stages of a plan; at its end, None."""

NO_MONEY = "insufficient_funds"


class Course:
    """Every refund of the institution, and what was moved for them by account and currency."""

    def __init__(self, choose: Choose = lambda _: SMOOTH) -> None:
        self.refunds: dict[str, Refund] = {}
        self.accounts: dict[tuple[str, str], Account] = {}
        self._ways: dict[str, Way] = {}
        self._choose = choose

    def account(self, channel_account: str, currency: str) -> Account:
        """Return what was done of this account in this currency."""
        return self.accounts.setdefault((channel_account, currency), Account())

    def take(self, plan: RefundRequested, at: datetime) -> list[RefundSettled]:
        """Take a request of that time; return what is told of it. An older plan than the last one says nothing new.

        Raises:
            ConflictError: another body under the same revision, or an amount that changed.

        """
        key = f"{plan.marketplace}/{plan.refund_id}"
        refund = self.refunds.get(key)
        if refund is None:
            refund = self.refunds[key] = Refund(plan, self._choose(plan))
        if known := refund.repeated(plan):
            return [known]
        if plan.revision < refund.plan.revision:
            return []
        refund.lay(plan)
        self._ways[key] = iter([("failed", None)]) if plan.refused else self._way(refund)
        return self._go(key, at)

    def go_on(self, key: str, at: datetime) -> list[RefundSettled]:
        """Let the refund `<marketplace>/<refund_id>` go on that its script has stopped; return what is told of it."""
        return self._go(key, at)

    def send_back(self, key: str, payment: str, reason: str, at: datetime) -> RefundSettled:
        """Have the buyer's bank send back what it got of a payment; return what is told of it.

        Raises:
            ConflictError: it has not got it, or not any more.

        """
        refund = self.refunds[key]
        gone = refund.refunds.get(payment)
        if gone is None or gone.state != "succeeded":
            message = f"{key}: the buyer has nothing of {payment}"
            raise ConflictError(message)
        refund.refunds[payment] = msgspec.structs.replace(gone, state="returned", reason=reason)
        self._of(refund).refunded[payment] -= gone.amount_minor
        return refund.tell("failed", reason, at)

    def move(self, event: ChannelMoved) -> None:
        """Note what the institution moved by itself."""
        self.account(event.channel_account, event.currency).move(event)

    def _of(self, refund: Refund) -> Account:
        return self.account(refund.plan.channel_account, refund.plan.currency)

    def _go(self, key: str, at: datetime) -> list[RefundSettled]:
        refund, told = self.refunds[key], list[RefundSettled]()
        for state, stage in self._ways[key]:
            stopped = stage is not None and stage == refund.script.stop
            if stage is None or stopped or stage == "waiting_funds" or stage in refund.script.shown:
                reasons = {"failed": refund.plan.refused or failing(refund), "waiting_funds": NO_MONEY}
                told.append(refund.tell(state, reasons.get(state), at))
            if stopped:
                break
        return told

    def _way(self, refund: Refund) -> Way:
        """Bring the parts of a plan from stage to stage."""
        phases: list[Callable[[Refund], Way]] = [self._give_back, self._fund]
        for phase in reversed(phases) if refund.script.fundings_first else phases:
            yield from phase(refund)
            if failing(refund):
                refund.call_off()
                yield "failed", None
                return
        _now(refund.refunds, "sending")
        yield "under_way", "funded"
        _now(refund.refunds, "unknown")
        yield "under_way", "unknown"
        for name, it in refund.refunds.items():
            if it.state in OPEN:
                reason = why(refund.script.refunds, name, refund.tries[f"refund/{name}"])
                refund.refunds[name] = _final(it, reason)
                self._of(refund).refunded[name] += 0 if reason else it.amount_minor
        yield "failed" if failing(refund) else "succeeded", None

    def _give_back(self, refund: Refund) -> Way:
        _now(refund.returns, "sending")
        yield "under_way", "sending"
        for name, it in refund.returns.items():
            if it.state in OPEN:
                reason = why(refund.script.returns, it.receiver, it.attempt)
                refund.returns[name] = _final(it, reason)
                self._of(refund).returned[it.receiver] += 0 if reason else it.amount_minor
        yield "under_way", "returned"

    def _fund(self, refund: Refund) -> Way:
        wanted = {name: it for name, it in refund.fundings.items() if it.state in OPEN}
        if refund.script.waits and wanted:
            refund.fundings |= {name: msgspec.structs.replace(it, reason=NO_MONEY) for name, it in wanted.items()}
            yield "waiting_funds", "waiting_funds"
        for name, it in wanted.items():
            reason = reason_of(refund.script.funding, refund.tries[f"funding/{name}"])
            refund.fundings[name] = _final(it, reason)
            self._of(refund).funded[refund.kinds[name]] += 0 if reason else it.amount_minor


def _now[It: msgspec.Struct](parts: dict[str, It], state: State | str) -> None:
    for name, it in parts.items():
        if it.state in OPEN:  # type: ignore[attr-defined] # every outcome has one
            parts[name] = msgspec.structs.replace(it, state=state)


def _final[It: msgspec.Struct](it: It, reason: str | None) -> It:
    return msgspec.structs.replace(it, state="failed" if reason else "succeeded", reason=reason)
