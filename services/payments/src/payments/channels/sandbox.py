"""The sandbox institution over HTTP. Tells apart what was not sent, what was not answered, and what was refused."""

import copy
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal, Self
from urllib.parse import quote

import httpx
import msgspec

from payments.channels.port import BillKind, NotSentError, UnansweredError
from payments.channels.requests import requests
from payments.channels.sending import CONNECT_TIMEOUT_S, answered
from payments.domain.instructions import Instruction, Kind
from payments.domain.outcomes import REASON_CHARACTERS_MAX, UNKNOWN, Answer
from payments.domain.proof import ChannelRecord
from shared.profiles import Profile, shipped

CONNECTIONS_MAX: Final = 512
"""Each lane has two requests under way at most, of which an institution that hangs keeps one (see dispatch/lanes): with
fewer connections than accounts that hang, the others would wait for theirs."""
KEEPALIVE_S: Final = 2.0
"""Shorter than any server keeps an idle connection: one that it just closed would look like a lost answer."""

UNAVAILABLE: Final = 503
DIRECT: Final = "sandbox-direct"
"""What an account is under that nobody has opened; nothing is said of it."""
NUMBER_REUSED: Final = "number_reused"


class _Payment(msgspec.Struct, frozen=True, gc=False):
    payment_id: str
    state: Literal["succeeded", "not_found"]
    amount_minor: int = 0
    currency: str = ""
    fee_minor: int = 0


class _Payments(msgspec.Struct, frozen=True):
    payments: list[_Payment]


class _Transfer(msgspec.Struct, frozen=True, gc=False):
    number: str
    state: Literal["succeeded", "accepted", "failed", "returned", "refused", "not_found"]
    reason: str | None = None
    receiver: str | None = None
    currency: str | None = None
    amount_minor: int | None = None
    of: str | None = None


class _Sent(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A transfer as it is sent. Without `of` no byte of it: of a payout nobody needs it, and payouts are the many."""

    number: str
    kind: Kind
    receiver: str
    currency: str
    amount_minor: int
    of: str | None = None


class _Transfers(msgspec.Struct, frozen=True):
    transfers: list[_Transfer]


class SandboxChannel:
    """The sandbox institution's API for one customer (the platform), whose accounts are named in each call.

    It speaks one profile: that is named in each request, and the institution's words are the profile's own.
    """

    def __init__(self, url: str, timeout_s: float, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`timeout_s` is how long an answer may take before it counts as missing."""
        self._profile: Profile | None = None
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX, keepalive_expiry=KEEPALIVE_S),
            transport=transport,
            headers={"content-type": "application/json"},
        )

    def under(self, profile: str) -> Self:
        """Return the same institution as it speaks another profile; both have the same connections."""
        other = copy.copy(self)
        other._profile = shipped().find(profile) if profile != DIRECT else None  # noqa: SLF001 - its own
        return other

    async def find_payments(self, account: str, payment_ids: Sequence[str]) -> Mapping[str, ChannelRecord | None]:
        """Return what the institution knows of these payments."""
        answer = await self._post(account, "payments/query", {"payment_ids": payment_ids}, _Payments)
        return {
            it.payment_id: ChannelRecord(amount_minor=it.amount_minor, currency=it.currency, fee_minor=it.fee_minor)
            if it.state == "succeeded"
            else None
            for it in answer.payments
        }

    async def carry_out(self, account: str, instructions: Sequence[Instruction]) -> Mapping[str, Answer]:
        """Have these instructions carried out. A number without an answer in the reply is unknown."""
        told: dict[str, Answer] = {}
        for place, some in enumerate(requests(self._profile, instructions)):
            try:
                told |= await self._carry_out(account, some)
            except (NotSentError, UnansweredError):
                if not place:
                    raise
                break  # what the requests before it have said stands; the rest is asked after by its numbers
        return {it.number: told.get(it.number, UNKNOWN) for it in instructions}

    async def _carry_out(self, account: str, instructions: Sequence[Instruction]) -> dict[str, Answer]:
        body: dict[str, Any] = {"transfers": [_wire(it) for it in instructions]}
        if self._profile is not None:
            body["profile"] = self._profile.name
        answer = await self._post(account, "transfers", body, _Transfers)
        return {it.number: _outcome(it, self._meant(it.reason)) for it in answer.transfers}

    async def query(self, account: str, instructions: Sequence[Instruction]) -> Mapping[str, Answer | None]:
        """Return what became of these instructions."""
        body = {"numbers": [it.number for it in instructions]}
        answer = await self._post(account, "transfers/query", body, _Transfers)
        told = {it.number: it for it in answer.transfers}
        return {it.number: self._found(told.get(it.number), it) for it in instructions}

    async def bill(self, account: str, day: date, kind: BillKind) -> bytes:
        """Return a bill of a day, in the profile's format. It moves nothing, so that no answer is simply none."""
        path = f"/v1/accounts/{quote(account, safe='')}/bills/{day.isoformat()}"
        try:
            response = (await self._client.get(path, params={"kind": kind})).raise_for_status()
        except httpx.HTTPError as error:
            raise NotSentError(repr(error)) from error
        return response.content

    async def close(self) -> None:
        """Let go of every connection."""
        await self._client.aclose()

    def _meant(self, word: str | None) -> str | None:
        return word if word is None or self._profile is None else self._profile.meant(word)

    def _found(self, it: _Transfer | None, instruction: Instruction) -> Answer | None:
        if it is None:
            return UNKNOWN
        if it.state == "not_found":
            return None
        same = (instruction.receiver, instruction.currency, instruction.amount_minor, instruction.of)
        if (it.receiver, it.currency, it.amount_minor, it.of) != same:
            return Answer("unknown", "number_reused")
        return _outcome(it, self._meant(it.reason))

    async def _post[A](self, account: str, operation: str, body: Mapping[str, Any], answer: type[A]) -> A:
        path = f"/v1/accounts/{quote(account, safe='')}/{operation}"
        response = await answered(self._client.post(path, content=msgspec.json.encode(body)), operation)
        if response.status_code == UNAVAILABLE or response.is_client_error:
            # Both are said before anything is executed. A 4xx is a mistake of ours or of the account's set-up, which
            # only people mend: nothing is lost meanwhile, and the age of the instructions pages.
            message = f"{operation} answered {response.status_code}: {response.text[:200]}"
            raise NotSentError(message)
        try:
            response.raise_for_status()
            return msgspec.json.decode(response.content, type=answer)
        except (httpx.HTTPStatusError, msgspec.DecodeError) as error:
            raise UnansweredError(repr(error)) from error


def _wire(it: Instruction) -> _Sent:
    return _Sent(it.number, it.kind, it.receiver, it.currency, it.amount_minor, it.of)


def _outcome(it: _Transfer, meant: str | None) -> Answer:
    """Return what became of a transfer, in the institution's own word for why; `meant` is that reason in ours."""
    reason = _reason(it.reason)
    match it.state:
        case "succeeded" | "accepted" | "failed" | "returned":
            return Answer(it.state, reason)
        case "refused" if meant != NUMBER_REUSED:
            return Answer("failed", reason)  # it left no record: nothing was and nothing will be executed
        case _:
            # The number stands for something else there. Never failed: that something may be this leg, paid.
            return Answer("unknown", reason)


def _reason(reason: str | None) -> str | None:
    """Return an institution's word as an event may carry it."""
    return re.sub(r"[^ -~]", "?", reason)[:REASON_CHARACTERS_MAX] or None if reason else None
