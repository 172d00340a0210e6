"""Payout-settled: what was paid, or came back, goes onto the statements of those who were paid."""

from merchant.domain.statements import Settlement, settlement, unexplained
from merchant.store.statements import Stated, Statements
from shared.messages import PayoutSettled
from shared.record import Batch
from shared.work import Work


class StatementHandlers:
    """What merchant does with settled payouts."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    async def keep_entries(self, batch: Batch[PayoutSettled], work: Work) -> None:
        """Keep an entry for each leg that was paid or came back; a revision that repeats one makes nothing twice."""
        settlements: list[Settlement] = []
        for received in batch:
            found = settlement(received.event)
            if found is None:
                continue
            wrong = unexplained(found.entries)
            if wrong is None:
                settlements.append(found)
            else:
                work.reject(received, "contract", f"breakdown_mismatch: leg {wrong.leg_id} is not the sum of its lines")
        if not settlements:
            return
        stated = await self._statements.stated({found.key for found in settlements}, work.session)
        for found in settlements:
            known = stated.get(found.key, Stated())
            new = found.unstated(known.entries)
            if new:
                self._statements.record(work, found, new, known.documents)
                entries = known.entries.union(entry.identity for entry in new)
                stated[found.key] = Stated(entries, known.documents + 1)
