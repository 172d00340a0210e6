"""Whether money without an order may go now: out of an account of the marketplace, unless something stops it."""

from shared.marketplaces import Marketplaces
from shared.work import Work
from split.domain.approvals import Approval
from split.domain.refusals import Refused
from split.domain.stops import NO_STOPS
from split.store.merchants import Merchants
from split.store.stops import StopStore


class Payable:
    """What rewards and adjustments ask first."""

    def __init__(self, merchants: Merchants, stops: StopStore, marketplaces: Marketplaces) -> None:
        self._merchants = merchants
        self._stops = stops
        self._marketplaces = marketplaces

    def account(self, approval: Approval, profile: str, channel_account: str) -> Refused | None:
        """Say that the marketplace has no such account, if so."""
        marketplace = self._marketplaces.find(approval.marketplace)
        if marketplace is None or not marketplace.owns(profile, channel_account):
            return Refused("channel_account_unknown", f"no account {channel_account!r} of this marketplace")
        return None

    async def paused(self, approval: Approval, channel_account: str, receiver: str, work: Work) -> Refused | None:
        """Say what somebody has paused, if anything."""
        stops = (await self._stops.paused([approval.marketplace], work.session)).get(approval.marketplace, NO_STOPS)
        paused = stops.reason(channel_account, receiver)
        return Refused("payouts_paused", f"payouts stand still: {paused}") if paused else None

    async def blocked(self, approval: Approval, receiver: str, work: Work) -> str:
        """Return why a receiver may not be paid, if so."""
        key = f"{approval.marketplace}/{receiver}"
        copy = (await self._merchants.copies([key], work.session)).get(key)
        return copy.blocked[0] if copy is not None and copy.blocked else ""
