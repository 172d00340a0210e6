"""Lets the driver use sessions on a connection that was opened while a member of the replica set was being elected.

PyMongo notes at a connection's opening whether it takes sessions, and says no while the member can neither be read nor
written. It never asks again: each use of that connection then fails with ConfigurationError, for as long as it lives.
The specification of drivers goes by `logicalSessionTimeoutMinutes` alone, and so does this. The only module that
replaces a part of PyMongo; tests/shared/test_handshake.py watches it.
"""

from typing import Any

from pymongo.synchronous.pool import Connection


def install() -> None:
    """Let every connection of this process judge by what the server says of sessions, not by its state at the time."""
    Connection.supports_sessions = property(_takes_sessions, _ignore)  # type: ignore[assignment]


def _takes_sessions(connection: Any) -> bool:  # noqa: ANN401 - the driver's own type
    return getattr(connection, "logical_session_timeout_minutes", None) is not None


def _ignore(_: Any, __: bool) -> None:  # noqa: ANN401, FBT001 - as the driver sets it
    """Forget what the driver concluded from the state."""
