"""The answers of split. Amounts are minor units of the currency beside them; times are UTC."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from split.domain.ledger import Kind
from split.domain.shares import State

Minor = Annotated[int, Field(description="minor units of the currency")]
Credit = Annotated[int, Field(description="minor units; positive: owed to the account's owner")]


class BreakdownAnswer(BaseModel):
    """Why a share has its amount: gross + freight + adjustments - commission - its tax - fee - passed on - netted."""

    gross_minor: Minor
    freight_minor: Minor
    adjustments_minor: Minor
    commission_minor: Minor
    fee_minor: Minor
    passed_on_minor: Minor
    commission_tax_minor: Minor = 0
    netted_minor: Annotated[int, Field(description="the receiver's debt that this share pays off")] = 0


class WaitAnswer(BaseModel):
    """What one line of a held share waits for."""

    line_id: str
    reason: Annotated[
        str, Field(description="such as `awaiting_shipped`, `frozen:case:7`, or why its whole share is held")
    ]
    due_at: Annotated[
        datetime | None, Field(description="when its trigger's days are over; null while it has not fired")
    ]


class FreezeAnswer(BaseModel):
    """A stop on lines of the order, as it was stated last."""

    owner: Annotated[str, Field(description="`case:<id>`, `operator:<id>`, `chargeback:<id>`")]
    revision: int
    open: Annotated[bool, Field(description="whether its owner has it open")]
    stops: Annotated[bool, Field(description="whether it stops anything now: it is open and has not expired")]
    reason: str
    line_ids: Annotated[list[str], Field(description="none: all of the order")]
    expires_at: datetime | None


class ChannelFreezeAnswer(BaseModel):
    """The freeze of a payment that its seller collects. It runs from when the order was paid."""

    ends_at: Annotated[datetime, Field(description="when the institution gives the rest to the seller by itself")]
    acts_at: Annotated[datetime, Field(description="when what still waits for its trigger is split, or let go")]
    acted: Annotated[bool, Field(description="whether something was held then")]
    closed: Annotated[bool, Field(description="whether nothing can be split off any more")]
    owed: Annotated[dict[str, int], Field(description="by seller, what it owes the others since the freeze ended")]


class ProgressAnswer(BaseModel):
    """What happened to goods of the order."""

    kind: Literal["shipped", "delivered", "completed", "cancelled"]
    progress_id: str
    line_ids: Annotated[list[str], Field(description="none: all of the order")]
    occurred_at: datetime


class ShareAnswer(BaseModel):
    """One receiver's share, or one merchant's whole pot while it is held."""

    path: Annotated[str, Field(description="`merchant:<id>`, `receiver:<id>`, `freight:<id>` or `platform:…`")]
    receiver: str
    merchant: Annotated[str, Field(description="out of whose pot it comes; empty for the platform and the chain")]
    amount_minor: Minor
    state: State
    reason: Annotated[str, Field(description="why it is held or available, or what it rests for; else empty")]
    part: Annotated[int, Field(description="which release of this path it is; 0 while held")]
    attempt: Annotated[int, Field(description="which attempt to pay it; 0 where there was none")]
    payout_id: Annotated[str, Field(description="the payout that pays it; empty where none does")]
    agreement_version: Annotated[int, Field(description="the agreement that decided; 0 where none has")]
    rules_version: Annotated[int, Field(description="the marketplace's rules that were asked too; 0 where none were")]
    breakdown: BreakdownAnswer
    waits: Annotated[list[WaitAnswer], Field(description="a held share's lines, once an agreement has decided")] = []
    due_at: Annotated[
        datetime | None,
        Field(description="when it, or the first of these lines, or a reserve, is due; null: unknown"),
    ] = None
    since: Annotated[datetime | None, Field(description="when it came back from the institution; else null")] = None


class PayoutAnswer(BaseModel):
    """One payout of the order."""

    payout_id: str
    amount_minor: Annotated[int, Field(description="sum of its legs, in minor units of the currency")]
    subsidy_minor: Annotated[int, Field(description="what the platform's marketing account adds before it is paid")]
    revision: Annotated[int, Field(description="the institution's answer applied last; 0 before the first")]


class SplitAnswer(BaseModel):
    """What became of a paid order. Held and available shares say why in `reason`."""

    order_id: str
    state: Annotated[Literal["waiting", "split"], Field(description="waiting: only later events of it have come")]
    currency: str | None
    paid_at: datetime | None
    shares: list[ShareAnswer]
    subsidy_due_minor: Annotated[int, Field(description="owed by the platform and not yet in any payout")]
    payouts: list[PayoutAnswer]
    freezes: list[FreezeAnswer]
    progress: Annotated[list[ProgressAnswer], Field(description="as it came, which decides nothing")]
    look_at: Annotated[datetime | None, Field(description="when time alone may next change something; null: never")]
    channel_freeze: Annotated[
        ChannelFreezeAnswer | None, Field(description="null where the platform or a pool collects")
    ] = None


class BalanceAnswer(BaseModel):
    """What an account holds in one currency."""

    account: str
    currency: str
    balance_minor: Credit


class BalancePage(BaseModel):
    """Balances by currency and account."""

    items: list[BalanceAnswer]
    next_cursor: str | None


class EntryAnswer(BaseModel):
    """One entry of an account, and the event that caused it."""

    transaction_id: str
    kind: Kind
    order_id: str
    cause: Annotated[str, Field(description="`ce_id` of the event behind it")]
    at: datetime
    amount_minor: Credit


class EntryPage(BaseModel):
    """Entries of an account, the oldest first."""

    items: list[EntryAnswer]
    next_cursor: str | None


class StatementEntry(EntryAnswer):
    """One entry, and what the account holds after it."""

    balance_minor: Credit


class Totals(BaseModel):
    """What the entries add up to; debits as a positive number."""

    entries: int
    credit_minor: Minor
    debit_minor: Minor


class StatementPage(BaseModel):
    """What an account held, what was booked in it, the oldest first, and what it held then.

    A statement ends where the ledger is final, two minutes ago at the latest: the same for whoever asks again.
    """

    account: str
    currency: str
    since: Annotated[datetime, Field(serialization_alias="from", description="first moment of the period")]
    until: Annotated[
        datetime, Field(serialization_alias="to", description="first moment after it, perhaps earlier than asked for")
    ]
    opening_minor: Credit
    closing_minor: Annotated[int, Field(description="opening + all entries of the period; positive: owed to the owner")]
    totals: Annotated[Totals, Field(description="of this page and those before it: on the last one, of the period")]
    items: list[StatementEntry]
    next_cursor: str | None


class TrialGroup(BaseModel):
    """All accounts of one kind, such as `merchant:in_transit`."""

    group: str
    accounts: Annotated[int, Field(description="how many hold something")]
    debit_minor: Annotated[int, Field(description="sum of the balances below zero, as a positive number")]
    credit_minor: Annotated[int, Field(description="sum of the balances above zero")]


class TrialBalance(BaseModel):
    """The sums of all accounts in one currency."""

    currency: str
    groups: list[TrialGroup]
    debit_minor: Minor
    credit_minor: Minor
    balanced: Annotated[bool, Field(description="debits and credits are equal, as they must be")]


class TrialBalances(BaseModel):
    """The books of a marketplace at one moment, by currency."""

    at: Annotated[datetime | None, Field(description="the moment, perhaps earlier than asked for; null is now")]
    currencies: list[TrialBalance]
