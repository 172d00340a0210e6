"""What an institution says of a payout, leg by leg, for the tests of what follows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from tests.split.replica import Replica, settled

from shared.clock import move
from shared.messages import PayoutRequested, PayoutSettled


def told(
    payout: PayoutRequested,
    state: Any,  # noqa: ANN401 - a literal
    reason: str | None = None,
    *only: str,
    revision: int = 1,
) -> PayoutSettled:
    """Say that the legs of these receivers (none named: all) came to this state just now, and the others succeeded."""
    outcome = settled(payout, revision=revision)
    legs = tuple(
        msgspec.structs.replace(leg, state=state, reason=reason) if not only or leg.receiver in only else leg
        for leg in outcome.legs
    )
    return msgspec.structs.replace(outcome, legs=legs, settled_at=datetime.now(UTC))


async def later(replica: Replica, ahead: timedelta) -> int:
    """Set the clock so far ahead of the machine's in all, and do what is due; return how many orders changed."""
    await move(replica.database, ahead)
    await replica.clock.ask()
    return await replica.parts.deadlines.once()
