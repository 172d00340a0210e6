"""Stripe Connect behind the port: shares are transfers from the platform's balance, returns are their reversals.

Stripe forgets an idempotency key after a day, so a number stands in the metadata too, where it is looked for. It is
also a transfer's `transfer_group`, by which Stripe lists transfers.
"""

import csv
import io
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import quote

import httpx

from payments.channels.beside import each
from payments.channels.port import BillKind, NotSentError, UnansweredError
from payments.channels.stripe.client import URL, Client, Reply
from payments.channels.stripe.keys import StripeKeys
from payments.domain.instructions import Instruction
from payments.domain.outcomes import REASON_CHARACTERS_MAX, UNKNOWN, Answer
from payments.domain.proof import ChannelRecord

PAGE: Final = "100"
PAGES_MAX: Final = 10
MISSING: Final = "resource_missing"
REUSED: Final = "idempotency_error"
NOT_BOUND: Final = "account_invalid"
NOT_OFFERED: Final = "operation_unknown"
DAY_S: Final = 86_400
BILL_COLUMNS: Final = ("id", "type", "source", "currency", "amount", "fee", "net", "created")
BILLED: Final[Mapping[BillKind, frozenset[str]]] = {
    "payments": frozenset({"charge", "payment"}),
    "refunds": frozenset({"refund", "payment_refund", "refund_failure"}),
    "splits": frozenset({"transfer"}),
    "returns": frozenset({"transfer_refund"}),
    "payouts": frozenset({"payout", "payout_failure"}),
    "fees": frozenset({"stripe_fee", "application_fee"}),
}
"""Types of balance transactions in each bill."""
STATES: Final[Mapping[str, Answer]] = {
    "succeeded": Answer("succeeded"),
    "pending": Answer("accepted"),
    "requires_action": Answer("accepted", "requires_action"),
    "failed": Answer("failed", "failed"),
    "canceled": Answer("failed", "canceled"),
}
"""Of refunds and top-ups."""

type Identify = Callable[[str, Sequence[str]], Awaitable[Mapping[str, str]]]
"""Return the connected accounts (`acct_…`) of these receivers of an account; those it has none for are missing."""


class StripeChannel:
    """Separate charges and transfers; an account is the platform's own at Stripe."""

    def __init__(
        self,
        keys: StripeKeys,
        identify: Identify,
        timeout_s: float,
        url: str = URL,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._client = Client(keys, timeout_s, url, transport)
        self._identify = identify

    async def find_payments(self, account: str, payment_ids: Sequence[str]) -> Mapping[str, ChannelRecord | None]:
        """Return what Stripe knows of these payment intents, with the fee that it took."""

        async def find(payment_id: str) -> ChannelRecord | None:
            query = {"expand[]": "latest_charge.balance_transaction"}
            reply = await self._client.get(account, f"/v1/payment_intents/{quote(payment_id, safe='')}", query)
            if reply.ok:
                return _record(reply)
            if reply.code == MISSING:
                return None
            raise NotSentError(reply.code)

        found = await each(payment_ids, find)
        return dict(zip(payment_ids, found, strict=True))

    async def carry_out(self, account: str, instructions: Sequence[Instruction]) -> Mapping[str, Answer]:
        """Have these instructions carried out, one after the other: each is made from what the one before has left.

        Raises:
            NotSentError: the first was not sent. What comes behind one that was not sent is missing in the answer.
            UnansweredError: no answer came to the first.

        """
        known = await self._identify(account, sorted({it.receiver for it in instructions}))
        answers: dict[str, Answer] = {}
        for it in instructions:
            try:
                # Stripe has forgotten the key of a day ago: what it has under this number is not sent again.
                found = await self._find(account, it)
                answers[it.number] = _outcome(it, found) if found else await self._send(account, it, known)
            except NotSentError:
                if not answers:
                    raise
                break
            except UnansweredError:
                if not answers:
                    raise
                answers[it.number] = UNKNOWN
        return answers

    async def query(self, account: str, instructions: Sequence[Instruction]) -> Mapping[str, Answer | None]:
        """Return what became of these instructions."""

        async def find(it: Instruction) -> Answer | None:
            found = await self._find(account, it)
            return None if found is None else _outcome(it, found)

        answers = await each(instructions, find)
        return {it.number: answer for it, answer in zip(instructions, answers, strict=True)}

    async def bill(self, account: str, day: date, kind: BillKind) -> bytes:
        """Return what changed the balance on a day in UTC, as CSV in minor units: one line a balance transaction.

        Raises:
            NotSentError: the list cannot be read.

        """
        since = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        query = {"created[gte]": str(since), "created[lt]": str(since + DAY_S), "limit": PAGE}
        written = io.StringIO()
        lines = csv.writer(written)
        lines.writerow(BILL_COLUMNS)
        after: dict[str, str] = {}
        while True:
            reply = await self._client.get(account, "/v1/balance_transactions", {**query, **after})
            if not reply.ok:
                raise NotSentError(reply.code)
            page = [it for it in reply.body.get("data", []) if isinstance(it, Mapping)]
            lines.writerows([it.get(name) for name in BILL_COLUMNS] for it in page if it.get("type") in BILLED[kind])
            if not reply.body.get("has_more") or not page:
                return written.getvalue().encode()
            after = {"starting_after": str(page[-1].get("id"))}

    async def close(self) -> None:
        """Let go of every connection."""
        await self._client.close()

    async def _send(self, account: str, it: Instruction, known: Mapping[str, str]) -> Answer:
        form = {"amount": str(it.amount_minor), "metadata[number]": it.number}
        match it.kind:
            case "payout":
                if it.receiver not in known:
                    return Answer("failed", NOT_BOUND)  # nothing was sent
                path = "/v1/transfers"
                form |= {"currency": it.currency.lower(), "transfer_group": it.number}
                form |= {"destination": known[it.receiver]}
            case "return":
                transfer = await self._transfer(account, it.of or "")
                if transfer is None:
                    return Answer("failed", MISSING)
                path = f"/v1/transfers/{transfer['id']}/reversals"
            case "refund":
                path, form = "/v1/refunds", form | {"payment_intent": it.of or ""}
            case "subsidy" | "advance":
                path, form = "/v1/topups", form | {"currency": it.currency.lower()}
            case _:
                return Answer("failed", NOT_OFFERED)
        reply = await self._client.post(account, path, form, it.number)
        if reply.ok:
            return _outcome(it, reply.body)
        if reply.code != REUSED:
            return Answer("failed", _short(reply.code))
        return Answer("unknown", "number_reused")

    async def _find(self, account: str, it: Instruction) -> Mapping[str, Any] | None:
        """Return what Stripe has under a number; None for nothing."""
        match it.kind:
            case "payout":
                return await self._listed(account, "/v1/transfers", it.number, {"transfer_group": it.number})
            case "return":
                transfer = await self._transfer(account, it.of or "")
                path = f"/v1/transfers/{transfer['id']}/reversals" if transfer else ""
                return await self._listed(account, path, it.number, {}) if transfer else None
            case "refund":
                return await self._listed(account, "/v1/refunds", it.number, {"payment_intent": it.of or ""})
            case "subsidy" | "advance":
                return await self._listed(account, "/v1/topups", it.number, {})
            case _:
                return None

    async def _transfer(self, account: str, number: str) -> Mapping[str, Any] | None:
        """Return the transfer of a payout."""
        return await self._listed(account, "/v1/transfers", number, {"transfer_group": number})

    async def _listed(self, account: str, path: str, number: str, query: Mapping[str, str]) -> Mapping[str, Any] | None:
        """Look for a number in a list, the newest first, so many pages of it."""
        after: dict[str, str] = {}
        for _ in range(PAGES_MAX):
            reply = await self._client.get(account, path, {**query, "limit": PAGE, **after})
            if not reply.ok:
                if reply.code == MISSING:
                    return None
                raise NotSentError(reply.code)
            page = [it for it in reply.body.get("data", []) if isinstance(it, Mapping)]
            for it in page:
                if (it.get("metadata") or {}).get("number") == number:
                    return it
            if not reply.body.get("has_more") or not page:
                return None
            after = {"starting_after": str(page[-1].get("id"))}
        message = f"{path} has too many to look through for {number}"
        raise NotSentError(message)


def _outcome(it: Instruction, body: Mapping[str, Any]) -> Answer:
    if body.get("amount") != it.amount_minor or (body.get("metadata") or {}).get("number") != it.number:
        return Answer("unknown", "number_reused")
    if it.kind in {"payout", "return"}:  # made or refused at once
        return Answer("succeeded")
    answer = STATES.get(str(body.get("status")), UNKNOWN)
    said = body.get("failure_reason") or body.get("failure_code")
    return Answer("failed", _short(str(said))) if answer.state == "failed" and said else answer


def _record(reply: Reply) -> ChannelRecord | None:
    amount, currency = reply.body.get("amount_received"), reply.body.get("currency")
    if reply.body.get("status") != "succeeded" or not isinstance(amount, int) or not isinstance(currency, str):
        return None
    charge = reply.body.get("latest_charge")
    balance = charge.get("balance_transaction") if isinstance(charge, Mapping) else None
    if (
        not isinstance(balance, Mapping)
        or balance.get("currency") != currency
        or not isinstance(balance.get("fee"), int)
    ):
        return None  # its fee is not told yet, or in another currency: what there is to divide is not known
    return ChannelRecord(amount_minor=amount, currency=currency.upper(), fee_minor=balance["fee"])


def _short(reason: str) -> str:
    return reason[:REASON_CHARACTERS_MAX]
