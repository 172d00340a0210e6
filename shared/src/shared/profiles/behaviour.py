"""What a profile says of how its institution behaves: what it can be asked for, how fast, in which words, for whom.

As in profile.py no field has a default. What the institution's own documents do not say is written as "none" or empty,
never guessed.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, get_args

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=86_400)]
Code = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9_.]{0,63}\Z")]

Family = Literal["profit_sharing", "custody", "platform_balance", "direct"]
Operation = Literal[
    "prove",
    "pay",
    "finish",
    "query",
    "return",
    "refund",
    "subsidy",
    "advance",
    "bind",
    "verify",
    "bill",
    "callback",
]
"""`prove` a payment, `pay` legs, `finish` (the collector gets the rest), `query` what became of an instruction,
`return` from a receiver, `refund` the buyer, `subsidy` from the platform's marketing account and back to it, `advance`
from the platform, `bind` a receiver or account, `verify` it, `bill` of a day, `callback` from the institution."""
ALWAYS: Final = frozenset[Operation]({"prove", "pay", "query", "refund"})
"""Without these nothing can be settled with an institution at all."""

Method = Literal["micro_deposit", "code"]
FeeRefund = Literal["full", "partial", "none"]
"""What of its fee an institution gives back with a refund: the fee of what is refunded, as much as the refund itself
names (none, where it names none), or nothing."""
BillFormat = Literal["wechat", "csv"]

Canonical = Literal[
    "account_abnormal",
    "amount_zero",
    "cap_exceeded",
    "closed",
    "insufficient_funds",
    "name_mismatch",
    "not_split",
    "number_reused",
    "operation_unknown",
    "payment_unknown",
    "profile_differs",
    "rate_limited",
    "receive_only",
    "receiver_high_risk",
    "receiver_limit",
    "receiver_not_bound",
    "receiver_twice",
    "receiver_unknown",
    "refund_above_paid",
    "refund_too_late",
    "return_above_paid",
    "return_not_allowed",
    "return_too_late",
    "subsidy_too_large",
    "too_early",
    "too_many_receivers",
    "too_many_refunds",
    "too_many_requests",
    "too_many_returns",
]
"""Why an institution says no, in one vocabulary for all of them. What stands in no profile's `codes` is said as it is
here."""


class Piece(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a profile: a field that is not known is refused."""


class Custody(Piece, frozen=True, kw_only=True):
    """The accounts of an institution that keeps the money in pooled accounts (存管): one behaviour with these flags."""

    receive_only_merchants: bool
    """A merchant's sub-account only receives: nothing comes back from it through the channel."""
    guarantee_phase: bool
    """Money goes into guarantee first and is confirmed to its payee in a second step."""
    intermediate_account: bool
    """Money is collected into an intermediate account (中间账户) and released from it (代收, 代付)."""
    by_hand: bool
    """The platform moves money at the bank by hand: an operator confirms each instruction (弱对接)."""
    real_account_needed: bool
    """Each merchant needs a bank account of its own name there."""
    suspense: bool
    """Inbound money from an account that is not known goes to suspense (挂账) until it is registered."""


class Rates(Piece, frozen=True, kw_only=True):
    """Requests a second, by operation; what is not named has no limit that is known.

    `per_receiver` is a limit of each receiver beside that: who is paid often needs a lane of its own.
    """

    per_account: Mapping[Operation, Count]
    per_receiver: Mapping[Operation, Count]


class Verification(Piece, frozen=True, kw_only=True):
    """How a bound account is verified: by a small amount sent to it, or by a code that is valid for so long."""

    methods: Annotated[tuple[Method, ...], msgspec.Meta(min_length=1)]
    micro_deposit_max_minor: Count | None
    code_valid_s: Seconds | None

    def __post_init__(self) -> None:
        """Refuse a method without its figure, and a figure without its method."""
        for method, figure in (("micro_deposit", self.micro_deposit_max_minor), ("code", self.code_valid_s)):
            if (method in self.methods) != (figure is not None):
                message = f"{method}: a method and its figure go together"
                raise ValueError(message)


class Compliance(Piece, frozen=True, kw_only=True):
    """Whether the money's path keeps clear of the platform; if not, a marketplace needs a recorded waiver for it.

    `rerouted_payout`: payouts go through another payer's reserve (转代付). `platform_holds`: the money rests in an
    account of the platform's own.
    """

    rerouted_payout: bool
    platform_holds: bool
    waiver_needed: bool
    note: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]

    def __post_init__(self) -> None:
        """Refuse a profile that would leave out the waiver which its path needs."""
        if self.waiver_needed != (self.rerouted_payout or self.platform_holds):
            message = "waiver_needed: exactly where payouts are re-routed or the platform holds the money"
            raise ValueError(message)


class Behaviour(Piece, frozen=True, kw_only=True):
    """What an institution can be asked for, and how it answers."""

    family: Family
    operations: tuple[Operation, ...]
    custody: Custody | None
    accepts_first: bool
    """Whether an instruction is accepted first and carried out later."""
    rates: Rates
    callback_schedule_s: tuple[Seconds, ...]
    """After how long each a callback that nobody took is sent again."""
    verification: Verification | None
    fee_refund: FeeRefund
    codes: Mapping[Canonical, Code]
    """The institution's own word for a reason, each for one reason only."""
    bill_format: BillFormat
    compliance: Compliance

    def has(self, operation: Operation) -> bool:
        """Return whether it can be asked for that."""
        return operation in self.operations

    def said(self, reason: Canonical) -> str:
        """Return the institution's word for a reason."""
        return self.codes.get(reason, reason)

    def meant(self, word: str) -> str:
        """Return the reason that an institution's word stands for; what is in no list is returned as it is."""
        return next((reason for reason, code in self.codes.items() if code == word), word)

    def contradiction(self, *, finish: bool, returns: bool, subsidies: bool) -> str | None:
        """Return what contradicts itself, or what else the profile says (whether it has these at all); else None."""
        there, custody = set(self.operations), self.custody
        told: dict[Operation, bool] = {
            "finish": finish,
            "return": returns,
            "subsidy": subsidies,
            "verify": self.verification is not None,
            "callback": bool(self.callback_schedule_s),
        }
        differ = [name for name, stated in told.items() if (name in there) != stated]
        limited = {*self.rates.per_account, *self.rates.per_receiver}
        wrong = {
            "operations: one stands there twice": len(there) < len(self.operations),
            f"operations: {min(ALWAYS - there, default='')} is lacking": ALWAYS - there,
            f"operations: {differ[:1]} is not as the rest says": differ,
            "operations: verify without bind": "verify" in there and "bind" not in there,
            "custody: exactly for the family of that name": (self.family == "custody") != (custody is not None),
            "accepts_first: what is done by hand is": custody and custody.by_hand and not self.accepts_first,
            "returns: merchants only receive": custody and custody.receive_only_merchants and returns,
            f"rates: {min(limited - there, default='')} is no operation here": limited - there,
            "codes: one word for two reasons": len(set(self.codes.values())) < len(self.codes),
        }
        return next((mistake for mistake, found in wrong.items() if found), None)


OPERATIONS: Final[tuple[Operation, ...]] = get_args(Operation)
