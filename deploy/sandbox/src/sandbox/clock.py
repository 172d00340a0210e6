"""The institution's clock. In tests it may be set ahead, and stays so over a restart; nothing else tells the time."""

from datetime import UTC, datetime, timedelta

from sandbox.store.connection import Connection, Session


class Clock:
    """The time, to the millisecond that the store keeps, so that a repeated answer is the same answer."""

    def __init__(self) -> None:
        self.ahead_s = 0

    def now(self) -> datetime:
        """Return the time."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000) + timedelta(seconds=self.ahead_s)

    async def set_ahead(self, connection: Connection, ahead_s: int) -> None:
        """Go ahead of the real time by so much from now on."""
        await connection.transact(_keep, ahead_s)
        self.ahead_s = ahead_s

    async def read(self, connection: Connection) -> None:
        """Go on as the file says."""
        self.ahead_s = await connection.read(_kept)


def _keep(session: Session, ahead_s: int) -> None:
    session.execute("INSERT OR REPLACE INTO clock VALUES (1, ?)", (ahead_s,))


def _kept(session: Session) -> int:
    row = session.execute("SELECT ahead_s FROM clock").fetchone()
    return 0 if row is None else int(row[0])
