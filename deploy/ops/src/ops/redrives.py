"""What operators sent back from the dead letters: who, why, when. A letter itself stays on Kafka for ever."""

from datetime import datetime
from typing import Final

from ops.letters import Letter, redriven
from ops.stores import Stores
from shared.publisher import Publisher

REDRIVES: Final = "redrives"


async def done(stores: Stores) -> frozenset[str]:
    """Return the ids of the letters that were sent back."""
    return frozenset([it["_id"] async for it in stores.ops[REDRIVES].find({}, {"_id": 1})])


async def send_back(
    stores: Stores, publisher: Publisher, letter: Letter, *, actor: str, reason: str, now: datetime
) -> None:
    """Publish a letter to its original topic, then note it. Interrupted between the two, a repeat is harmless.

    Raises:
        PublishError: Kafka did not take it in time.

    """
    await publisher.publish([redriven(letter, actor, reason)])
    note = {"actor": actor, "reason": reason, "at": now}
    change = {"$push": {"times": note}, "$set": {"key": letter.order, "topic": letter.topic}}
    await stores.ops[REDRIVES].update_one({"_id": letter.id}, change, upsert=True)
