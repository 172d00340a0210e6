"""The institution over HTTP, as buyers pay it and as an auditor reads its own record. No books are kept here."""

from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import batched
from types import TracebackType
from typing import Any, Final, Literal, Self
from urllib.parse import quote

import httpx
import msgspec

from shared.messages import ChannelPayment

ITEMS_MAX: Final = 1_000
PAGE: Final = 1_000
TIMEOUT_S: Final = 30.0

Pocket = Literal["platform:marketing", "platform:advance"]
"""What the platform fills itself: subsidies come from the one, advances for refunds from the other."""

Payments = Iterable[tuple[ChannelPayment, str]]
"""Payments and their currencies."""


class InstitutionError(Exception):
    """The institution cannot be reached, or did not do what it was asked; the message says which and why."""


class Institution:
    """One institution's HTTP API."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Connect at the first request."""
        self._client = httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, transport=transport)

    async def __aenter__(self) -> Self:
        """Hold the connections."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def open(self, account: str, profile: str) -> None:
        """Open an account under a product; the same again changes nothing.

        Raises:
            InstitutionError: it is under another one, or there is no such product.

        """
        await self._ask("PUT", _account(account), {"profile": profile})

    async def pay(self, account: str, payments: Payments) -> None:
        """Pay as buyers do. What is already paid with the same body is answered again; amounts of 0 are not paid.

        Raises:
            InstitutionError: it refused one; what it took before stays taken.

        """
        wanted = [
            {
                "payment_id": payment.channel_payment_id,
                "amount_minor": payment.amount_minor,
                "currency": currency,
                "fee_minor": payment.fee_minor,
            }
            | ({"merchant": payment.merchant} if payment.merchant else {})
            for payment, currency in payments
            if payment.amount_minor > 0
        ]
        for batch in batched(wanted, ITEMS_MAX):
            answer = await self._ask("POST", f"{_account(account)}/payments", {"payments": batch})
            for it in answer["payments"]:
                if it["state"] != "succeeded":
                    message = f"the institution refused payment {it['payment_id']}: {it.get('reason')}"
                    raise InstitutionError(message)

    async def fund(
        self, account: str, fund_id: str, currency: str, amount_minor: int, pocket: Pocket = "platform:marketing"
    ) -> None:
        """Put the platform's own money into a pocket of its own. The same `fund_id` again changes nothing."""
        body = {
            "fund_id": fund_id,
            "pocket": pocket,
            "currency": currency,
            "amount_minor": amount_minor,
        }
        await self._ask("POST", f"{_account(account)}/funds", body)

    async def balances(self, account: str) -> list[dict[str, Any]]:
        """Return pocket, currency and balance_minor of each pocket."""
        answer = await self._ask("GET", f"{_account(account)}/balances")
        pockets: list[dict[str, Any]] = answer["pockets"]
        return pockets

    async def find_payments(self, account: str, payment_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Return what it knows of these payments, in the order asked."""
        return await self._query(account, "payments", "payment_ids", payment_ids)

    async def find_transfers(self, account: str, numbers: Sequence[str]) -> list[dict[str, Any]]:
        """Return what it knows of these numbers, in the order asked."""
        return await self._query(account, "transfers", "numbers", numbers)

    async def payments(self, account: str) -> AsyncIterator[dict[str, Any]]:
        """Go through its own record of money in."""
        async for it in self._pages(account, "payments"):
            yield it

    async def transfers(self, account: str) -> AsyncIterator[dict[str, Any]]:
        """Go through its own record of money out, and of subsidies."""
        async for it in self._pages(account, "transfers"):
            yield it

    async def movements(self, account: str) -> AsyncIterator[dict[str, Any]]:
        """Go through what it has moved by itself."""
        async for it in self._pages(account, "movements"):
            yield it

    async def _query(self, account: str, what: str, field: str, wanted: Sequence[str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for batch in batched(wanted, ITEMS_MAX):
            answer = await self._ask("POST", f"{_account(account)}/{what}/query", {field: batch})
            found.extend(answer[what])
        return found

    async def _pages(self, account: str, what: str) -> AsyncIterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            parameters = {"limit": PAGE} | ({"cursor": cursor} if cursor else {})
            answer = await self._ask("GET", f"{_account(account)}/{what}", parameters=parameters)
            for it in answer[what]:
                yield it
            cursor = answer.get("next_cursor")
            if not cursor:
                return

    async def _ask(
        self, method: str, path: str, body: object = None, parameters: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        content = None if body is None else msgspec.json.encode(body)
        headers = {} if content is None else {"content-type": "application/json"}
        try:
            answer = await self._client.request(method, path, content=content, headers=headers, params=parameters)
        except httpx.HTTPError as error:
            message = f"the institution at {public(self._client.base_url)} does not answer: {error!r}"
            raise InstitutionError(message) from error
        if answer.status_code != httpx.codes.OK:
            message = f"the institution answered {method} {path} with {answer.status_code}: {answer.text[:300]}"
            raise InstitutionError(message)
        decoded: dict[str, Any] = msgspec.json.decode(answer.content)
        return decoded


def public(url: httpx.URL) -> str:
    """Return an address as it may be shown: without user name and password."""
    return str(url.copy_with(username=None, password=None))


def _account(account: str) -> str:
    return f"/v1/accounts/{quote(account, safe='')}"
