"""Makes sure that merchants and their agreements exist, through the merchant service. Decides no agreement."""

from collections.abc import Iterable
from itertools import batched
from typing import Final
from urllib.parse import quote

import httpx
import msgspec

from ops.institution import public
from ops.send.draft import MerchantDraft

MERCHANTS_PER_REQUEST: Final = 200
TIMEOUT_S: Final = 60.0


class MerchantError(Exception):
    """The merchant service cannot be reached, or refused a merchant; the message says which and why."""


async def ensure(url: str, drafts: Iterable[MerchantDraft], transport: httpx.AsyncBaseTransport | None = None) -> int:
    """Create merchants that are not there yet; the same merchant and agreement again change nothing. Return how many.

    Raises:
        MerchantError: one was refused, for example because it has another agreement already.

    """
    count = 0
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, transport=transport) as client:
        by_marketplace: dict[str, list[MerchantDraft]] = {}
        for draft in drafts:
            by_marketplace.setdefault(draft.marketplace, []).append(draft)
        for marketplace, wanted in by_marketplace.items():
            for batch in batched(wanted, MERCHANTS_PER_REQUEST):
                await _create(client, marketplace, batch)
                count += len(batch)
    return count


async def _create(client: httpx.AsyncClient, marketplace: str, batch: tuple[MerchantDraft, ...]) -> None:
    body = msgspec.json.encode({"merchants": [_request(draft) for draft in batch]})
    path = f"/v1/marketplaces/{quote(marketplace, safe='')}/merchants:batch"
    try:
        answer = await client.post(path, content=body, headers={"content-type": "application/json"})
    except httpx.HTTPError as error:
        message = f"the merchant service at {public(client.base_url)} does not answer: {error!r}"
        raise MerchantError(message) from error
    if not answer.is_success:
        message = f"the merchant service refused merchants with {answer.status_code}: {answer.text[:500]}"
        raise MerchantError(message)


def _request(draft: MerchantDraft) -> dict[str, object]:
    return {
        "merchant": draft.merchant,
        "name": draft.name,
        "kind": draft.kind,
        "agreement": msgspec.to_builtins(draft.agreement),
    }
