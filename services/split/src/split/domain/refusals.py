"""The business noes of operators' actions: a closed set of reasons, each with a sentence. Recorded nowhere."""

from typing import Final, Literal

import msgspec

from shared import tariffs

Reason = (
    tariffs.Reason
    | Literal[
        "already_paused",
        "amount_above_debt",
        "amount_out_of_range",
        "approval_decided",
        "approval_expired",
        "approval_unknown",
        "binding_not_needed",
        "channel_account_unknown",
        "channel_closed",
        "chargeback_open",
        "consent_in_future",
        "direction_differs",
        "effective_from_taken",
        "expiry_past",
        "freeze_unknown",
        "freeze_would_release",
        "freezes_too_many",
        "idempotency_key_reused",
        "leg_not_available",
        "leg_not_written_off",
        "leg_of_platform",
        "leg_stopped",
        "leg_unknown",
        "line_unknown",
        "not_paused",
        "nothing_to_release",
        "order_unknown",
        "payouts_paused",
        "period_empty",
        "profile_pays_orders_only",
        "receiver_blocked",
        "receiver_in_debt",
        "receiver_is_the_merchant",
        "receiver_unknown",
        "refund_not_failed",
        "refund_unknown",
        "relation_unnamed",
        "releases_too_many",
        "rules_too_soon",
        "same_person",
        "stops_too_many",
        "too_many_bound",
        "too_many_versions",
    ]
)


INVALID: Final[tuple[Reason, ...]] = (
    "currency_differs",
    "currency_twice",
    "currency_unknown",
    "expiry_past",
    "limits_invalid",
    "line_unknown",
    "period_empty",
    "rule_twice",
    "rules_too_soon",
    "size_invalid",
    "tiers_invalid",
)
"""What is wrong with a request whatever else is there; the others contradict what is there."""


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A no, told to whoever asked. `detail` is a sentence for people."""

    reason: Reason
    detail: str
