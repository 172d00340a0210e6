"""Where an institution is asked about what it did by itself, and what became of what it told. One adapter: the sandbox.

Beside the port of the lanes, with connections of its own: what is asked for here is never urgent, and holds up none of
them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, Protocol
from urllib.parse import quote

import httpx
import msgspec

from payments.channels.port import NotSentError
from payments.channels.sending import CONNECT_TIMEOUT_S
from payments.domain.bindings import Binding, Said

CONNECTIONS_MAX: Final = 16
KEEPALIVE_S: Final = 2.0
FOUND: Final = 200
REFUSED: Final = frozenset({404, 409, 422})
"""Answers of an institution that will not be others when it is asked again."""


class _RefusedError(NotSentError):
    """The institution says no; `reason` is its word for why."""

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(f"{operation} refused: {reason}"[:200])
        self.reason = reason


class Standing(msgspec.Struct, frozen=True, gc=False):
    """How a number stands at the institution; `of` is the payment that it is of, where the institution knows one."""

    number: str
    state: str
    of: str | None = None


class Told(msgspec.Struct, frozen=True, gc=False):
    """A movement as the institution tells it. Nothing of it is believed to fit a contract."""

    movement_id: str
    kind: str
    currency: str
    amount_minor: int
    moved_at: datetime
    payment_id: str | None = None
    receiver: str | None = None
    reference: str | None = None
    reverses: str | None = None


class Page(msgspec.Struct, frozen=True):
    """Movements in the order in which they happened; `next_cursor` leads behind the last of them."""

    movements: list[Told]
    next_cursor: str | None = None


class Binder(Protocol):
    """Where bank accounts are bound. Every call is known by its number, and may be repeated.

    Raises:
        NotSentError: any call that has no answer.

    """

    async def bind(self, account: str, binding: Binding, bank_account: str) -> Said:
        """Have a bank account bound."""

    async def verify(self, account: str, number: str, answer: str) -> Said:
        """Hand on what the merchant says it was sent."""

    async def bindings(self, account: str, numbers: Sequence[str]) -> Mapping[str, Said]:
        """Return how these bindings stand; one that the institution does not know is left out."""


class Source(Binder, Protocol):
    """One institution. Every call only asks.

    Raises:
        NotSentError: any call that has no answer; ask again.

    """

    async def standings(self, account: str, numbers: Sequence[str]) -> Mapping[str, Standing]:
        """Return how these numbers stand; one that the institution does not know is left out."""

    async def paid(self, account: str, payment_ids: Sequence[str]) -> frozenset[str]:
        """Return those of these payments that the institution has got."""

    async def movements(self, account: str, cursor: str, count: int) -> Page:
        """Return what happened behind a cursor; an empty one is the beginning."""

    async def close(self) -> None:
        """Let go of every connection."""


class _Standings(msgspec.Struct, frozen=True):
    transfers: list[Standing]


class _Payment(msgspec.Struct, frozen=True, gc=False):
    payment_id: str
    state: Literal["succeeded", "not_found"]


class _Payments(msgspec.Struct, frozen=True):
    payments: list[_Payment]


class _Bound(msgspec.Struct, frozen=True):
    number: str
    state: Literal["verifying", "succeeded", "failed", "not_found"]
    reason: str | None = None
    token: str | None = None


class _AllBound(msgspec.Struct, frozen=True):
    bindings: list[_Bound]


class _Refused(msgspec.Struct, frozen=True):
    reason: str


class SandboxSource:
    """The sandbox institution's API."""

    def __init__(self, url: str, timeout_s: float, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`timeout_s` is how long an answer may take before it counts as missing."""
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX, keepalive_expiry=KEEPALIVE_S),
            transport=transport,
        )

    async def standings(self, account: str, numbers: Sequence[str]) -> Mapping[str, Standing]:
        """Return how these numbers stand."""
        answer = await self._ask("POST", account, "transfers/query", _Standings, body={"numbers": numbers})
        return {it.number: it for it in answer.transfers if it.state != "not_found"}

    async def paid(self, account: str, payment_ids: Sequence[str]) -> frozenset[str]:
        """Return those of these payments that the institution has got."""
        answer = await self._ask("POST", account, "payments/query", _Payments, body={"payment_ids": payment_ids})
        return frozenset(it.payment_id for it in answer.payments if it.state == "succeeded")

    async def movements(self, account: str, cursor: str, count: int) -> Page:
        """Return what happened behind a cursor."""
        parameters = {"limit": str(count)} | ({"cursor": cursor} if cursor else {})
        return await self._ask("GET", account, "movements", Page, parameters=parameters)

    async def bind(self, account: str, binding: Binding, bank_account: str) -> Said:
        """Have a bank account bound."""
        body = {
            "number": binding.number,
            "merchant": binding.merchant,
            "name": binding.name,
            "bank_account": bank_account,
            "method": binding.method,
        }
        return await self._bound(account, "bindings", body)

    async def verify(self, account: str, number: str, answer: str) -> Said:
        """Hand on what the merchant says it was sent."""
        return await self._bound(account, f"bindings/{number}/verify", {"answer": answer})

    async def bindings(self, account: str, numbers: Sequence[str]) -> Mapping[str, Said]:
        """Return how these bindings stand."""
        answer = await self._ask("POST", account, "bindings/query", _AllBound, body={"numbers": numbers})
        return {it.number: _said(it) for it in answer.bindings if it.state != "not_found"}

    async def _bound(self, account: str, operation: str, body: Mapping[str, Any]) -> Said:
        try:
            return _said(await self._ask("POST", account, operation, _Bound, body=body))
        except _RefusedError as error:
            return Said("failed", error.reason)

    async def close(self) -> None:
        """Let go of every connection."""
        await self._client.aclose()

    async def _ask[A](
        self,
        method: str,
        account: str,
        operation: str,
        answer: type[A],
        *,
        body: Mapping[str, Any] | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> A:
        path = f"/v1/accounts/{quote(account, safe='')}/{operation}"
        try:
            response = await self._client.request(
                method,
                path,
                content=None if body is None else msgspec.json.encode(body),
                params=parameters,
                headers={"content-type": "application/json"},
            )
            if response.status_code in REFUSED:
                raise _RefusedError(operation, msgspec.json.decode(response.content, type=_Refused).reason)
            if response.status_code != FOUND:
                message = f"{operation} answered {response.status_code}"
                raise NotSentError(message)
            return msgspec.json.decode(response.content, type=answer)
        except (httpx.HTTPError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise NotSentError(repr(error)[:300]) from error


def _said(it: _Bound) -> Said:
    assert it.state != "not_found"  # noqa: S101 - left out by who asks
    return Said(it.state, it.reason, it.token)
