"""The answers of the rules, and the closed set of their reasons. No rule here."""

from dataclasses import dataclass
from typing import Literal

Reason = Literal[
    "agreement_too_soon",
    "category_twice",
    "channel_profile_unknown",
    "currency_differs",
    "currency_twice",
    "currency_unknown",
    "effective_from_taken",
    "freeze_policy_unused",
    "idempotency_key_reused",
    "limits_invalid",
    "merchant_reserved",
    "merchant_too_large",
    "merchant_twice",
    "merchant_unknown",
    "period_empty",
    "platform_account",
    "rates_unused",
    "rule_twice",
    "rules_tie",
    "size_invalid",
    "split_cap_invalid",
    "tiers_invalid",
    "too_many_agreements",
    "trigger_after_freeze",
    "volume_not_closed",
    "waiver_missing",
]


@dataclass(frozen=True, slots=True)
class Refused:
    """A no: recorded nowhere, told to whoever asked. `detail` is a sentence for people."""

    reason: Reason
    detail: str
