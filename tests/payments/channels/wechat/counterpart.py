"""WeChat Pay as its documents of API v3 describe it, with keys made for a test: it verifies, keeps books, and signs."""

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

MCHID: Final = "1900000109"
APPID: Final = "wx8888888888888888"
SERIAL: Final = "7777777777777777777777777777777777777777"
PLATFORM_ID: Final = "PUB_KEY_ID_0114232134912410000000000000"
APIV3_KEY: Final = "0123456789abcdefghijABCDEFGHIJ01"
ACME: Final = "1900000110"

type Answer = tuple[int, dict[str, Any]]
type Json = dict[str, Any]


def key() -> rsa.RSAPrivateKey:
    """Return a new key."""
    return rsa.generate_private_key(65_537, 2_048)


def refusal(status: int, code: str) -> Answer:
    """Return a refusal in WeChat's words."""
    return status, {"code": code, "message": code}


@dataclass
class Counterpart:
    """Its books: payments by their number, splits, returns and refunds by ours. `hooks` may answer before it does."""

    mchid: str = MCHID
    ours: rsa.RSAPrivateKey = field(default_factory=key)
    own: rsa.RSAPrivateKey = field(default_factory=key)
    payments: dict[str, Json] = field(default_factory=dict)
    splits: dict[str, Json] = field(default_factory=dict)
    returns: dict[str, Json] = field(default_factory=dict)
    refunds: dict[str, Json] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    hooks: list[Callable[[httpx.Request], Awaitable[httpx.Response | None]]] = field(default_factory=list)
    forged: bool = False
    bill: bytes = b"header\n`2026-11-25 10:00:00,`1.00\n"

    def write(self, root: Path) -> Path:
        """Write the files that the merchant has of it; return their folder."""
        folder = root / self.mchid
        folder.mkdir(parents=True, exist_ok=True)
        private = self.ours.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = self.own.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        words = {"appid": APPID, "merchant.serial": SERIAL, "apiv3.key": APIV3_KEY, "platform.id": PLATFORM_ID}
        for name, content in {"merchant.pem": private, "platform.pem": public}.items():
            (folder / name).write_bytes(content)
        for name, word in words.items():
            (folder / name).write_text(word + "\n")
        return folder

    def pay(self, number: str, total: int) -> None:
        """Have a buyer pay, for an order that may be split."""
        self.payments[number] = {
            "mchid": self.mchid,
            "transaction_id": number,
            "trade_state": "SUCCESS",
            "amount": {"total": total, "currency": "CNY"},
            "frozen": total,
            "finished": False,
        }

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, signed."""
        for hook in self.hooks:
            if (said := await hook(request)) is not None:
                return said
        body = await request.aread()
        self.asked.append((request.method, request.url.path))
        if not self._is_signed(request, body):
            status, answer = refusal(401, "SIGN_ERROR")
        elif request.url.path == "/v3/billdownload/file":
            return httpx.Response(200, content=self.bill)
        else:
            status, answer = self._do(request, json.loads(body or b"{}"))
        content = json.dumps(answer).encode()
        return httpx.Response(status, content=content, headers=self.signed(content))

    def signed(self, content: bytes, at: float | None = None) -> dict[str, str]:
        """Return the headers of what it says."""
        stamp, nonce = str(int(at or time.time())), secrets.token_hex(8)
        key_ = self.ours if self.forged else self.own
        signature = key_.sign(f"{stamp}\n{nonce}\n".encode() + content + b"\n", PKCS1v15(), SHA256())
        return {
            "Wechatpay-Timestamp": stamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": PLATFORM_ID,
            "Wechatpay-Signature": base64.b64encode(signature).decode(),
        }

    def sealed(self, resource: Json) -> Json:
        """Return the locked part of a callback."""
        nonce, about = secrets.token_hex(6), "transaction"
        sealed = AESGCM(APIV3_KEY.encode()).encrypt(nonce.encode(), json.dumps(resource).encode(), about.encode())
        return {"nonce": nonce, "associated_data": about, "ciphertext": base64.b64encode(sealed).decode()}

    def _is_signed(self, request: httpx.Request, body: bytes) -> bool:
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        said = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        if scheme != "WECHATPAY2-SHA256-RSA2048" or (said.get("mchid"), said.get("serial_no")) != (self.mchid, SERIAL):
            return False
        head = f"{request.method}\n{request.url.raw_path.decode()}\n{said['timestamp']}\n{said['nonce_str']}\n"
        signature = base64.b64decode(said["signature"])
        try:
            self.ours.public_key().verify(signature, head.encode() + body + b"\n", PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return abs(time.time() - int(said["timestamp"])) < 300

    def _do(self, request: httpx.Request, body: Json) -> Answer:
        path, name = request.url.path, request.url.path.rpartition("/")[2]
        if path.startswith("/v3/pay/transactions/id/"):
            found = self.payments.get(name)
            known = found is not None and request.url.params["mchid"] == self.mchid
            return (200, found or {}) if known else refusal(404, "ORDER_NOT_EXIST")
        if path in {"/v3/bill/tradebill", "/v3/profitsharing/bills"}:
            url = "https://api.mch.weixin.qq.com/v3/billdownload/file?token=abc%2Bd"
            digest = hashlib.sha1(self.bill, usedforsecurity=False).hexdigest()
            return 200, {"hash_type": "SHA1", "hash_value": digest, "download_url": url}
        books, take = {
            "orders": (self.splits, self._split),
            "unfreeze": (self.splits, self._unfreeze),
            "return-orders": (self.returns, self._return),
            "refunds": (self.refunds, self._refund),
        }[name if request.method == "POST" else path.split("/")[-2]]
        if request.method == "GET":
            return (200, books[name]["answer"]) if name in books else refusal(404, "RESOURCE_NOT_EXISTS")
        number = str(body.get("out_return_no") or body.get("out_refund_no") or body["out_order_no"])
        if number in books:
            same = books[number]["body"] == body
            return (200, books[number]["answer"]) if same else refusal(400, "INVALID_REQUEST")
        status, answer = take(body)
        if status == 200:
            books[number] = {"body": body, "answer": answer}
        return status, answer

    def _split(self, body: Json) -> Answer:
        payment = self.payments.get(body["transaction_id"])
        (receiver,) = body["receivers"]
        if payment is None or body["appid"] != APPID:
            return refusal(400, "PARAM_ERROR")
        if payment["finished"]:
            return refusal(403, "RULE_LIMIT")
        if receiver["amount"] > payment["frozen"]:
            return refusal(403, "NOT_ENOUGH")
        payment["frozen"] -= receiver["amount"]
        told = receiver | {"result": "PENDING"}
        return 200, {"transaction_id": body["transaction_id"], "state": "PROCESSING", "receivers": [told]}

    def _unfreeze(self, body: Json) -> Answer:
        payment = self.payments[body["transaction_id"]]
        payment |= {"frozen": 0, "finished": True}
        return 200, {"transaction_id": body["transaction_id"], "state": "PROCESSING", "receivers": []}

    def _return(self, body: Json) -> Answer:
        split = self.splits.get(body["out_order_no"])
        if split is None:
            return refusal(404, "RESOURCE_NOT_EXISTS")
        (receiver,) = split["answer"]["receivers"]
        if receiver["account"] != body["return_mchid"] or body["amount"] > receiver["amount"]:
            return refusal(403, "NOT_ENOUGH")
        return 200, {"out_return_no": body["out_return_no"], "amount": body["amount"], "result": "PROCESSING"}

    def _refund(self, body: Json) -> Answer:
        payment = self.payments[body["transaction_id"]]
        if body["amount"]["total"] != payment["amount"]["total"]:
            return refusal(400, "PARAM_ERROR")
        if body["amount"]["refund"] > payment["amount"]["total"]:
            return refusal(403, "NOT_ENOUGH")
        return 200, {"out_refund_no": body["out_refund_no"], "status": "PROCESSING", "amount": body["amount"]}

    def conclude(self, number: str, result: str = "SUCCESS", reason: str | None = None) -> None:
        """Give a split, return or refund its outcome."""
        for books in (self.splits, self.returns, self.refunds):
            if number in books:
                answer = books[number]["answer"]
                if "state" in answer:
                    answer["state"] = "FINISHED"
                    for receiver in answer["receivers"]:
                        receiver |= {"result": result, "fail_reason": reason}
                elif "result" in answer:
                    answer |= {"result": result, "fail_reason": reason}
                else:
                    answer["status"] = result
