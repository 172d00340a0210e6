"""Actions that need two people: the first one's request is kept, the second one's approval carries it out.

What an action does stands in its executor, which runs in the approval's own transaction: both are stored, or neither.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from shared.clock import Clock
from shared.commits import Commits
from shared.ids import event_id
from shared.work import Work
from split.domain.approvals import APPROVAL_LIFE, Action, Approval, Ruling, ruled
from split.domain.refusals import Refused
from split.store.approvals import Approvals


class Executor(Protocol):
    """What one kind of action does. Neither method writes anything where it refuses."""

    async def check(self, approval: Approval, work: Work) -> Refused | None:
        """Say why it makes no sense to ask for it, if so."""

    async def carry_out(self, approval: Approval, work: Work) -> str | Refused:
        """Do it, and say what came of it; or why it cannot be done any more."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """Something asked for. The same `key` again is the same request."""

    marketplace: str
    action: Action
    subject: str
    details: dict[str, str | int] = {}
    actor: str
    reason: str
    key: str


class ApprovalHandlers:
    """What split does with actions that need two people."""

    def __init__(
        self, commits: Commits, approvals: Approvals, clock: Clock, executors: Mapping[Action, Executor]
    ) -> None:
        self._commits = commits
        self._approvals = approvals
        self._clock = clock
        self._executors = executors

    async def ask(self, draft: Draft) -> Approval | Refused:
        """Keep a request; a repeat is answered with what became of it."""

        async def decide(work: Work) -> Approval | Refused:
            now = self._now()
            asked = Approval(
                marketplace=draft.marketplace,
                approval_id=event_id("approval", draft.marketplace, draft.key),
                action=draft.action,
                subject=draft.subject,
                details=draft.details,
                actor=draft.actor,
                reason=draft.reason,
                requested_at=now,
                expires_at=now + APPROVAL_LIFE,
            )
            known = await self._approvals.find(asked.key, work.session)
            if known is not None:
                if known.asks_the_same(asked):
                    return known.at(now)
                return Refused("idempotency_key_reused", "this key was used to ask for something else")
            refused = await self._executors[asked.action].check(asked, work)
            if refused is not None:
                return refused
            self._approvals.add(work, asked)
            return asked

        return await self._commits.run(decide, origin="api")

    async def rule(self, key: str, ruling: Ruling) -> Approval | Refused:
        """Take the second person's word; with an approval the action is carried out, or nothing is stored."""

        async def decide(work: Work) -> Approval | Refused:
            known = await self._approvals.find(key, work.session)
            if known is None:
                return Refused("approval_unknown", "nothing of that id was asked for")
            after = ruled(known, ruling, self._now())
            if isinstance(after, Refused) or after == known:
                return after
            if after.state == "approved":
                outcome = await self._executors[after.action].carry_out(after, work)
                if isinstance(outcome, Refused):
                    return outcome
                after = msgspec.structs.replace(after, outcome=outcome)
            self._approvals.change(work, after)
            return after

        return await self._commits.run(decide, origin="api")

    def _now(self) -> datetime:
        """Return the time as MongoDB keeps it, so that a repeated answer is the same answer."""
        now = self._clock.now()
        return now.replace(microsecond=now.microsecond // 1_000 * 1_000)
