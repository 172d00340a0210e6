"""Signs what goes to WeChat Pay, and believes what comes from it only with its signature (API v3, 签名与验签)."""

import base64
import binascii
import secrets
import time
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from payments.channels.wechat.credentials import Credentials

SCHEME: Final = "WECHATPAY2-SHA256-RSA2048"
SKEW_S_MAX: Final = 300
"""How far its clock and ours may be apart; beyond it an answer may be an old one, sent again by somebody else."""


class SignatureError(Exception):
    """Something is not signed by WeChat Pay, or not now; the message says in what way."""


def authorization(keys: Credentials, method: str, target: str, body: bytes, now: float | None = None) -> str:
    """Return the header that signs a request; `target` is its path with its query."""
    stamp, nonce = str(int(time.time() if now is None else now)), secrets.token_hex(16)
    message = b"\n".join([method.encode(), target.encode(), stamp.encode(), nonce.encode(), body, b""])
    signature = base64.b64encode(keys.private_key.sign(message, PKCS1v15(), SHA256())).decode()
    named = {
        "mchid": keys.mchid,
        "nonce_str": nonce,
        "signature": signature,
        "timestamp": stamp,
        "serial_no": keys.serial,
    }
    return f"{SCHEME} " + ",".join(f'{name}="{value}"' for name, value in named.items())


def verify(keys: Credentials, headers: Mapping[str, str], body: bytes, now: float | None = None) -> None:
    """Return if a body is signed by WeChat Pay, within five minutes of now.

    Raises:
        SignatureError: it is not.

    """
    stamp, nonce = headers.get("wechatpay-timestamp", ""), headers.get("wechatpay-nonce", "")
    if headers.get("wechatpay-serial", "") != keys.platform_id:
        message = "it names another key than platform.id"
        raise SignatureError(message)
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= len("9999999999")):
        message = "it has no timestamp"
        raise SignatureError(message)
    if abs((time.time() if now is None else now) - int(stamp)) > SKEW_S_MAX:
        message = f"it was signed more than {SKEW_S_MAX} s from now"
        raise SignatureError(message)
    try:
        signature = base64.b64decode(headers.get("wechatpay-signature", ""), validate=True)
        signed = b"\n".join([stamp.encode(), nonce.encode(), body, b""])
        keys.platform_key.verify(signature, signed, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError) as error:
        message = "the signature is not its own"
        raise SignatureError(message) from error


def opened(keys: Credentials, resource: Mapping[str, str]) -> bytes:
    """Return what a callback has locked (AEAD_AES_256_GCM).

    Raises:
        SignatureError: it was not locked with this merchant's key.

    """
    try:
        sealed = base64.b64decode(resource["ciphertext"], validate=True)
        nonce, about = resource["nonce"].encode(), resource.get("associated_data", "").encode()
        return AESGCM(keys.apiv3_key).decrypt(nonce, sealed, about)
    except (InvalidTag, KeyError, ValueError, binascii.Error, AttributeError) as error:
        message = "it is not locked with the API v3 key"
        raise SignatureError(message) from error
