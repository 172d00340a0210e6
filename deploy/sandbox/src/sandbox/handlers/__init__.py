"""Use cases: load, decide, record, in one transaction a request. What is right is decided in the domain."""

from collections.abc import Sequence
from datetime import datetime

from sandbox.clock import Clock
from sandbox.domain import payments, transfers
from sandbox.domain.execution import collects
from sandbox.domain.faults import NORMAL, Faults
from sandbox.domain.movements import Moved, Movement, MovementAnswer
from sandbox.domain.payments import Fund, Payment, PaymentAnswer, PaymentFound
from sandbox.domain.transfers import Transfer, TransferAnswer, TransferFound
from sandbox.handlers import instructions, money_in, moving
from sandbox.store import books
from sandbox.store import movements as moved
from sandbox.store.accounts import Accounts
from sandbox.store.connection import Connection
from shared.profiles import Profile


class Handlers:
    """What the institution does for its customers."""

    def __init__(self, connection: Connection, clock: Clock | None = None) -> None:
        self._connection = connection
        self._clock = clock or Clock()
        self.accounts = Accounts(connection)

    async def take_payments(self, account: str, batch: Sequence[Payment]) -> list[PaymentAnswer]:
        """Take buyers' payments."""
        profile = await self.accounts.using(account)
        return await self._connection.transact(money_in.take_payments, account, batch, profile, self._now())

    async def find_payments(self, account: str, payment_ids: Sequence[str]) -> list[PaymentFound]:
        """Tell what is known of these payments, in the order asked."""
        known = await self._connection.read(books.payments, account, payment_ids)
        return [payments.found(payment_id, known.get(payment_id)) for payment_id in payment_ids]

    async def take_fund(self, account: str, fund: Fund) -> bool:
        """Take a deposit; tell whether its number was free or meant the same."""
        await self.accounts.using(account)
        return await self._connection.transact(money_in.take_fund, account, fund, self._now())

    async def execute(
        self, account: str, batch: Sequence[Transfer], faults: Faults = NORMAL, profile: Profile | None = None
    ) -> list[TransferAnswer]:
        """Execute transfers in order. `profile`: the account's, where the caller knows it already."""
        profile = profile or await self.accounts.using(account)
        return await self._connection.transact(instructions.execute, account, batch, faults, profile, self._now())

    async def find_transfers(self, account: str, numbers: Sequence[str], faults: Faults) -> list[TransferFound]:
        """Tell what is known of these transfers, in the order asked; asking concludes an accepted one."""
        known = await self._connection.read(books.transfers, account, numbers)
        accepted = [number for number, record in known.items() if record.state == "accepted"]
        if accepted:
            profile = await self.accounts.using(account)
            known |= await self._connection.transact(
                instructions.conclude, account, accepted, faults, profile, self._now()
            )
        return [transfers.found(number, known.get(number)) for number in numbers]

    async def give_back(self, account: str, numbers: Sequence[str], reason: str) -> list[TransferFound]:
        """Have banks return these payouts and refunds, as far as they succeeded; tell how each stands, in the order."""
        profile = await self.accounts.using(account)
        known = await self._connection.transact(instructions.give_back, account, numbers, reason, profile, self._now())
        return [transfers.found(number, known.get(number)) for number in numbers]

    async def move(self, account: str, batch: Sequence[Movement]) -> list[MovementAnswer]:
        """Let movements happen in order."""
        profile = await self.accounts.using(account)
        return await self._connection.transact(moving.move, account, batch, profile, self._now())

    async def find_movements(self, account: str, after: int, limit: int) -> list[Moved]:
        """Tell what moved since, in order; freezes that have ended are ended first."""
        await self.release_due(account)
        return await self._connection.read(moved.after, account, after, limit)

    async def release_due(self, account: str) -> int:
        """End the freezes of an account that are due; return how many there were."""
        profile = await self.accounts.shown(account)
        if not collects(profile):
            return 0
        return await self._connection.transact(moving.release_due, account, self._now())

    async def register(self, account: str, movement_id: str, merchant: str | None) -> Moved | None:
        """Say whose an inbound movement in suspense is, or that nobody knows; None: there is no such movement."""
        return await self._connection.transact(moving.register, account, movement_id, merchant)

    def _now(self) -> datetime:
        return self._clock.now()
