"""Has institutions bind bank accounts, hands on what merchants answer, and asks how it stands.

The number of a bank account is in memory only, from the request until the institution has it. Where a crash loses it,
the institution is asked whether it has the binding; has it not, the binding has failed and may be asked for anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from payments.channels.port import NotSentError
from payments.channels.source import Binder
from payments.dispatch.lanes import Item, Lanes, Line
from payments.domain import schedule
from payments.domain.bindings import Binding, Said, answered, settled
from payments.store.bindings import Bindings
from shared import leases
from shared.commits import Commits
from shared.mongo import Database
from shared.profiles import shipped
from shared.work import Work

EVERY_S: Final = 2.0
BATCH_MAX: Final = 200
ITEM_BYTES: Final = 500


@dataclass(frozen=True, slots=True)
class Step:
    """What is next of a binding. `bank_account`: its number, where it is still known."""

    key: str
    number: str
    bank_account: str | None = field(default=None, repr=False)


def item(binding: Binding, bank_account: str | None = None) -> Item[Step]:
    """Return a binding as a lane takes it."""
    return Item(binding.key, 1, ITEM_BYTES, Step(binding.key, binding.number, bank_account))


def line(binding: Binding) -> Line:
    """Return the lane of a binding."""
    return Line(binding.channel_profile, binding.channel_account)


class Bind:
    """The bindings of one account."""

    def __init__(self, binders: Mapping[str, Binder], bindings: Bindings, database: Database, commits: Commits) -> None:
        """Take `binders` by profile."""
        self._binders = binders
        self._bindings = bindings
        self._database = database
        self._commits = commits
        self.lanes: Lanes[Step] = Lanes("bind", self.send, _nothing)

    async def send(self, to: Line, batch: list[Step]) -> bool:
        """Do what is next of each, and record what came of it.

        Raises:
            NotSentError: one has no answer. All may be sent again: the institution knows each by its number.

        """
        known = await self._bindings.known(step.key for step in batch)
        silent: NotSentError | None = None
        for step in batch:
            found = known.get(step.key)
            if found is None or found.binding.number != step.number or found.binding.is_final:
                continue
            try:
                said = await self._ask(to, found.binding, step)
            except NotSentError as error:
                silent = error
                continue
            await self._record(step, said)
        if silent is not None:
            raise silent
        return True

    async def sweep(self) -> int:
        """Hand over what is due; return how much that was."""

        async def decide(work: Work) -> int:
            now = await leases.now(self._database)
            due = await self._bindings.due(now, BATCH_MAX, work.session)
            for it in due:
                self._bindings.hand_over(work, it, schedule.left_behind_at(now))
            work.after_commit(lambda: self._hand(due))
            return len(due)

        return await self._commits.run(decide, origin="clock")

    def _hand(self, some: list[Binding]) -> None:
        for it in some:
            self.lanes.hand(line(it), [item(it)])

    async def _ask(self, to: Line, binding: Binding, step: Step) -> Said | None:
        binder = self._binders.get(to.profile)
        if binder is None:
            return Said("failed", "binding_not_offered")
        if binding.state == "requested" and step.bank_account is not None:
            return await binder.bind(to.account, binding, step.bank_account)
        if binding.answering is not None:
            return await binder.verify(to.account, binding.number, binding.answering)
        return (await binder.bindings(to.account, [binding.number])).get(binding.number)

    async def _record(self, step: Step, said: Said | None) -> None:
        async def decide(work: Work) -> None:
            found = (await self._bindings.known([step.key], work.session)).get(step.key)
            if found is None or found.binding.number != step.number:
                return
            before = found.binding
            after = answered(before, said, shipped().find(before.channel_profile), await leases.now(self._database))
            if after == before:
                return
            self._bindings.record(work, before, after)
            if after.revision != before.revision:
                work.publish(settled(after, work.now), origin_time=after.origin_time)

        await self._commits.run(decide, origin="clock")


async def _nothing(_: Line) -> None:
    """Nobody is told."""
