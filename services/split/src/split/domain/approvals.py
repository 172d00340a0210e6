"""What moves money by hand needs two people: one asks, another approves within a day (money.md 3.10). Pure."""

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from split.domain.refusals import Refused

Action = Literal["adjustment", "hold_release", "leg_restore", "leg_retry", "leg_write_off", "refund_retry", "reward"]
"""Everything that creates, releases or abandons money by hand."""

State = Literal["requested", "approved", "refused", "expired"]
Verdict = Literal["approved", "refused"]
type Details = Mapping[str, str | int]

LIFECYCLE: Final[dict[State, dict[str, State]]] = {
    "requested": {"approved": "approved", "refused": "refused", "expired": "expired"},
    "approved": {},
    "refused": {},
    "expired": {},
}
APPROVAL_LIFE: Final = timedelta(hours=24)
"""How long a request waits for the second person."""


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """One action that somebody asked for. `subject` is what it is done to, such as a leg; `details` are its figures.

    `outcome` says what came of it, such as the payout that it made; `decided_key` is the decider's idempotency key.
    """

    marketplace: str
    approval_id: str
    action: Action
    subject: str
    details: dict[str, str | int] = {}
    actor: str
    reason: str
    requested_at: datetime
    expires_at: datetime
    state: State = "requested"
    decided_by: str = ""
    decided_reason: str = ""
    decided_key: str = ""
    decided_at: datetime | None = None
    outcome: str = ""

    @property
    def key(self) -> str:
        """Its `_id`."""
        return f"{self.marketplace}/{self.approval_id}"

    def at(self, now: datetime) -> "Approval":
        """Return it as it stands at a moment: nobody has to be there when it expires."""
        if self.state == "requested" and now >= self.expires_at:
            return msgspec.structs.replace(self, state=LIFECYCLE[self.state]["expired"])
        return self

    def asks_the_same(self, other: "Approval") -> bool:
        """Tell whether two requests are one, sent twice."""
        return _asked(self) == _asked(other)


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """What the second person says. `key` makes a repeat of it one."""

    verdict: Verdict
    actor: str
    reason: str
    key: str


def ruled(approval: Approval, ruling: Ruling, now: datetime) -> Approval | Refused:
    """Return the approval after the second person's word; the same one for a repeat of it, or why it cannot be.

    Whoever asked may take it back (refuse it), and may not approve it.
    """
    current = approval.at(now)
    if current.decided_key == ruling.key and current.decided_key:
        same = (current.state, current.decided_by, current.decided_reason)
        if same == (ruling.verdict, ruling.actor, ruling.reason):
            return approval
        return Refused("idempotency_key_reused", f"this key was used to say {current.state}")
    after = LIFECYCLE[current.state].get(ruling.verdict)
    if after is None:
        if current.state == "expired":
            return Refused("approval_expired", f"it was to be decided by {current.expires_at.isoformat()}")
        return Refused("approval_decided", f"{current.decided_by} has {current.state} it")
    if ruling.verdict == "approved" and _person(ruling.actor) == _person(approval.actor):
        return Refused("same_person", f"{approval.actor} asked for it: somebody else has to approve")
    return msgspec.structs.replace(
        approval,
        state=after,
        decided_by=ruling.actor,
        decided_reason=ruling.reason,
        decided_key=ruling.key,
        decided_at=now,
    )


def _asked(it: Approval) -> tuple[str, str, dict[str, str | int], str, str]:
    return it.action, it.subject, it.details, it.actor, it.reason


def _person(actor: str) -> str:
    """Return who an actor is, however the name was typed."""
    return " ".join(unicodedata.normalize("NFKC", actor).casefold().split())
