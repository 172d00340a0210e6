"""An institution in memory behind payments' port: the sandbox's own rules, without its HTTP and its store."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import msgspec
from tests.simulation.clock import Process
from tests.simulation.weather import Weather

from payments.channels.port import BillKind, NotOfferedError, NotSentError, UnansweredError
from payments.domain.instructions import Instruction
from payments.domain.outcomes import UNKNOWN, Answer
from payments.domain.proof import ChannelRecord
from sandbox.domain import execution as rules
from sandbox.domain.books import Change, Place
from sandbox.domain.faults import NORMAL, Faults
from sandbox.domain.payments import Payment, take_payments
from sandbox.domain.transfers import Record, Transfer

FIELDS = frozenset(Transfer.__struct_fields__)

TIMEOUT_S = 10.0
"""As payments' `institution_timeout_s`."""

STRAY_S = 15.0
"""How much later a request may be carried out whose answer nobody waits for any more."""


@dataclass
class Institution:
    """One account's books. Everybody who talks to it does so through a `Line`."""

    clock: Callable[[], datetime]
    payments: dict[str, Payment] = field(default_factory=dict)
    transfers: dict[str, Record] = field(default_factory=dict)
    pockets: Counter[Place] = field(default_factory=Counter)
    faults: Faults = NORMAL

    @property
    def received(self) -> Counter[str]:
        """Return what each receiver got, by the transfers that succeeded."""
        got: Counter[str] = Counter()
        for it in self.transfers.values():
            if it.state == "succeeded" and it.transfer.kind == "payout":
                got[it.transfer.receiver] += it.transfer.amount_minor
        return got

    def take_payment(self, payment: Payment) -> None:
        """Take a buyer's payment."""
        _, change = take_payments([payment], self.payments)
        self.payments |= {it.payment_id: it for it in change.records}
        self.pockets.update(change.pockets)

    def execute(self, wanted: Sequence[Transfer]) -> dict[str, Answer]:
        """Carry out transfers."""
        answers, change = rules.execute(wanted, self.transfers, self.pockets, self.faults, self.clock())
        self._apply(change)
        return {it.number: UNKNOWN if it.state == "refused" else Answer(it.state, it.reason) for it in answers}

    def ask(self, numbers: Iterable[str]) -> dict[str, Answer | None]:
        """Tell what became of transfers; asking concludes an accepted one."""
        asked = list(numbers)
        known = [self.transfers[it] for it in asked if it in self.transfers]
        self._apply(rules.conclude([it for it in known if it.state == "accepted"], self.faults, self.clock()))
        found = {it: self.transfers.get(it) for it in asked}
        return {number: Answer(it.state, it.reason) if it else None for number, it in found.items()}

    def _apply(self, change: Change[Record]) -> None:
        self.transfers |= {it.transfer.number: it for it in change.records}
        self.pockets.update(change.pockets)


class Line:
    """One process's connection to the institution."""

    def __init__(self, institution: Institution, weather: Weather, process: Process) -> None:
        self._institution = institution
        self._weather = weather
        self._process = process

    async def find_payments(self, account: str, payment_ids: Sequence[str]) -> Mapping[str, ChannelRecord | None]:
        """Return what the institution knows of these payments."""

        def effect() -> dict[str, ChannelRecord | None]:
            found = {it: self._institution.payments.get(it) for it in payment_ids}
            return {
                identity: ChannelRecord(amount_minor=it.amount_minor, currency=it.currency, fee_minor=it.fee_minor)
                if it
                else None
                for identity, it in found.items()
            }

        return await self._send(f"{account}.find_payments", effect)

    async def carry_out(self, account: str, instructions: Sequence[Instruction]) -> Mapping[str, Answer]:
        """Have these instructions carried out."""
        wanted = [
            msgspec.convert({name: it for name, it in msgspec.structs.asdict(one).items() if name in FIELDS}, Transfer)
            for one in instructions
        ]
        return await self._send(f"{account}.pay", lambda: self._institution.execute(wanted))

    async def query(self, account: str, instructions: Sequence[Instruction]) -> Mapping[str, Answer | None]:
        """Return what became of these instructions."""
        return await self._send(f"{account}.query", lambda: self._institution.ask(it.number for it in instructions))

    async def bill(self, account: str, day: date, kind: BillKind) -> bytes:
        """Have none: days do not end here."""
        message = f"{account}: no {kind} of {day}"
        raise NotOfferedError(message)

    async def close(self) -> None:
        """Let go."""

    async def _send[R](self, what: str, effect: Callable[[], R]) -> R:
        fault = await self._weather.step(self._process, "channel", what)
        match fault:
            case None:
                return effect()
            case "refused" | "away":
                raise NotSentError(what)
            case "unanswered":
                effect()
            case "late":
                self._process.later(self._weather.later(TIMEOUT_S, TIMEOUT_S + STRAY_S), effect)
            case "crash_after":
                effect()
                await self._weather.die(self._process)
        await self._weather.pause(TIMEOUT_S)
        raise UnansweredError(what)
