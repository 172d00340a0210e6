"""Has institutions move money, asks after what is not final, and commits a batch of outcomes in one transaction."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from payments.channels.port import Channel
from payments.dispatch import paces
from payments.dispatch.exchange import exchange
from payments.dispatch.lanes import Item, Line
from payments.dispatch.outcome import commit
from payments.domain.outcomes import Answer, answered
from payments.domain.payouts import Payout, instructions, settled
from payments.store.payouts import Payouts, key_of
from shared.commits import Commits
from shared.work import Work

LEG_BYTES: Final = 1_000
"""What a leg takes in memory, roughly."""


class Settled(Protocol):
    """Told of a payout that has just become final, with every leg paid."""

    def __call__(self, payout: Payout, seconds: float) -> None:
        """Note how long it took since its order was paid."""


def item(payout: Payout) -> Item[Payout]:
    """Return a payout as a lane takes it."""
    weight = len(payout.legs) + len(payout.subsidies)
    return Item(key_of(payout), weight, LEG_BYTES * weight, payout)


def line(payout: Payout) -> Line:
    """Return the lane of a payout: its account's, or its collector's own (see paces)."""
    receiver = paces.receiver_of(payout.channel_profile, payout.kind, payout.legs[0].receiver) if payout.legs else ""
    return Line(payout.channel_profile, payout.channel_account, receiver)


class Paying:
    """The instructions of one batch of payouts of one account."""

    def __init__(self, channel_of: Callable[[str], Channel], payouts: Payouts, commits: Commits) -> None:
        self._channel_of = channel_of
        self._payouts = payouts
        self._commits = commits
        self.hand: Callable[[Line, list[Item[Payout]]], None] = lambda _line, _items: None
        self.on_settled: Settled = lambda payout, seconds: None  # noqa: ARG005 - named as the protocol names them

    async def send(self, to: Line, batch: list[Payout]) -> bool:
        """Ask after what was sent before, send the rest, record what came of it; False when there was no answer.

        Raises:
            NotSentError: nothing was carried out by this request; nothing is recorded.

        """
        wanted = [instruction for payout in batch for instruction in instructions(payout)]
        answers, complete = await exchange(self._channel_of(to.profile), to.account, wanted)

        async def record(work: Work, some: list[Payout]) -> None:
            await self._record(work, to, some, answers)

        await commit(self._commits, batch, record, answered=complete)
        return complete

    async def _record(self, work: Work, to: Line, batch: list[Payout], answers: Mapping[str, Answer]) -> None:
        standing, others = await self._payouts.unchanged(batch, work.session)
        if others:
            standing += [it.payout for it in (await self._payouts.known(others, work.session)).values()]
        again: list[Item[Payout]] = []
        done: list[Payout] = []
        for before in standing:
            if before.waits is None:
                continue  # another replica, or an earlier try whose commit was unknown, has concluded it
            after = answered(before, answers)
            self._payouts.answer(work, before, after)
            if after.revision != before.revision:
                work.publish(settled(after, work.now), origin_time=after.origin_time)
            if after.waits == "sending":
                again.append(item(after))
            elif after.waits is None and not before.doubted and all(leg.state == "succeeded" for leg in after.legs):
                done.append(after)
        if again:
            work.after_commit(lambda: self.hand(to, again))
        if done:
            work.after_commit(lambda: self._note(done, work))

    def _note(self, done: list[Payout], work: Work) -> None:
        for payout in done:
            self.on_settled(payout, (work.now - payout.origin_time).total_seconds())
