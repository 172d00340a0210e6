"""Binding a merchant's bank account at an institution: what merchant asks for, and what payments says became of it."""

from typing import Annotated, ClassVar, Literal

import msgspec

from shared.messages.contract import Event, ExternalId, Label, Revision, Timestamp, normalise

BankAccount = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Z]{6,34}(?!\n)$")]


class BindingRequested(Event, frozen=True, kw_only=True, gc=False):
    """Bind a bank account to a merchant at its institution. Taken when its revision is greater than the one stored.

    The number of the bank account is in this event alone, and in nothing that is shown or logged.
    """

    topic: ClassVar[str] = "binding-requested"
    type: ClassVar[str] = "weir.binding-requested.v1"

    merchant: ExternalId
    binding_id: ExternalId
    revision: Revision
    channel_profile: ExternalId
    channel_account: ExternalId
    name: Label
    bank_account: BankAccount
    method: Literal["micro_deposit", "code", "none"]
    requested_at: Timestamp

    def __post_init__(self) -> None:
        """Hold times in UTC."""
        normalise(self, "requested_at")

    def __repr__(self) -> str:
        """Return which it is."""
        return f"BindingRequested({self.marketplace}/{self.binding_id}/{self.revision})"

    @property
    def key(self) -> str:
        """All events of one merchant stay in order."""
        return f"{self.marketplace}/{self.merchant}"

    @property
    def identity(self) -> str:
        """Each revision is an event of its own."""
        return f"{self.binding_id}/{self.revision}"


class BindingSettled(Event, frozen=True, kw_only=True, gc=False):
    """How a binding stands. Applied when its revision is greater than the one stored; it answers `requested`."""

    topic: ClassVar[str] = "binding-settled"
    type: ClassVar[str] = "weir.binding-settled.v1"

    merchant: ExternalId
    binding_id: ExternalId
    revision: Revision
    requested: Revision
    state: Literal["verifying", "succeeded", "failed"]
    reason: Label | None = None
    channel_profile: ExternalId
    channel_account: ExternalId
    method: Literal["micro_deposit", "code", "none"]
    last_four: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Z]{4}(?!\n)$")]
    token: Label | None = None
    expires_at: Timestamp | None = None
    settled_at: Timestamp

    def __post_init__(self) -> None:
        """Hold times in UTC."""
        normalise(self, "expires_at", "settled_at")

    @property
    def key(self) -> str:
        """All events of one merchant stay in order."""
        return f"{self.marketplace}/{self.merchant}"

    @property
    def identity(self) -> str:
        """Each revision is an event of its own."""
        return f"{self.binding_id}/{self.revision}"
