"""The business noes of operators' actions: a closed set of reasons, each with a sentence. Recorded nowhere."""

from typing import Literal

import msgspec

Reason = Literal[
    "already_paused",
    "approval_decided",
    "approval_expired",
    "approval_unknown",
    "binding_not_needed",
    "consent_in_future",
    "idempotency_key_reused",
    "not_paused",
    "receiver_is_the_merchant",
    "receiver_unknown",
    "relation_unnamed",
    "same_person",
    "stops_too_many",
    "too_many_bound",
]


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A no, told to whoever asked. `detail` is a sentence for people."""

    reason: Reason
    detail: str
