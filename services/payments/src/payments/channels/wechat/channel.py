"""WeChat Pay behind the port. Each instruction is a request of its own, under its own number, which makes it one.

Instructions of one payment go one after the other, as the port says; those of others beside each other.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final
from urllib.parse import quote

import httpx

from payments.channels.beside import each
from payments.channels.port import BillKind, NotOfferedError, NotSentError, UnansweredError
from payments.channels.wechat import words
from payments.channels.wechat.client import URL, Client, Reply
from payments.channels.wechat.credentials import Wallet
from payments.domain.instructions import Instruction
from payments.domain.outcomes import REASON_CHARACTERS_MAX, UNKNOWN, Answer
from payments.domain.proof import ChannelRecord

NOT_BOUND: Final = "NO_RELATION"
TRADES: Final = ("/v3/bill/tradebill", {"bill_type": "ALL"})
SPLITS: Final = ("/v3/profitsharing/bills", dict[str, str]())
BILLS: Final[Mapping[BillKind, tuple[str, Mapping[str, str]]]] = {
    "payments": TRADES,
    "refunds": TRADES,
    "splits": SPLITS,
    "returns": SPLITS,
}
DESCRIPTION: Final = "settlement"

type Identify = Callable[[str, Sequence[str]], Awaitable[Mapping[str, str]]]
"""Return the merchant numbers, at WeChat Pay, of these receivers of an account; those it has none for are missing."""


class WechatChannel:
    """Profit sharing of merchants that collect themselves; an account is a merchant number (`mchid`)."""

    def __init__(
        self,
        wallet: Wallet,
        identify: Identify,
        timeout_s: float,
        url: str = URL,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._client = Client(wallet, timeout_s, url, transport)
        self._identify = identify

    async def find_payments(self, account: str, payment_ids: Sequence[str]) -> Mapping[str, ChannelRecord | None]:
        """Return what WeChat Pay knows of these payments, by its own numbers (`transaction_id`).

        The fee is in the bills only; a payment that is not paid yet is not known.
        """

        async def find(payment_id: str) -> ChannelRecord | None:
            reply = await self._client.get(account, _path("/v3/pay/transactions/id", payment_id), {"mchid": account})
            if not reply.ok:
                if reply.code in words.UNKNOWN_THERE:
                    return None
                raise NotSentError(reply.code)
            return _record(reply)

        found = await each(payment_ids, find)
        return dict(zip(payment_ids, found, strict=True))

    async def carry_out(self, account: str, instructions: Sequence[Instruction]) -> Mapping[str, Answer]:
        """Have these instructions carried out.

        Raises:
            NotSentError: none of them was sent. What of some was not sent is missing in the answer.
            UnansweredError: no answer came to any.

        """
        known = await self._identify(account, sorted({it.receiver for it in instructions}))

        async def one(it: Instruction) -> Answer | Exception:
            try:
                return await self._send(account, it, known)
            except (NotSentError, UnansweredError) as error:
                return error

        chains: dict[str, list[Instruction]] = {}
        for it in instructions:
            chains.setdefault(it.of or it.number, []).append(it)

        async def chain(some: list[Instruction]) -> list[tuple[str, Answer | Exception]]:
            return [(it.number, await one(it)) for it in some]

        done = dict(pair for pairs in await each(list(chains.values()), chain) for pair in pairs)
        return _told(done)

    async def query(self, account: str, instructions: Sequence[Instruction]) -> Mapping[str, Answer | None]:
        """Return what became of these instructions."""
        known = await self._identify(account, sorted({it.receiver for it in instructions}))

        async def find(it: Instruction) -> Answer | None:
            return await self._ask(account, it, known)

        found = await each(instructions, find)
        return {it.number: answer for it, answer in zip(instructions, found, strict=True)}

    async def bill(self, account: str, day: date, kind: BillKind) -> bytes:
        """Return a bill of a day, as WeChat Pay writes it: yuan, a backtick before each value.

        Payments and refunds are in one, splits and returns in another.

        Raises:
            NotOfferedError: of payouts and fees there is none; fees stand in that of the payments.
            NotSentError: it is not there, or its hash is another than announced.

        """
        if kind not in BILLS:
            message = f"there is no bill of {kind}"
            raise NotOfferedError(message)
        path, more = BILLS[kind]
        reply = await self._client.get(account, path, {"bill_date": day.isoformat(), **more})
        if not reply.ok:
            raise NotSentError(reply.code)
        content = await self._client.download(account, str(reply.body.get("download_url", "")))
        said = str(reply.body.get("hash_value", "")).lower()
        if not hmac.compare_digest(hashlib.sha1(content, usedforsecurity=False).hexdigest(), said):
            message = f"the bill of {day} is not the one that was announced"
            raise NotSentError(message)
        return content

    async def close(self) -> None:
        """Let go of every connection."""
        await self._client.close()

    async def _send(self, account: str, it: Instruction, known: Mapping[str, str]) -> Answer:
        identity = known.get(it.receiver, "")
        if it.kind in {"payout", "return"} and not identity:
            return Answer("failed", NOT_BOUND)  # nothing was sent: whoever binds the receiver may have it tried again
        request = await self._request(account, it, identity)
        if request is None:
            return Answer("failed", "NO_AUTH")
        reply = await self._client.post(account, *request)
        if reply.ok:
            return _outcome(it, reply.body, identity)
        refused = words.refused(reply)
        if refused is not None:
            return refused
        found = await self._ask(account, it, known)
        return found if found is not None else Answer("failed", reply.code)

    async def _request(self, account: str, it: Instruction, identity: str) -> tuple[str, dict[str, Any]] | None:
        body: dict[str, Any]
        match it.kind:
            case "payout":
                receiver = {"type": "MERCHANT_ID", "account": identity, "amount": it.amount_minor}
                body = {
                    "appid": self._client.appid(account),
                    "transaction_id": it.of,
                    "out_order_no": it.number,
                    "receivers": [receiver | {"description": DESCRIPTION}],
                    "unfreeze_unsplit": False,
                }
                return "/v3/profitsharing/orders", body
            case "finish":
                body = {"transaction_id": it.of, "out_order_no": it.number, "description": DESCRIPTION}
                return "/v3/profitsharing/orders/unfreeze", body
            case "return":
                body = {
                    "out_order_no": it.of,
                    "out_return_no": it.number,
                    "return_mchid": identity,
                    "amount": it.amount_minor,
                    "description": DESCRIPTION,
                }
                return "/v3/profitsharing/return-orders", body
            case "refund":
                amount = {"refund": it.amount_minor, "total": await self._total(account, it), "currency": it.currency}
                body = {"transaction_id": it.of, "out_refund_no": it.number, "amount": amount}
                return "/v3/refund/domestic/refunds", body
            case _:
                return None

    async def _total(self, account: str, it: Instruction) -> int:
        """Return what was paid: a refund has to repeat it."""
        paid = (await self.find_payments(account, [it.of or ""]))[it.of or ""]
        if paid is None:
            message = f"payment {it.of} is not known"
            raise NotSentError(message)
        return paid.amount_minor

    async def _ask(self, account: str, it: Instruction, known: Mapping[str, str]) -> Answer | None:
        match it.kind:
            case "payout" | "finish":
                path = _path("/v3/profitsharing/orders", it.number)
                reply = await self._client.get(account, path, {"transaction_id": it.of or ""})
            case "return":
                path = _path("/v3/profitsharing/return-orders", it.number)
                reply = await self._client.get(account, path, {"out_order_no": it.of or ""})
            case "refund":
                reply = await self._client.get(account, _path("/v3/refund/domestic/refunds", it.number))
            case _:
                return None
        if reply.ok:
            return _outcome(it, reply.body, known.get(it.receiver, ""))
        return None if reply.code in words.UNKNOWN_THERE else UNKNOWN


def _outcome(it: Instruction, body: Mapping[str, Any], identity: str) -> Answer:
    match it.kind:
        case "payout":
            answer = words.split(it, body, identity)
        case "finish":
            answer = words.unfrozen(body)
        case "return":
            answer = words.returned(it, body)
        case _:
            answer = words.refunded(it, body)
    return Answer(answer.state, answer.reason and answer.reason[:REASON_CHARACTERS_MAX])


def _told(done: Mapping[str, Answer | Exception]) -> dict[str, Answer]:
    answers = {number: it for number, it in done.items() if isinstance(it, Answer)}
    silent = [(number, it) for number, it in done.items() if isinstance(it, UnansweredError)]
    unsent = [it for it in done.values() if isinstance(it, NotSentError)]
    if not answers and silent and not unsent:
        raise silent[0][1]
    if not answers and not silent and unsent:
        raise unsent[0]
    return answers | {number: UNKNOWN for number, _ in silent}


def _record(reply: Reply) -> ChannelRecord | None:
    amount = reply.body.get("amount")
    if reply.body.get("trade_state") not in words.PAID or not isinstance(amount, Mapping):
        return None
    total, currency = amount.get("total"), amount.get("currency")
    if not isinstance(total, int) or not isinstance(currency, str):
        return None
    return ChannelRecord(amount_minor=total, currency=currency, fee_minor=0)


def _path(folder: str, name: str) -> str:
    return f"{folder}/{quote(name, safe='')}"
