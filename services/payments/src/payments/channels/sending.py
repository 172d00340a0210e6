"""What a request over HTTP came to: not sent, not answered, asked too often, or an answer. The one place that tells."""

import math
from collections.abc import Awaitable
from typing import Final

import httpx

from payments.channels.port import NotSentError, RateLimitedError, UnansweredError

CONNECT_TIMEOUT_S: Final = 2.0
TOO_MANY: Final = 429
RETRY_AFTER_S: Final = 1.0
RETRY_AFTER_S_MAX: Final = 60.0


async def answered(request: Awaitable[httpx.Response], what: str) -> httpx.Response:
    """Return the answer to a request, whatever it says but 429. `what` names it in errors.

    Raises:
        NotSentError: there was no connection, so that nothing was carried out.
        RateLimitedError: nothing was, because it was asked too often.
        UnansweredError: the request went out, and no answer came back.

    """
    try:
        response = await request
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise NotSentError(repr(error)) from error
    except httpx.TransportError as error:
        raise UnansweredError(repr(error)) from error
    if response.status_code == TOO_MANY:
        message = f"{what} answered {TOO_MANY}: asked too often"
        raise RateLimitedError(message, _retry_after_s(response))
    return response


def _retry_after_s(response: httpx.Response) -> float:
    """Return the seconds that an institution asks for; one where it does not say, or in words."""
    try:
        said = float(response.headers.get("retry-after", RETRY_AFTER_S))
    except ValueError:
        return RETRY_AFTER_S
    return min(max(said, 0.0), RETRY_AFTER_S_MAX) if math.isfinite(said) else RETRY_AFTER_S
