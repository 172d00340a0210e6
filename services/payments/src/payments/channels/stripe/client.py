"""One request to Stripe: under its idempotency key, and told apart from what was not sent and not answered."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import httpx
import msgspec

from payments.channels.port import NotSentError, UnansweredError
from payments.channels.sending import CONNECT_TIMEOUT_S, answered
from payments.channels.stripe.keys import StripeKeys, StripeKeysError

URL: Final = "https://api.stripe.com"
VERSION: Final = "2025-03-31.basil"
"""Of the API, stated with every request: another would change the fields that are read here."""
CONNECTIONS_MAX: Final = 128
KEEPALIVE_S: Final = 5.0
CONFLICT: Final = 409
DENIED: Final = frozenset({401, 403})
SERVER_ERROR: Final = 500


class Reply(NamedTuple):
    """An answer; `code` is Stripe's own word where the status is no success."""

    status: int
    body: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return httpx.codes.is_success(self.status)

    @property
    def code(self) -> str:
        """The word for why not, such as balance_insufficient."""
        error = self.body.get("error")
        said = error if isinstance(error, Mapping) else {}
        return str(said.get("code") or said.get("type") or f"http_{self.status}")


class Client:
    """Stripe's API for every account that has a key."""

    def __init__(
        self, keys: StripeKeys, timeout_s: float, url: str = URL, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """`timeout_s` is how long an answer may take before it counts as missing."""
        self._keys = keys
        self._http = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX, keepalive_expiry=KEEPALIVE_S),
            transport=transport,
        )

    async def get(self, account: str, path: str, query: Mapping[str, str] | None = None) -> Reply:
        """Ask for something.

        Raises:
            NotSentError, UnansweredError: as the port says.

        """
        return await self._ask(account, "GET", path, query=query)

    async def post(self, account: str, path: str, form: Mapping[str, str], number: str) -> Reply:
        """Have something done once, by its number.

        Raises:
            NotSentError, UnansweredError: as the port says.

        """
        return await self._ask(account, "POST", path, form=form, number=number)

    async def close(self) -> None:
        """Let go of every connection."""
        await self._http.aclose()

    async def _ask(
        self,
        account: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        number: str = "",
    ) -> Reply:
        try:
            headers = {"authorization": self._keys.authorization(account), "stripe-version": VERSION}
        except StripeKeysError as error:
            raise NotSentError(str(error)) from error
        headers |= {"idempotency-key": number} if number else {}
        request = self._http.request(method, path, params=query, data=form, headers=headers)
        response = await answered(request, path)
        message = f"{path} answered {response.status_code}"
        if response.status_code in DENIED:  # a key of ours is wrong: nothing was done, and people mend it
            raise NotSentError(message)
        if response.status_code >= SERVER_ERROR or response.status_code == CONFLICT:
            # 409: another request with this key is under way.
            raise UnansweredError(message)
        try:
            body = msgspec.json.decode(response.content or b"{}", type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise UnansweredError(message) from error
        return Reply(response.status_code, body)
