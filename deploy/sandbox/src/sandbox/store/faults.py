"""How faults are stored: one row per account, so that they survive a restart and `remaining` is counted once."""

from collections.abc import Sequence

import msgspec

from sandbox.domain.faults import NORMAL, Faults, Operation
from sandbox.domain.transfers import Transfer
from sandbox.store.connection import Connection, Session


class FaultSwitches:
    """The switches of all accounts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def switch(self, account: str, faults: Faults) -> None:
        """Replace the faults of an account."""
        await self._connection.transact(_switch, account, faults)

    async def remove(self, account: str) -> None:
        """Let the account be normal."""
        await self._connection.transact(_remove, account)

    async def show(self, account: str) -> Faults:
        """Return the faults of an account as they stand now."""
        return await self._connection.read(switched, account)

    async def take(self, account: str, operation: Operation, transfers: Sequence[Transfer] = ()) -> Faults:
        """Return what hits this request, and count it."""
        faults = await self.show(account)
        if not faults.hits(operation, transfers):
            return NORMAL
        if faults.remaining is not None:
            faults = await self._connection.transact(_count, account, operation, transfers)
        return faults.of_request(operation)


def _switch(session: Session, account: str, faults: Faults) -> None:
    setting = msgspec.json.encode(faults).decode()
    session.execute("INSERT OR REPLACE INTO faults VALUES (?, ?, ?)", (account, setting, faults.remaining))


def _remove(session: Session, account: str) -> None:
    session.execute("DELETE FROM faults WHERE account = ?", (account,))


def switched(session: Session, account: str) -> Faults:
    """Return the faults of an account as they stand now."""
    row = session.execute("SELECT setting, remaining FROM faults WHERE account = ?", (account,)).fetchone()
    if row is None:
        return NORMAL
    setting, remaining = row
    return msgspec.structs.replace(msgspec.json.decode(setting, type=Faults), remaining=remaining)


def _count(session: Session, account: str, operation: Operation, transfers: Sequence[Transfer]) -> Faults:
    faults = switched(session, account)
    if not faults.hits(operation, transfers):
        return NORMAL  # another request took the last one
    session.execute("UPDATE faults SET remaining = remaining - 1 WHERE account = ?", (account,))
    return faults
