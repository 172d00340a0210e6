"""Use cases: load, decide, record, in one transaction a request. What is right is decided in the domain."""

from collections.abc import Sequence

from sandbox.clock import Clock
from sandbox.domain import payments, transfers
from sandbox.domain.behaviours.about import DIRECT, profile_of
from sandbox.domain.bindings import Binding, Bound
from sandbox.domain.execution import collects
from sandbox.domain.faults import NORMAL, Faults
from sandbox.domain.movements import Moved, Movement, MovementAnswer
from sandbox.domain.payments import Fund, Payment, PaymentAnswer, PaymentFound
from sandbox.domain.transfers import Record, Transfer, TransferAnswer, TransferFound
from sandbox.handlers import binding, instructions, money_in, moving
from sandbox.handlers.terms import Terms
from sandbox.store import bindings, books, frozen
from sandbox.store import movements as moved
from sandbox.store.accounts import Accounts
from sandbox.store.callbacks import Callbacks
from sandbox.store.connection import Connection
from shared.profiles import Profile


class Handlers:
    """What the institution does for its customers."""

    def __init__(self, connection: Connection, clock: Clock | None = None, callbacks: Callbacks | None = None) -> None:
        self._connection = connection
        self._clock = clock or Clock()
        self._callbacks = callbacks or Callbacks(connection)
        self.accounts = Accounts(connection)

    async def take_payments(self, account: str, batch: Sequence[Payment]) -> list[PaymentAnswer]:
        """Take buyers' payments."""
        return await self._connection.transact(money_in.take_payments, account, batch, await self._terms(account))

    async def find_payments(self, account: str, payment_ids: Sequence[str]) -> list[PaymentFound]:
        """Tell what is known of these payments, in the order asked."""
        known = await self._connection.read(books.payments, account, payment_ids)
        return [payments.found(payment_id, known.get(payment_id)) for payment_id in payment_ids]

    async def take_fund(self, account: str, fund: Fund) -> bool:
        """Take a deposit; tell whether its number was free or meant the same."""
        return await self._connection.transact(money_in.take_fund, account, fund, await self._terms(account))

    async def execute(self, account: str, batch: Sequence[Transfer], faults: Faults = NORMAL) -> list[TransferAnswer]:
        """Execute transfers in order."""
        return await self._connection.transact(instructions.execute, account, batch, faults, await self._terms(account))

    async def find_transfers(self, account: str, numbers: Sequence[str], faults: Faults) -> list[TransferFound]:
        """Tell what is known of these transfers, in the order asked; asking concludes an accepted one."""
        known = await self._connection.read(books.transfers, account, numbers)
        accepted = [number for number, record in known.items() if record.state == "accepted"]
        if accepted:
            known |= await self._connection.transact(
                instructions.conclude, account, accepted, faults, await self._terms(account)
            )
        return [transfers.found(number, known.get(number)) for number in numbers]

    async def give_back(self, account: str, numbers: Sequence[str], reason: str) -> list[TransferFound]:
        """Have banks return these payouts and refunds, as far as they succeeded; tell how each stands, in the order."""
        known = await self._connection.transact(
            instructions.give_back, account, numbers, reason, await self._terms(account)
        )
        return [transfers.found(number, known.get(number)) for number in numbers]

    async def sheet(self, account: str, after: str, limit: int) -> list[Record]:
        """Tell which transfers people still have to carry out, by number."""
        return await self._connection.read(books.accepted_after, account, after, limit)

    async def confirm(self, account: str, numbers: Sequence[str], reason: str | None) -> list[TransferFound]:
        """Conclude transfers of the sheet; a reason: why people could not carry them out."""
        known = await self._connection.transact(
            instructions.confirm, account, numbers, reason, await self._terms(account)
        )
        return [transfers.found(number, known.get(number)) for number in numbers]

    async def move(self, account: str, batch: Sequence[Movement]) -> list[MovementAnswer]:
        """Let movements happen in order."""
        return await self._connection.transact(moving.move, account, batch, await self._terms(account))

    async def find_movements(self, account: str, after: int, limit: int) -> list[Moved]:
        """Tell what moved since, in order; freezes that have ended are ended first."""
        await self.release_due(account)
        return await self._connection.read(moved.after, account, after, limit)

    async def release_due(self, account: str) -> None:
        """End the freezes of an account that are due."""
        profile = await self.accounts.shown(account)
        if not collects(profile):
            return
        due = await self._connection.read(frozen.due, account, self._clock.now(), 1)
        if due:
            await self._connection.transact(moving.release_due, account, await self._terms(account))

    async def work_off(self, account: str) -> None:
        """Carry out what was accepted, and end freezes that are due, without being asked."""
        profile = await self.profile(account)
        waiting = await self._connection.read(books.accepted_after, account, "", 1) if profile.accepts_first else []
        if waiting:
            await self._connection.transact(instructions.work_off, account, await self._terms(account))
        await self.release_due(account)

    async def register(self, account: str, movement_id: str, merchant: str | None) -> Moved | None:
        """Say whose an inbound movement in suspense is, or that nobody knows; None: there is no such movement."""
        return await self._connection.transact(
            moving.register, account, movement_id, merchant, await self._terms(account)
        )

    async def bind(self, account: str, wanted: Binding) -> Bound | None:
        """Begin to bind a bank account, once; None: the number stands for another binding."""
        return await self._connection.transact(binding.begin, account, wanted, await self._terms(account))

    async def verify(self, account: str, number: str, said: str) -> Bound | None:
        """Take what a merchant says it was sent; None: there is no such binding."""
        return await self._connection.transact(binding.verify, account, number, said, await self._terms(account))

    async def find_bindings(self, account: str, numbers: Sequence[str]) -> dict[str, Bound]:
        """Tell how these bindings stand."""
        return await self._connection.read(bindings.find, account, numbers)

    async def profile(self, account: str) -> Profile:
        """Return the product of an account, as it would be if it were used now."""
        return await self.accounts.shown(account) or profile_of(DIRECT)

    async def _terms(self, account: str) -> Terms:
        return Terms(await self.accounts.using(account), self._clock.now(), self._callbacks)
