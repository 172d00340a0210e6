"""What every use case of one request knows: the account's product, the time, and who wants to be called."""

from dataclasses import dataclass
from datetime import datetime

from sandbox.domain.execution import collects, is_direct
from sandbox.domain.transfers import Record
from sandbox.store.callbacks import Callbacks, Event
from shared.profiles import Profile


@dataclass(frozen=True)
class Terms:
    """The terms of one request."""

    profile: Profile
    now: datetime
    callbacks: Callbacks

    @property
    def collected(self) -> bool:
        """Whether merchants collect."""
        return collects(self.profile)

    @property
    def direct(self) -> bool:
        """Whether there is no limit but what is in the pool."""
        return is_direct(self.profile)

    @property
    def open_pool(self) -> bool:
        """Whether the pool may be below zero."""
        return self.profile.may_go_negative

    @property
    def by_hand(self) -> bool:
        """Whether people move the money."""
        return self.profile.custody is not None and self.profile.custody.by_hand


def changed(record: Record) -> Event:
    """Return what is told of a transfer that has come to another state."""
    return "transfer.changed", {"number": record.transfer.number, "state": record.state}
