"""One request to WeChat Pay: signed, its answer verified, and told apart from what was not sent and not answered."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import httpx
import msgspec

from payments.channels.port import NotSentError, UnansweredError
from payments.channels.sending import CONNECT_TIMEOUT_S, answered
from payments.channels.wechat.credentials import CredentialsError, Wallet
from payments.channels.wechat.signing import SignatureError, authorization, verify

URL: Final = "https://api.mch.weixin.qq.com"
CONNECTIONS_MAX: Final = 128
KEEPALIVE_S: Final = 5.0
SERVER_ERROR: Final = 500
DENIED: Final = 401


class Reply(NamedTuple):
    """A verified answer. `code` is WeChat's own word where the status is no success."""

    status: int
    body: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        """Whether the request was taken."""
        return httpx.codes.is_success(self.status)

    @property
    def code(self) -> str:
        """The word for why not, such as NOT_ENOUGH."""
        return str(self.body.get("code") or f"HTTP_{self.status}")


class Client:
    """WeChat Pay's API for every merchant number of a wallet."""

    def __init__(
        self, wallet: Wallet, timeout_s: float, url: str = URL, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """`timeout_s` is how long an answer may take before it counts as missing."""
        self._wallet = wallet
        self._http = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX, keepalive_expiry=KEEPALIVE_S),
            transport=transport,
        )

    def appid(self, mchid: str) -> str:
        """Return the application that a merchant number is bound to.

        Raises:
            NotSentError: it has no credentials.

        """
        try:
            return self._wallet.of(mchid).appid
        except CredentialsError as error:
            raise NotSentError(str(error)) from error

    async def get(self, mchid: str, path: str, query: Mapping[str, str] | None = None) -> Reply:
        """Ask for something.

        Raises:
            NotSentError, UnansweredError: as the port says.

        """
        return await self._ask(mchid, "GET", f"{path}?{urlencode(query)}" if query else path, b"")

    async def post(self, mchid: str, path: str, body: Mapping[str, Any]) -> Reply:
        """Have something done.

        Raises:
            NotSentError, UnansweredError: as the port says.

        """
        return await self._ask(mchid, "POST", path, msgspec.json.encode(body))

    async def close(self) -> None:
        """Let go of every connection."""
        await self._http.aclose()

    async def download(self, mchid: str, url: str) -> bytes:
        """Return a file that an answer has named. Its content is not signed: whoever asked compares its hash.

        Raises:
            NotSentError: it is not to be had; asking again changes nothing.

        """
        parsed = httpx.URL(url)
        target = parsed.raw_path.decode()
        try:
            keys = self._wallet.of(mchid)
            signed = authorization(keys, "GET", target, b"")
            response = await self._http.get(target, headers={"authorization": signed, "accept": "*/*"})
            response.raise_for_status()
        except (CredentialsError, httpx.HTTPError) as error:
            raise NotSentError(repr(error)) from error
        return response.content

    async def _ask(self, mchid: str, method: str, target: str, content: bytes) -> Reply:
        try:
            keys = self._wallet.of(mchid)
        except CredentialsError as error:
            raise NotSentError(str(error)) from error
        headers = {
            "authorization": authorization(keys, method, target, content),
            "accept": "application/json",
            "content-type": "application/json",
            "wechatpay-serial": keys.platform_id,
        }
        response = await answered(self._http.request(method, target, content=content, headers=headers), target)
        if response.status_code == DENIED:  # a key of ours is wrong (SIGN_ERROR): nothing was done, and people mend it
            message = f"{target} answered {DENIED}"
            raise NotSentError(message)
        if response.status_code >= SERVER_ERROR:  # SYSTEM_ERROR: "call again with the same number"
            message = f"{target} answered {response.status_code}"
            raise UnansweredError(message)
        try:
            verify(keys, response.headers, response.content)
            body = msgspec.json.decode(response.content or b"{}", type=dict[str, Any])
        except (SignatureError, msgspec.DecodeError) as error:
            # Whoever said that was not WeChat Pay, or it was changed on its way: what was done nobody has said.
            message = f"{target} answered {response.status_code}, and {error}"
            raise UnansweredError(message) from error
        return Reply(response.status_code, body)
