"""When to ask an institution again about what is not final (money.md 3.1)."""

from datetime import datetime, timedelta
from typing import Final

ASK_AGAIN_S: Final = (5, 30, 300, 3_600, 86_400)
"""After the first, second, … ask without a final answer; then daily, for ever: unknown never becomes failed by age."""

FUNDS_S_MAX: Final = 60
"""How long a payout may go on waiting once its funds are there: nobody tells Weir that somebody has put them in."""

HAND_OVER_S: Final = 30
"""How long a lane may have what it was handed before a sweep takes it for left behind by a crash."""


def ask_at(asks: int, now: datetime) -> datetime:
    """Return when to ask again after `asks` asks (at least one)."""
    return now + timedelta(seconds=ASK_AGAIN_S[min(asks, len(ASK_AGAIN_S)) - 1])


def funds_at(asks: int, now: datetime) -> datetime:
    """Return when to try again whether there are funds, after `asks` asks (at least one)."""
    return min(ask_at(asks, now), now + timedelta(seconds=FUNDS_S_MAX))


def left_behind_at(now: datetime) -> datetime:
    """Return when something handed to a lane now counts as left behind."""
    return now + timedelta(seconds=HAND_OVER_S)
