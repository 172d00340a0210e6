"""What is parked, and asking for its release."""

from datetime import UTC, datetime

from ops.parks import RELEASES, ask_release, listed
from ops.stores import SERVICES, Stores

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 2, tzinfo=UTC)


async def park(stores: Stores, service: str, order: str, **more: object) -> None:
    document = {"_id": order, "count": 2, "reason": "leg_unknown", "since": SINCE}
    await stores.of(service).parks.insert_one(document | more)


async def test_parks_are_listed_by_service_with_their_state(stores: Stores) -> None:
    await park(stores, "split", "demo-x/a")
    await park(stores, "payments", "demo-x/b", release={"requested_at": NOW})
    await park(stores, "split", "demo-x/c", failed="KeyError()")
    found = [it async for it in listed(stores, SERVICES)]
    assert [(it["service"], it["order"], it["records"], it["state"]) for it in found] == [
        ("payments", "demo-x/b", 2, "release asked"),
        ("split", "demo-x/a", 2, "parked"),
        ("split", "demo-x/c", 2, "release failed: KeyError()"),
    ]


async def test_a_release_is_asked_of_the_service_and_remembered(stores: Stores) -> None:
    await park(stores, "split", "demo-x/a", failed="KeyError()")
    asked = await ask_release(stores, SERVICES, "demo-x/a", actor="ann", reason="mended", now=NOW)
    assert asked == ["split"]
    parked = await stores.split.parks.find_one({"_id": "demo-x/a"})
    assert parked is not None
    assert parked["release"] == {"requested_at": NOW, "actor": "ann", "reason": "mended"}
    assert "failed" not in parked
    noted = await stores.ops[RELEASES].find_one({}, {"_id": 0})
    assert noted == {"service": "split", "order": "demo-x/a", **parked["release"]}


async def test_what_is_not_parked_cannot_be_released(stores: Stores) -> None:
    assert await ask_release(stores, SERVICES, "demo-x/a", actor="ann", reason="mended", now=NOW) == []
    assert await stores.ops[RELEASES].count_documents({}) == 0
