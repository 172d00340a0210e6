"""Rewards: what two people agreed on is booked, and its payout asked for, in the approval's own transaction."""

from collections.abc import Callable

import msgspec

from shared.ids import event_id
from shared.messages import PayoutRequested
from shared.mongo import Database
from shared.profiles import Profiles
from shared.work import Work
from split.domain.approvals import Approval
from split.domain.charges import Reward, begun, mistake
from split.domain.refusals import Refused
from split.handlers.payable import Payable
from split.store import guards
from split.store.books import Books
from split.store.charges import Charges
from split.store.guards import Guards


class Rewards:
    """What split does with rewards."""

    def __init__(
        self,
        database: Database,
        charges: Charges,
        payable: Payable,
        profiles: Profiles,
        note_imbalance: Callable[[int], None],
    ) -> None:
        self._database = database
        self._charges = charges
        self._payable = payable
        self._profiles = profiles
        self._note_imbalance = note_imbalance
        self._guards = Guards(database)

    async def check(self, approval: Approval, work: Work) -> Refused | None:
        """Say why it cannot be paid, if so: its account, a stop, or whoever would get it."""
        reward = reward_of(approval)
        refused = self._payable.account(approval, reward.channel_profile, reward.channel_account)
        refused = refused or mistake(reward, self._profiles.find(reward.channel_profile))
        refused = refused or await self._payable.paused(approval, reward.channel_account, reward.receiver, work)
        if refused is not None:
            return refused
        if blocked := await self._payable.blocked(approval, reward.receiver, work):
            return Refused("receiver_blocked", f"{reward.receiver} may not be paid: {blocked}")
        key = guards.key_of(approval.marketplace, reward.receiver, reward.currency)
        owed_minor = (await self._guards.load([key], work.session))[key].debt_minor
        if owed_minor:
            return Refused("receiver_in_debt", f"{reward.receiver} owes {owed_minor} minor units, which come first")
        return None

    async def carry_out(self, approval: Approval, work: Work) -> str | Refused:
        """Book a reward and ask for its payout; return the payout's id."""
        if refused := await self.check(approval, work):
            return refused
        people = approval.actor, approval.decided_by
        decision = begun(reward_of(approval), approval.marketplace, approval.approval_id, people, approval.reason)
        books = await Books.opened(self._database, work, self._note_imbalance)
        books.post(decision.charge, "reward", decision.entries, _cause(decision.payout))
        books.close()
        self._charges.add(work, decision.charge)
        work.publish(decision.payout)
        return decision.payout.payout_id


def reward_of(approval: Approval) -> Reward:
    """Return the reward that was asked for."""
    return msgspec.convert(approval.details, Reward)


def _cause(payout: PayoutRequested) -> str:
    """Return the id of the event that goes out with it: no event came in."""
    return event_id(payout.topic, payout.marketplace, payout.identity)
