"""How faults are stored: one document per account, so that they survive a restart and `remaining` is counted once."""

import msgspec

from sandbox.domain.faults import NORMAL, Faults, Operation
from sandbox.store.connection import Database


class FaultSwitches:
    """The switches of all accounts. Which accounts have one is also kept in memory: the rest pay nothing for it."""

    def __init__(self, database: Database) -> None:
        self._faults = database.faults
        self._accounts: set[str] = set()

    async def prepare(self) -> None:
        """Remember which accounts have faults."""
        self._accounts = {document["_id"] async for document in self._faults.find({}, {"_id": 1})}

    async def switch(self, account: str, faults: Faults) -> None:
        """Replace the faults of an account."""
        setting = msgspec.json.encode(faults).decode()
        await self._faults.replace_one(
            {"_id": account}, {"setting": setting, "remaining": faults.remaining}, upsert=True
        )
        self._accounts.add(account)

    async def remove(self, account: str) -> None:
        """Let the account be normal."""
        await self._faults.delete_one({"_id": account})
        self._accounts.discard(account)

    async def show(self, account: str) -> Faults:
        """Return the faults of an account as they stand now."""
        document = await self._faults.find_one({"_id": account})
        if document is None:
            return NORMAL
        faults = msgspec.json.decode(document["setting"], type=Faults)
        return msgspec.structs.replace(faults, remaining=document["remaining"])

    async def take(self, account: str, operation: Operation) -> Faults:
        """Return what hits this request, and count it."""
        if account not in self._accounts:
            return NORMAL
        faults = await self.show(account)
        if not faults.hits(operation):
            return NORMAL
        if faults.remaining is not None:
            counted = await self._faults.update_one(
                {"_id": account, "remaining": {"$gt": 0}}, {"$inc": {"remaining": -1}}
            )
            if not counted.modified_count:
                return NORMAL  # another request took the last one
        return faults
