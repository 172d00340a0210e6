"""Who signs in a way of its own is heard in that way, and nobody else: the signature first, then what is said."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from tests.payments.channels.stripe.counterpart import ACCOUNT
from tests.payments.channels.wechat.counterpart import MCHID, Counterpart

from payments.channels import chosen
from payments.channels.ear import Ear, UnsignedError
from payments.channels.stripe import StripeEar
from payments.channels.wechat import Wallet, WechatEar
from payments.domain.callbacks import Hint, UnreadableError

NOW = 1_800_000_000.0


def told(there: Counterpart, event_type: str, content: dict[str, Any], original: str = "transaction") -> bytes:
    resource = there.sealed(content) | {"original_type": original}
    return json.dumps({"id": "ev-1", "event_type": event_type, "resource": resource}).encode()


@pytest.fixture(scope="module")
def there() -> Counterpart:
    return Counterpart()


@pytest.fixture
def wechat(there: Counterpart, tmp_path: Path) -> Ear:
    there.write(tmp_path)
    return WechatEar(Wallet(tmp_path))


@pytest.mark.parametrize(
    ("event_type", "original", "content", "expected"),
    [
        ("TRANSACTION.SUCCESS", "transaction", {"transaction_id": "42"}, ("payment.succeeded", "42", "succeeded")),
        ("TRANSACTION.SUCCESS", "profitsharing", {"out_order_no": "N1"}, ("transfer.changed", "N1", "accepted")),
        ("REFUND.SUCCESS", "refund", {"out_refund_no": "N2"}, ("transfer.changed", "N2", "succeeded")),
        ("REFUND.CLOSED", "refund", {"out_refund_no": "N2"}, ("transfer.changed", "N2", "failed")),
        ("COUPON.USE", "coupon", {}, (None, "", "")),
    ],
)
def test_wechat_pay_is_heard(
    there: Counterpart,
    wechat: Ear,
    event_type: str,
    original: str,
    content: dict[str, Any],
    expected: tuple[Any, str, str],
) -> None:
    body = told(there, event_type, content, original)
    hint = wechat.hear(chosen.WECHAT, MCHID, there.signed(body), body)
    assert (hint.type, hint.subject, hint.told) == expected
    assert hint.key == f"{chosen.WECHAT}/{MCHID}/ev-1"


def test_what_wechat_pay_has_not_signed_or_locked_is_not_believed(there: Counterpart, wechat: Ear) -> None:
    body = told(there, "TRANSACTION.SUCCESS", {"transaction_id": "42"})
    for headers, said in (({}, body), (there.signed(body), body + b" "), (there.signed(body, 1.0), body)):
        with pytest.raises(UnsignedError):
            wechat.hear(chosen.WECHAT, MCHID, headers, said)
    with pytest.raises(UnsignedError):
        wechat.hear(chosen.WECHAT, "1900000999", there.signed(body), body)
    unlocked = body.replace(b'"ciphertext": "', b'"ciphertext": "AA')
    with pytest.raises(UnsignedError):
        wechat.hear(chosen.WECHAT, MCHID, there.signed(unlocked), unlocked)
    for bad in (b"{", b"[]", b'{"id": 1}'):
        with pytest.raises(UnreadableError):
            wechat.hear(chosen.WECHAT, MCHID, there.signed(bad), bad)


@pytest.fixture
def stripe(tmp_path: Path) -> Ear:
    (tmp_path / ACCOUNT).mkdir()
    (tmp_path / ACCOUNT / "webhook.key").write_text("whsec_new\nwhsec_old\n")
    return StripeEar(tmp_path, lambda: NOW)


def signed(body: bytes, key: str = "whsec_new", at: float = NOW) -> dict[str, str]:
    signature = hmac.new(key.encode(), f"{int(at)}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={int(at)},v1=00,v1={signature},v0=x"}


def event(kind: str, **fields: Any) -> bytes:  # noqa: ANN401 - of an event
    return json.dumps({"id": "evt_1", "type": kind, "data": {"object": fields}}).encode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (event("payment_intent.succeeded", id="pi_1"), ("payment.succeeded", "pi_1", "succeeded")),
        (
            event("refund.updated", status="failed", metadata={"number": "N1"}),
            ("transfer.changed", "N1", "failed"),
        ),
        (
            event("topup.succeeded", status="succeeded", metadata={"number": "N2"}),
            ("transfer.changed", "N2", "succeeded"),
        ),
        (event("refund.updated", status="pending"), (None, "", "accepted")),
        (event("payout.paid"), (None, "", "")),
    ],
)
def test_stripe_is_heard_by_each_of_its_keys(stripe: Ear, body: bytes, expected: tuple[Any, str, str]) -> None:
    for key in ("whsec_new", "whsec_old"):
        hint = stripe.hear(chosen.STRIPE, ACCOUNT, signed(body, key), body)
        assert (hint.type, hint.subject, hint.told) == expected
        assert isinstance(hint, Hint)


def test_what_stripe_has_not_signed_now_is_not_believed(stripe: Ear) -> None:
    body = event("payment_intent.succeeded", id="pi_1")
    for headers in (
        {},
        signed(body, "whsec_other"),
        signed(body, at=NOW - 301),
        signed(body, at=NOW + 301),
        signed(body + b" "),
        {"stripe-signature": f"t={int(NOW)}"},
        {"stripe-signature": "t=x,v1=00"},
    ):
        with pytest.raises(UnsignedError):
            stripe.hear(chosen.STRIPE, ACCOUNT, headers, body)
    for account in ("acct_other", "..", "a/b"):
        with pytest.raises(UnsignedError):
            stripe.hear(chosen.STRIPE, account, signed(body), body)
    for bad in (b"{", b"[]", b'{"id": 1}'):
        with pytest.raises(UnreadableError):
            stripe.hear(chosen.STRIPE, ACCOUNT, signed(bad), bad)


def test_only_where_there_are_credentials_is_anybody_heard_in_its_own_way(there: Counterpart, tmp_path: Path) -> None:
    assert chosen.ears(None) == {}
    there.write(tmp_path / chosen.WECHAT)
    assert list(chosen.ears(tmp_path)) == [chosen.WECHAT]
    (tmp_path / chosen.STRIPE).mkdir()
    assert sorted(chosen.ears(tmp_path)) == [chosen.STRIPE, chosen.WECHAT]
