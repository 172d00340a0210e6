"""Identifiers: their shapes, and the deterministic ones that Weir derives. No I/O, no clock.

Ids from outside are visible ASCII without `/`, because `/` joins them in keys; Weir's own may contain it.
"""

from typing import Final

import uuid_utils

EXTERNAL_ID_PATTERN: Final = r"^[!-.0-~]{1,64}(?!\n)$"
WEIR_ID_PATTERN: Final = r"^[!-~]{1,200}(?!\n)$"
MARKETPLACE_PATTERN: Final = r"^[a-z0-9-]{1,32}(?!\n)$"
CURRENCY_PATTERN: Final = r"^[A-Z]{3}(?!\n)$"
DOCUMENT_PATTERN: Final = r"^[osc]:[!-~]{1,198}(?!\n)$"
"""What is paid out: `o:<order>`, `s:<statement>` or `c:<charge>`."""

LABEL_PATTERN: Final = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,128}(?!\n)$"
"""A human's word, such as a category or a name: anything printable. (`$` alone lets a trailing newline through.)"""

_WEIR: Final = uuid_utils.uuid5(uuid_utils.NAMESPACE_URL, "https://weir.dev/ids")
_BASE32: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_PAIRS: Final = tuple(first + second for first in _BASE32 for second in _BASE32)
"""Base 32 (RFC 4648), two digits at a time: every leg has a number, and `base64` takes twice as long for one."""


def event_id(topic: str, marketplace: str, identity: str) -> str:
    """Return the `ce_id` of an event: the same event, published again, carries the same id (architecture, Envelope)."""
    return str(uuid_utils.uuid5(_WEIR, f"{topic}/{marketplace}/{identity}"))


def channel_number(kind: str, marketplace: str, instruction_id: str, attempt: int) -> str:
    """Return the 26 characters by which an institution knows one attempt of one instruction (money.md 3.1).

    Derived, so that a crash between storing and sending can never give one attempt two numbers.
    """
    digest = uuid_utils.uuid5(_WEIR, f"{kind}/{marketplace}/{instruction_id}/{attempt}").int << 2
    return "".join([_PAIRS[digest >> shift & 0x3FF] for shift in range(120, -1, -10)])
