"""What the services have parked, and an operator's request to release it. The release itself is the service's work."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

from ops.stores import Stores
from shared.parking import PARKS

RELEASES: Final = "releases"


async def listed(stores: Stores, services: Sequence[str]) -> AsyncIterator[dict[str, Any]]:
    """Go through the parks, service by service, the oldest first."""
    for service in services:
        async for park in stores.of(service)[PARKS].find().sort("since", 1):
            yield {
                "service": service,
                "order": park["_id"],
                "records": park["count"],
                "since": park.get("since"),
                "reason": park.get("reason"),
                "state": _state(park),
            }


def _state(park: dict[str, Any]) -> str:
    if "release" in park:
        return "release asked"
    return f"release failed: {park['failed']}" if "failed" in park else "parked"


async def ask_release(
    stores: Stores, services: Sequence[str], order: str, *, actor: str, reason: str, now: datetime
) -> list[str]:
    """Ask the services that parked this order to replay it; return which.

    A park ends with its release, so who asked, and why, is kept apart from it.
    """
    request = {"requested_at": now, "actor": actor, "reason": reason}
    change = {"$set": {"release": request}, "$unset": {"failed": ""}}
    asked = []
    for service in services:
        result = await stores.of(service)[PARKS].update_one({"_id": order}, change)
        if result.matched_count:
            asked.append(service)
            await stores.ops[RELEASES].insert_one({"service": service, "order": order, **request})
    return asked
