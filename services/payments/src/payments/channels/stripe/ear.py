"""Stripe's webhooks: signed with a secret of the endpoint, `webhook.key` beside the account's key, one a line."""

import hmac
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from payments.channels.ear import UnsignedError
from payments.domain.callbacks import STALE_S_MAX, Hint, UnreadableError

FILE: Final = "webhook.key"
REFUNDS: Final = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
TOPUPS: Final = frozenset({"topup.succeeded", "topup.failed", "topup.canceled"})
STATES: Final[Mapping[str, str]] = {"succeeded": "succeeded", "failed": "failed", "canceled": "failed"}


class _Data(msgspec.Struct, frozen=True):
    object: dict[str, Any]


class _Event(msgspec.Struct, frozen=True):
    id: str
    type: str
    data: _Data


class StripeEar:
    """Hears Stripe about the accounts in `root`."""

    def __init__(self, root: Path, now: Callable[[], float] = time.time) -> None:
        self._root = root
        self._now = now

    def hear(self, profile: str, account: str, headers: Mapping[str, str], body: bytes) -> Hint:
        """Return what a webhook says."""
        self._verify(account, headers.get("stripe-signature", ""), body)
        try:
            event = msgspec.json.decode(body, type=_Event)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UnreadableError(f"{type(error).__name__}: {error}"[:200]) from None
        named, it = {"event_id": event.id, "profile": profile, "account": account}, event.data.object
        if event.type == "payment_intent.succeeded":
            return Hint(**named, type="payment.succeeded", subject=str(it.get("id", "")), told="succeeded")
        if event.type in REFUNDS | TOPUPS:
            metadata = it.get("metadata")
            number = str(metadata.get("number", "")) if isinstance(metadata, dict) else ""
            told = STATES.get(str(it.get("status")), "accepted")
            return Hint(**named, type="transfer.changed" if number else None, subject=number, told=told)
        return Hint(**named, type=None)

    def _verify(self, account: str, header: str, body: bytes) -> None:
        said = [part.strip().partition("=") for part in header.split(",")]
        stamp = next((value for name, _, value in said if name == "t"), "")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= len("9999999999")):
            message = "it has no timestamp"
            raise UnsignedError(message)
        if abs(self._now() - int(stamp)) > STALE_S_MAX:
            message = f"it was signed more than {STALE_S_MAX} s from now"
            raise UnsignedError(message)
        signed = stamp.encode() + b"." + body
        given = [value.encode("utf-8", "replace") for name, _, value in said if name == "v1"]
        known = [hmac.new(key, signed, "sha256").hexdigest().encode() for key in self._keys(account)]
        if not sum(hmac.compare_digest(one, other) for one in known for other in given):
            message = "the signature is not its own"
            raise UnsignedError(message)

    def _keys(self, account: str) -> list[bytes]:
        if "/" in account or account in {"", ".", ".."}:
            return []
        try:
            content = (self._root / account / FILE).read_bytes()
        except OSError:
            return []
        return [line.strip() for line in content.splitlines() if line.strip()]
