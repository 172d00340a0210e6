"""Use cases: load, decide, record, in one transaction a request. What is right is decided in the domain."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sandbox.domain import payments, transfers
from sandbox.domain.faults import Faults
from sandbox.domain.payments import Fund, Payment, PaymentAnswer, PaymentFound
from sandbox.domain.transfers import Record, Transfer, TransferAnswer, TransferFound
from sandbox.store.books import Books
from sandbox.store.connection import Connection, Session


class Handlers:
    """What the institution does for its customers."""

    def __init__(self, connection: Connection, books: Books) -> None:
        self._connection = connection
        self._books = books

    async def take_payments(self, account: str, batch: Sequence[Payment]) -> list[PaymentAnswer]:
        """Take buyers' payments."""

        async def decide(session: Session) -> list[PaymentAnswer]:
            known = await self._books.payments(account, (payment.payment_id for payment in batch), session)
            answers, change = payments.take_payments(batch, known)
            await self._books.add_payments(account, change, _now(), session)
            return answers

        return await self._connection.transact(account, decide)

    async def find_payments(self, account: str, payment_ids: Sequence[str]) -> list[PaymentFound]:
        """Tell what is known of these payments, in the order asked."""
        known = await self._books.payments(account, payment_ids)
        return [payments.found(payment_id, known.get(payment_id)) for payment_id in payment_ids]

    async def take_fund(self, account: str, fund: Fund) -> bool:
        """Take a deposit; tell whether its number was free or meant the same."""

        async def decide(session: Session) -> bool:
            change = payments.take_fund(fund, await self._books.fund(account, fund.fund_id, session))
            if change is None:
                return False
            await self._books.add_funds(account, change, _now(), session)
            return True

        return await self._connection.transact(account, decide)

    async def execute(self, account: str, batch: Sequence[Transfer], faults: Faults) -> list[TransferAnswer]:
        """Execute transfers in order."""

        async def decide(session: Session) -> list[TransferAnswer]:
            known = await self._books.transfers(account, (transfer.number for transfer in batch), session)
            sources = {transfer.source for transfer in batch}
            balances = await self._books.balances(account, sources, session)
            now = _now()
            answers, change = transfers.execute(batch, known, balances, faults, now)
            await self._books.add_transfers(account, change, now, session)
            return answers

        return await self._connection.transact(account, decide)

    async def find_transfers(self, account: str, numbers: Sequence[str], faults: Faults) -> list[TransferFound]:
        """Tell what is known of these transfers, in the order asked; asking concludes an accepted one."""
        known = await self._books.transfers(account, numbers)
        accepted = [number for number, record in known.items() if record.state == "accepted"]
        if accepted:
            known |= await self._conclude(account, accepted, faults)
        return [transfers.found(number, known.get(number)) for number in numbers]

    async def _conclude(self, account: str, numbers: Sequence[str], faults: Faults) -> dict[str, Record]:
        async def decide(session: Session) -> dict[str, Record]:
            known = await self._books.transfers(account, numbers, session)
            now = _now()
            change = transfers.conclude(
                (record for record in known.values() if record.state == "accepted"), faults, now
            )
            await self._books.conclude_transfers(account, change, now, session)
            return known | {record.transfer.number: record for record in change.records}

        return await self._connection.transact(account, decide)


def _now() -> datetime:
    """Return the time as MongoDB keeps it, so that a repeated answer is the same answer."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
