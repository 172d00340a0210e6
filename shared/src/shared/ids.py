"""Identifiers: their shapes, and the deterministic ones that Weir derives. No I/O, no clock.

Ids from outside are visible ASCII without `/`, because `/` joins them in keys; Weir's own may contain it.
"""

from functools import lru_cache
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


def event_id(topic: str, marketplace: str, identity: str) -> str:
    """Return the `ce_id` of an event: the same event, published again, carries the same id (architecture, Envelope)."""
    return str(uuid_utils.uuid5(_WEIR, f"{topic}/{marketplace}/{identity}"))


def channel_number(kind: str, marketplace: str, document: str, instruction_id: str, attempt: int) -> str:
    """Return the 26 hexadecimal digits by which an institution knows one attempt of one instruction (money.md 3.1).

    Derived, so that a crash between storing and sending can never give one attempt two numbers. The first seven are
    those of what is paid out, `document`, so that the numbers of one payout are neighbours in every index
    (docs/decisions/0018-channel-numbers-by-document.md).
    """
    attempt_digits = uuid_utils.uuid5(_WEIR, f"{kind}/{marketplace}/{instruction_id}/{attempt}").hex[
        13:
    ]  # after the version
    return f"{_document_digits(marketplace, document)}{attempt_digits}".upper()


@lru_cache(maxsize=8)
def _document_digits(marketplace: str, document: str) -> str:
    return uuid_utils.uuid5(_WEIR, f"document/{marketplace}/{document}").hex[:7]
