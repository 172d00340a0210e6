"""Why payments says no: closed sets. Other parts compare with these words, so a word is never reused or changed."""

from typing import Literal

import msgspec

ClaimReason = Literal[
    "currency_unknown",
    "profiles_mixed",
    "accounts_mixed",
    "profile_unknown",
    "channel_account_unknown",
    "paid_at_in_future",
    "line_twice",
    "payment_twice",
    "receiver_twice",
    "receivers_too_many",
    "receiver_invalid",
    "amount_out_of_range",
    "fee_above_amount",
    "adjustment_invalid",
    "amount_mismatch",
]
"""An order-paid that breaks a rule, known without asking anybody."""

ProofReason = Literal[
    "payment_amount_differs",
    "payment_currency_differs",
    "payment_fee_above_amount",
    "payment_used",
]
"""A claim that the institution's record, or another proved order, contradicts."""

PayoutReason = Literal[
    "payout_conflict",
    "order_not_accepted",
    "payout_account_differs",
    "leg_not_of_document",
    "leg_twice",
    "leg_amount_invalid",
    "receiver_unknown",
    "leg_open_elsewhere",
    "attempt_not_greater",
    "payout_above_paid",
    "operation_lacking",
    "payment_not_named",
    "payment_not_of_order",
    "payment_not_split",
    "waiver_missing",
    "platform_account",
    "platform_leg_unjustified",
]
"""A payout-requested that must not be carried out: a dead letter, since only a mistake of Weir's own makes one."""


RefundReason = Literal[
    "refund_conflict",
    "order_not_accepted",
    "refund_account_differs",
    "part_twice",
    "part_amount_invalid",
    "part_changed",
    "payment_unknown",
    "refund_above_paid",
    "leg_unknown",
    "return_receiver_differs",
    "return_above_leg",
]
"""A refund-requested that must not be carried out: a dead letter, since only a mistake of Weir's own makes one."""

RefundLimit = Literal[
    "return_not_possible",
    "return_leg_not_paid",
    "return_too_late",
    "returns_too_many",
    "subsidy_not_possible",
    "advance_not_possible",
    "refund_too_late",
    "refunds_too_many",
]
"""A part of a plan that the profile does not allow, or no longer: it fails with this reason and is never sent, so that
split finds other money or people decide."""


class Rejected(msgspec.Struct, frozen=True):
    """A business no to an order: recorded, and published as order-rejected."""

    reason: ClaimReason | ProofReason
    detail: str
