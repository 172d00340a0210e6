"""Use cases: load, decide, record, in one transaction a request. What is right is decided in the domain."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sandbox.domain import payments, transfers
from sandbox.domain.faults import Faults
from sandbox.domain.payments import Fund, Payment, PaymentAnswer, PaymentFound
from sandbox.domain.transfers import Record, Transfer, TransferAnswer, TransferFound
from sandbox.store import books
from sandbox.store.connection import Connection, Session


class Handlers:
    """What the institution does for its customers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def take_payments(self, account: str, batch: Sequence[Payment]) -> list[PaymentAnswer]:
        """Take buyers' payments."""
        return await self._connection.transact(_take_payments, account, batch)

    async def find_payments(self, account: str, payment_ids: Sequence[str]) -> list[PaymentFound]:
        """Tell what is known of these payments, in the order asked."""
        known = await self._connection.read(books.payments, account, payment_ids)
        return [payments.found(payment_id, known.get(payment_id)) for payment_id in payment_ids]

    async def take_fund(self, account: str, fund: Fund) -> bool:
        """Take a deposit; tell whether its number was free or meant the same."""
        return await self._connection.transact(_take_fund, account, fund)

    async def execute(self, account: str, batch: Sequence[Transfer], faults: Faults) -> list[TransferAnswer]:
        """Execute transfers in order."""
        return await self._connection.transact(_execute, account, batch, faults)

    async def find_transfers(self, account: str, numbers: Sequence[str], faults: Faults) -> list[TransferFound]:
        """Tell what is known of these transfers, in the order asked; asking concludes an accepted one."""
        known = await self._connection.read(books.transfers, account, numbers)
        accepted = [number for number, record in known.items() if record.state == "accepted"]
        if accepted:
            known |= await self._connection.transact(_conclude, account, accepted, faults)
        return [transfers.found(number, known.get(number)) for number in numbers]

    async def give_back(self, account: str, numbers: Sequence[str], reason: str) -> list[TransferFound]:
        """Have receivers' banks return these payouts, as far as they succeeded; tell how each stands, in the order."""
        known = await self._connection.transact(_give_back, account, numbers, reason)
        return [transfers.found(number, known.get(number)) for number in numbers]


def _take_payments(session: Session, account: str, batch: Sequence[Payment]) -> list[PaymentAnswer]:
    known = books.payments(session, account, (payment.payment_id for payment in batch))
    answers, change = payments.take_payments(batch, known)
    books.add_payments(session, account, change, _now())
    return answers


def _take_fund(session: Session, account: str, fund: Fund) -> bool:
    change = payments.take_fund(fund, books.fund(session, account, fund.fund_id))
    if change is None:
        return False
    books.add_funds(session, account, change, _now())
    return True


def _execute(session: Session, account: str, batch: Sequence[Transfer], faults: Faults) -> list[TransferAnswer]:
    known = books.transfers(session, account, (transfer.number for transfer in batch))
    balances = books.balances(session, account, {transfer.source for transfer in batch})
    now = _now()
    answers, change = transfers.execute(batch, known, balances, faults, now)
    books.add_transfers(session, account, change, now)
    return answers


def _conclude(session: Session, account: str, numbers: Sequence[str], faults: Faults) -> dict[str, Record]:
    known = books.transfers(session, account, numbers)
    now = _now()
    change = transfers.conclude((record for record in known.values() if record.state == "accepted"), faults, now)
    books.conclude_transfers(session, account, change, now)
    return known | {record.transfer.number: record for record in change.records}


def _give_back(session: Session, account: str, numbers: Sequence[str], reason: str) -> dict[str, Record]:
    known = books.transfers(session, account, numbers)
    change = transfers.give_back(known.values(), reason)
    books.return_transfers(session, account, change, _now())
    return known | {record.transfer.number: record for record in change.records}


def _now() -> datetime:
    """Return the time as the store keeps it, so that a repeated answer is the same answer."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
