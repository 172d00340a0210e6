"""The business noes of operators' actions: a closed set of reasons, each with a sentence. Recorded nowhere."""

from typing import Literal

import msgspec

Reason = Literal[
    "approval_decided",
    "approval_expired",
    "approval_unknown",
    "idempotency_key_reused",
    "same_person",
]


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A no, told to whoever asked. `detail` is a sentence for people."""

    reason: Reason
    detail: str
