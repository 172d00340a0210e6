"""Rewards: what two people agreed on is booked, and its payout asked for, in the approval's own transaction."""

from collections.abc import Callable

import msgspec

from shared.ids import event_id
from shared.marketplaces import Marketplaces
from shared.messages import PayoutRequested
from shared.mongo import Database
from shared.profiles import Profiles
from shared.work import Work
from split.domain.approvals import Approval
from split.domain.charges import Reward, begun, mistake
from split.domain.refusals import Refused
from split.domain.stops import NO_STOPS
from split.store import guards
from split.store.books import Books
from split.store.charges import Charges
from split.store.guards import Guards
from split.store.merchants import Merchants
from split.store.stops import StopStore


class Rewards:
    """What split does with rewards."""

    def __init__(
        self,
        database: Database,
        charges: Charges,
        merchants: Merchants,
        stops: StopStore,
        profiles: Profiles,
        marketplaces: Marketplaces,
        note_imbalance: Callable[[int], None],
    ) -> None:
        self._database = database
        self._charges = charges
        self._merchants = merchants
        self._stops = stops
        self._profiles = profiles
        self._marketplaces = marketplaces
        self._note_imbalance = note_imbalance
        self._guards = Guards(database)

    async def check(self, approval: Approval, work: Work) -> Refused | None:
        """Say why it cannot be paid, if so: its account, a stop, or whoever would get it."""
        reward = reward_of(approval)
        marketplace = self._marketplaces.find(approval.marketplace)
        if marketplace is None or not marketplace.owns(reward.channel_profile, reward.channel_account):
            return Refused("channel_account_unknown", f"no account {reward.channel_account!r} of this marketplace")
        if refused := mistake(reward, self._profiles.find(reward.channel_profile)):
            return refused
        stops = (await self._stops.paused([approval.marketplace], work.session)).get(approval.marketplace, NO_STOPS)
        if paused := stops.reason(reward.channel_account, reward.receiver):
            return Refused("payouts_paused", f"payouts stand still: {paused}")
        key = f"{approval.marketplace}/{reward.receiver}"
        copy = (await self._merchants.copies([key], work.session)).get(key)
        if copy is not None and copy.blocked:
            return Refused("receiver_blocked", f"{reward.receiver} may not be paid: {copy.blocked[0]}")
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
