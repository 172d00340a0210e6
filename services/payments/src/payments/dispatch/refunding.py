"""Has institutions carry out refunds, asks after what is not final, commits a batch of outcomes in one transaction."""

from collections.abc import Callable, Mapping
from typing import Final

from payments.channels.port import Channel
from payments.dispatch.exchange import exchange
from payments.dispatch.lanes import Item, Line
from payments.dispatch.outcome import commit
from payments.domain.outcomes import Answer
from payments.domain.refunds.course import answered
from payments.domain.refunds.refund import Refund, instructions, settled
from payments.store.orders import Orders
from payments.store.refunds import Refunds, key_of
from shared.commits import Commits
from shared.work import Work

PART_BYTES: Final = 1_000
"""What a part takes in memory, roughly."""


def item(refund: Refund) -> Item[Refund]:
    """Return a refund as a lane takes it."""
    weight = max(1, sum(1 for _ in instructions(refund)))
    return Item(key_of(refund), weight, PART_BYTES * (len(refund.parts) + 1), refund)


def line(refund: Refund) -> Line:
    """Return the lane of a refund."""
    return Line(refund.channel_profile, refund.channel_account)


class Refunding:
    """The instructions of one batch of refunds of one account."""

    def __init__(
        self, channel_of: Callable[[str], Channel], refunds: Refunds, orders: Orders, commits: Commits
    ) -> None:
        self._channel_of = channel_of
        self._refunds = refunds
        self._orders = orders
        self._commits = commits
        self.hand: Callable[[Line, list[Item[Refund]]], None] = lambda _line, _items: None

    async def send(self, to: Line, batch: list[Refund]) -> bool:
        """Ask after what was sent before, send the rest, record what came of it; False when there was no answer.

        Raises:
            NotSentError: nothing was carried out by this request; nothing is recorded.

        """
        wanted = [instruction for refund in batch for instruction in instructions(refund)]
        answers, complete = await exchange(self._channel_of(to.profile), to.account, wanted)

        async def record(work: Work, some: list[Refund]) -> None:
            await self._record(work, to, some, answers)

        await commit(self._commits, batch, record, answered=complete)
        return complete

    async def _record(self, work: Work, to: Line, batch: list[Refund], answers: Mapping[str, Answer]) -> None:
        standing, others = await self._refunds.unchanged(batch, work.session)
        if others:  # such as a plan that came meanwhile: what was sent is recorded all the same
            standing += [it.refund for it in (await self._refunds.known(others, work.session)).values()]
        again: list[Item[Refund]] = []
        for before in standing:
            if before.waits is None:
                continue  # another replica, or an earlier try whose commit was unknown, has concluded it
            after = answered(before, answers)
            self._refunds.answer(work, after)
            moved_minor, left_minor = after.moved_minor - before.moved_minor, after.left_minor - before.left_minor
            self._orders.moved(
                work, after.order, moved_minor, covered_minor=moved_minor if after.covers else -left_minor
            )
            if after.revision != before.revision:
                work.publish(settled(after, work.now), origin_time=after.origin_time)
            if after.waits == "sending":
                again.append(item(after))
        if again:
            work.after_commit(lambda: self.hand(to, again))
