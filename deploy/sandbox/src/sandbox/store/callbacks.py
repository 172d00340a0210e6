"""How callbacks are stored that wait to be sent: a restart loses none. Done ones are deleted."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from sandbox.domain.books import Part
from sandbox.store import faults
from sandbox.store.connection import Connection, Session
from sandbox.store.times import ms_of, time_of

CLAIMED_FOR: Final = timedelta(seconds=60)
"""Who has taken a callback to send it and dies is followed by another after that."""

_DUE: Final = (
    "SELECT c.id, c.account, c.event_id, c.type, c.data, c.created_ms, c.tries, a.profile, a.callback_url"
    " FROM callbacks c JOIN accounts a ON a.account = c.account WHERE c.due_ms <= ? ORDER BY c.due_ms LIMIT ?"
)

type Event = tuple[str, dict[str, Any]]
"""Type and data."""


class Waiting(Part, frozen=True, kw_only=True, gc=False):
    """A callback to send, and to whom."""

    id: int
    account: str
    event_id: str
    type: str
    data: str
    created_at: datetime
    tries: int
    profile: str
    url: str | None


class Callbacks:
    """Who wants to be called, by account, and what is to be told."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.urls: dict[str, str] = {}
        """Of the accounts that want to be called: read once, so that others cost nothing."""

    async def read(self) -> None:
        """Read who wants to be called."""
        self.urls.update(await self._connection.read(_urls))

    async def subscribe(self, account: str, url: str) -> None:
        """Call this account there from now on."""
        await self._connection.transact(_subscribe, account, url)
        self.urls[account] = url

    async def waiting(self, account: str) -> int:
        """Return how many callbacks of an account nobody has taken yet."""
        return await self._connection.read(_count, account)

    async def claim(self, now: datetime, limit: int) -> list[Waiting]:
        """Take what is due, the oldest first; nobody else sends it for a while."""
        due = await self._connection.read(_due, now, 1)
        return await self._connection.transact(_claim, now, limit) if due else []

    async def done(self, it: Waiting, again_at: datetime | None) -> None:
        """Note that a callback was taken or is given up, or when it is sent again."""
        await self._connection.transact(_done, it, again_at)

    def tell(self, session: Session, account: str, events: Iterable[Event], now: datetime) -> None:
        """Have events told, in the transaction that makes them."""
        if account not in self.urls:
            return
        due_ms = ms_of(now + timedelta(seconds=faults.switched(session, account).callback_delay_s))
        rows = [
            (account, uuid.uuid4().hex, kind, msgspec.json.encode(data).decode(), ms_of(now), due_ms)
            for kind, data in events
        ]
        session.executemany("INSERT INTO callbacks VALUES (NULL, ?, ?, ?, ?, ?, ?, 0)", rows)


def _urls(session: Session) -> dict[str, str]:
    asked = "SELECT account, callback_url FROM accounts WHERE callback_url IS NOT NULL"
    return dict(session.execute(asked).fetchall())


def _subscribe(session: Session, account: str, url: str) -> None:
    session.execute("UPDATE accounts SET callback_url = ? WHERE account = ?", (url, account))


def _count(session: Session, account: str) -> int:
    count: int = session.execute("SELECT count(*) FROM callbacks WHERE account = ?", (account,)).fetchone()[0]
    return count


def _due(session: Session, now: datetime, limit: int) -> list[Waiting]:
    return [_waiting(*row) for row in session.execute(_DUE, (ms_of(now), limit)).fetchall()]


def _claim(session: Session, now: datetime, limit: int) -> list[Waiting]:
    found = _due(session, now, limit)
    until_ms = ms_of(now + CLAIMED_FOR)
    session.executemany("UPDATE callbacks SET due_ms = ? WHERE id = ?", ((until_ms, it.id) for it in found))
    return found


def _done(session: Session, it: Waiting, again_at: datetime | None) -> None:
    if again_at is None:
        session.execute("DELETE FROM callbacks WHERE id = ?", (it.id,))
    else:
        session.execute("UPDATE callbacks SET due_ms = ?, tries = tries + 1 WHERE id = ?", (ms_of(again_at), it.id))


def _waiting(  # noqa: PLR0913, PLR0917 - a row
    place: int,
    account: str,
    event_id: str,
    kind: str,
    data: str,
    created_ms: int,
    tries: int,
    profile: str,
    url: str | None,
) -> Waiting:
    return Waiting(
        id=place,
        account=account,
        event_id=event_id,
        type=kind,
        data=data,
        created_at=time_of(created_ms),
        tries=tries,
        profile=profile,
        url=url,
    )
