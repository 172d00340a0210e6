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

CONNECTIONS_MAX: Final = 16
CONNECT_TIMEOUT_S: Final = 2.0
KEEPALIVE_S: Final = 2.0
FOUND: Final = 200


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


class Source(Protocol):
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
            if response.status_code != FOUND:
                message = f"{operation} answered {response.status_code}: {response.text[:200]}"
                raise NotSentError(message)
            return msgspec.json.decode(response.content, type=answer)
        except (httpx.HTTPError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise NotSentError(repr(error)[:300]) from error
