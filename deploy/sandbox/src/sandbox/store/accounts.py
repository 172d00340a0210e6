"""Which product an account was opened under. It never changes, so that each is read once and then known here."""

from typing import Final

from sandbox.domain.behaviours.about import DIRECT, profile_of
from sandbox.store.connection import Connection, Session
from shared.profiles import Profile

_USED: Final = "SELECT EXISTS (SELECT 1 FROM pockets WHERE account = ?)"


class Accounts:
    """The profiles of all accounts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[str, Profile] = {}

    async def open(self, account: str, name: str) -> Profile:
        """Open an account under a product; return the one that it is under, which may be another."""
        return self._remember(account, await self._connection.transact(_open, account, name))

    async def using(self, account: str) -> Profile:
        """Return the product of an account that is about to be used; one never opened is direct from now on."""
        return self._known.get(account) or await self.open(account, DIRECT)

    async def shown(self, account: str) -> Profile | None:
        """Return the product of an account; None: it was neither opened nor used."""
        if account in self._known:
            return self._known[account]
        name = await self._connection.read(_name, account)
        return None if name is None else self._remember(account, name)

    def _remember(self, account: str, name: str) -> Profile:
        profile = self._known[account] = profile_of(name)
        return profile


def _name(session: Session, account: str) -> str | None:
    row = session.execute("SELECT profile FROM accounts WHERE account = ?", (account,)).fetchone()
    if row is not None:
        return str(row[0])
    return DIRECT if session.execute(_USED, (account,)).fetchone()[0] else None


def _open(session: Session, account: str, name: str) -> str:
    opened = _name(session, account) or name
    session.execute("INSERT OR IGNORE INTO accounts VALUES (?, ?, NULL)", (account, opened))
    return opened
