"""Times as the file keeps them: milliseconds since 1970."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def ms_of(at: datetime) -> int:
    """Return a time as it is kept."""
    return (at - _EPOCH) // _MS


def time_of(ms: int) -> datetime:
    """Return a time that was kept."""
    return _EPOCH + ms * _MS
