"""How old the oldest of everything unfinished is, from indexes alone. For gauges; nothing is decided by it."""

from datetime import datetime
from typing import Final, NamedTuple

from payments.store.handovers import HandOvers
from payments.store.orders import WAITING
from payments.store.refunds import REFUNDS
from shared.mongo import Database, Document

PROVING: Final = {"sending": "proving", "unverified": "unverified"}
"""The state of a waiting order, as the gauge calls it: `sending` is a payout's word there."""


UNDER_WAY: Final = {"prove": "proving", "pay": "sending", "refund": "refund_sending"}


class Waiting(NamedTuple):
    """What waits for an institution: through which profile, and for what."""

    channel: str
    state: str


class Ages:
    """The oldest of what is unfinished."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self) -> dict[Waiting, datetime]:
        """Return since when the oldest of each kind waits, by the time at which it came."""
        orders = await self._oldest("orders", "state", "received_at")
        payouts = await self._oldest("payouts", "waits", "created_at")
        refunds = await self._oldest(REFUNDS, "waits", "created_at")
        waiting = {Waiting(it.channel, PROVING.get(it.state, it.state)): at for it, at in orders.items()} | payouts
        waiting |= {Waiting(it.channel, f"refund_{it.state}"): at for it, at in refunds.items()}
        for it in await HandOvers(self._database).oldest():
            kind = Waiting(it.profile, UNDER_WAY[it.operation])
            waiting[kind] = min(it.since, waiting.get(kind, it.since))
        return waiting

    async def _oldest(self, collection: str, state: str, since: str) -> dict[Waiting, datetime]:
        stages: list[Document] = [
            {"$match": WAITING},
            {"$group": {"_id": {"channel": "$channel_profile", "state": f"${state}"}, "oldest": {"$min": f"${since}"}}},
        ]
        found = await self._database[collection].aggregate(stages).to_list(None)
        return {Waiting(it["_id"]["channel"], it["_id"]["state"]): it["oldest"] for it in found}
