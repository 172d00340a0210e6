"""Use cases: load, decide, record, in one transaction a request. What is right is decided in the domain."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sandbox.domain import execution, payments, transfers
from sandbox.domain.execution import NOTHING, About
from sandbox.domain.faults import Faults
from sandbox.domain.payments import Fund, Payment, PaymentAnswer, PaymentFound
from sandbox.domain.transfers import Record, Transfer, TransferAnswer, TransferFound
from sandbox.store import books
from sandbox.store import faults as switches
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
        """Have banks return these payouts and refunds, as far as they succeeded; tell how each stands, in the order."""
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
    numbers = [transfer.number for transfer in batch]
    numbers += [transfer.of for transfer in batch if transfer.of is not None and transfer.kind == "return"]
    known = books.transfers(session, account, numbers)
    sources = {source for transfer in batch if (source := transfer.source) is not None}
    balances = books.balances(session, account, sources)
    now = _now()
    about = _about(session, account, batch)
    answers, change = execution.execute(batch, known, balances, faults, now, about)
    books.add_transfers(session, account, change, now)
    return answers


def _about(session: Session, account: str, batch: Sequence[Transfer]) -> About:
    things = {transfer.of for transfer in batch if transfer.of is not None}
    if not things:
        return NOTHING
    return About(payments=books.payments(session, account, things), used=books.uses(session, account, things))


def _conclude(session: Session, account: str, numbers: Sequence[str], faults: Faults) -> dict[str, Record]:
    known = books.transfers(session, account, numbers)
    stays = switches.switched(session, account).keeps
    accepted = [it for it in known.values() if it.state == "accepted" and not stays(it.transfer.kind)]
    now = _now()
    change = execution.conclude(accepted, faults, now)
    books.conclude_transfers(session, account, change, now)
    return known | {record.transfer.number: record for record in change.records}


def _give_back(session: Session, account: str, numbers: Sequence[str], reason: str) -> dict[str, Record]:
    known = books.transfers(session, account, numbers)
    change = execution.give_back(known.values(), reason, books.uses(session, account, known))
    books.return_transfers(session, account, change, _now())
    return known | {record.transfer.number: record for record in change.records}


def _now() -> datetime:
    """Return the time as the store keeps it, so that a repeated answer is the same answer."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
