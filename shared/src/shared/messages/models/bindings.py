"""The contracts of bindings as models, each field with its meaning."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.messages.models.contract import EventModel, ExternalId, Label, Revision, Timestamp

BankAccount = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{6,34}(?!\n)$"), Field(repr=False)]
LastFour = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{4}(?!\n)$")]


class BindingRequested(EventModel):
    """Bind a bank account to a merchant at its institution."""

    merchant: ExternalId
    """Whose account it is."""
    binding_id: ExternalId
    """The binding's id, unique within the marketplace."""
    revision: Revision
    """Rises with each correction; a greater one takes the place of what was asked for before."""
    channel_profile: ExternalId
    """The kind of channel through which the merchant is to be paid."""
    channel_account: ExternalId
    """The account at the institution from whose pool it is to be paid."""
    name: Label
    """The name that the bank has for the account; it must match."""
    bank_account: BankAccount
    """The number of the bank account, without blanks. It is in this event alone, and in nothing that is shown."""
    method: Literal["micro_deposit", "code", "none"]
    """How the merchant shows that it is its own: by the amount of a small deposit, by a code, or not at all."""
    requested_at: Timestamp
    """When it was asked for; RFC 3339 with an offset."""


class BindingSettled(EventModel):
    """How a binding stands. It is applied when its revision is greater than the one stored."""

    merchant: ExternalId
    """Whose account it is."""
    binding_id: ExternalId
    """The binding, as binding-requested named it."""
    revision: Revision
    """Rises with each change; the greatest is the truth. It is not the request's."""
    requested: Revision
    """The revision of binding-requested that this answers."""
    state: Literal["verifying", "succeeded", "failed"]
    """`verifying`: the merchant is asked for the amount or the code. The others are final."""
    reason: Label | None = None
    """Why it failed, or why the last answer was not the right one."""
    channel_profile: ExternalId
    """The kind of channel at which it is bound."""
    channel_account: ExternalId
    """The account at the institution."""
    method: Literal["micro_deposit", "code", "none"]
    """How it is verified."""
    last_four: LastFour
    """The last four characters of the bank account's number."""
    token: Label | None = None
    """What the institution calls the account from now on; absent or null: nothing."""
    expires_at: Timestamp | None = None
    """Until when an answer is taken; RFC 3339 with an offset. Absent or null: none is awaited."""
    settled_at: Timestamp
    """When this revision came about; RFC 3339 with an offset."""
