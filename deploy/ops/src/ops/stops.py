"""Pausing payouts, letting them go on, and what waits for an operator, through split's HTTP API. Decides nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, Self
from urllib.parse import quote

import httpx

from ops.institution import public

TIMEOUT_S: Final = 30.0

type Json = dict[str, Any]


class SplitError(Exception):
    """Split cannot be reached; the message says what did not answer."""


class RefusedError(Exception):
    """Split refused it; the message is its reason and its sentence."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is paused or resumed: a marketplace, or in it one channel account or one merchant."""

    scope: Literal["marketplace", "channel", "merchant"] = "marketplace"
    subject: str | None = None

    @classmethod
    def of(cls, channel: str | None, merchant: str | None) -> Self | None:
        """Return what is named; None where both are."""
        if channel is not None and merchant is not None:
            return None
        if channel is not None:
            return cls("channel", channel)
        return cls() if merchant is None else cls("merchant", merchant)

    def body(self) -> Json:
        """Return it as a request names it."""
        return {"scope": self.scope} | ({"subject": self.subject} if self.subject is not None else {})

    def __str__(self) -> str:
        """Return it as people read it."""
        return self.scope if self.subject is None else f"{self.scope} {self.subject}"


class Split:
    """Split's routes of one marketplace."""

    def __init__(self, client: httpx.AsyncClient, marketplace: str) -> None:
        """Use `opened` to make one."""
        self._client = client
        self._path = f"/v1/marketplaces/{quote(marketplace, safe='')}"

    async def change(self, verb: Literal["pause", "resume"], target: Target, who: Json, key: str) -> Json:
        """Pause or resume; `who` is actor and reason.

        Raises:
            SplitError, RefusedError: it did not answer, or said no.

        """
        body = target.body() | who
        return await self._asked("POST", f"payouts/{verb}", json=body, headers={"idempotency-key": key})

    async def all(self, listing: str, **query: str) -> AsyncIterator[Json]:
        """Go through all pages of a listing.

        Raises:
            SplitError, RefusedError: it did not answer, or said no.

        """
        cursor: str | None = None
        while True:
            page = await self._asked("GET", listing, params=query if cursor is None else query | {"cursor": cursor})
            for item in page["items"]:
                yield item
            cursor = page["next_cursor"]
            if cursor is None:
                return

    async def _asked(self, method: str, path: str, **request: Any) -> Json:  # noqa: ANN401 - httpx's arguments
        try:
            answer = await self._client.request(method, f"{self._path}/{path}", **request)
        except httpx.HTTPError as error:
            message = f"split at {public(self._client.base_url)} does not answer: {error!r}"
            raise SplitError(message) from error
        if answer.is_client_error:
            problem = answer.json()
            message = f"{problem['reason']}: {problem['detail']}"
            raise RefusedError(message)
        if not answer.is_success:
            message = f"split at {public(self._client.base_url)} answered {answer.status_code}: {answer.text[:300]}"
            raise SplitError(message)
        return dict(answer.json())


@asynccontextmanager
async def opened(url: str, marketplace: str, transport: httpx.AsyncBaseTransport | None = None) -> AsyncIterator[Split]:
    """Give split's routes of a marketplace."""
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, transport=transport) as client:
        yield Split(client, marketplace)
