"""WeChat Pay's callbacks (API v3, 回调通知): signed as its answers are, their content locked with the API v3 key."""

from collections.abc import Mapping
from typing import Final

import msgspec

from payments.channels.ear import UnsignedError
from payments.channels.wechat.credentials import CredentialsError, Wallet
from payments.channels.wechat.signing import SignatureError, opened, verify
from payments.domain.callbacks import Hint, UnreadableError

REFUNDS: Final[Mapping[str, str]] = {
    "REFUND.SUCCESS": "succeeded",
    "REFUND.CLOSED": "failed",
    "REFUND.ABNORMAL": "accepted",
}
SPLIT: Final = "profitsharing"


class _Event(msgspec.Struct, frozen=True):
    id: str
    event_type: str
    resource: dict[str, str]


class _Content(msgspec.Struct, frozen=True):
    transaction_id: str = ""
    out_order_no: str = ""
    out_refund_no: str = ""


class WechatEar:
    """Hears WeChat Pay; an account is a merchant number."""

    def __init__(self, wallet: Wallet) -> None:
        self._wallet = wallet

    def hear(self, profile: str, account: str, headers: Mapping[str, str], body: bytes) -> Hint:
        """Return what a callback says."""
        try:
            keys = self._wallet.of(account)
            verify(keys, {name.lower(): value for name, value in headers.items()}, body)
            event = msgspec.json.decode(body, type=_Event)
            content = msgspec.json.decode(opened(keys, event.resource), type=_Content)
        except (CredentialsError, SignatureError) as error:
            raise UnsignedError(str(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UnreadableError(f"{type(error).__name__}: {error}"[:200]) from None
        named = {"event_id": event.id, "profile": profile, "account": account}
        if event.event_type in REFUNDS:
            return Hint(**named, type="transfer.changed", subject=content.out_refund_no, told=REFUNDS[event.event_type])
        if event.event_type != "TRANSACTION.SUCCESS":
            return Hint(**named, type=None)
        if event.resource.get("original_type") == SPLIT:  # what became of it, its own result says when asked
            return Hint(**named, type="transfer.changed", subject=content.out_order_no, told="accepted")
        return Hint(**named, type="payment.succeeded", subject=content.transaction_id, told="succeeded")
