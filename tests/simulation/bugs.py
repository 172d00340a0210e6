"""Bugs of delivery, planted one at a time: each is a small wrong variant of a method of the kit, or of a store.

The simulation must find every one of them. What it found by itself is here as well, as its cure being taken out.
"""

import contextlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from unittest import mock

from shared import outbox
from shared.commits import Commits, OutageError
from shared.delivery import Delivery
from shared.intake import Intake
from shared.messages import SplitRequested
from shared.mongo import PyMongoError, Session
from shared.publisher import PublishError
from shared.record import Raw
from shared.work import Work
from split.domain.orders import Order
from split.store import orders
from split.store.orders import Orders

type Patch = tuple[type, str, Callable[..., Any]]


def publish_before_commit() -> list[Patch]:
    """Events leave before the unit that makes them is committed: an aborted one has told a lie."""
    commit = Commits.commit

    async def early(self: Commits, decide: Callable[[Work], Awaitable[Any]], *, stripe: str, group: str) -> Any:  # noqa: ANN401 - as Commits has it
        async def decide_and_tell(work: Work) -> Any:  # noqa: ANN401 - as above
            decided = await decide(work)
            with contextlib.suppress(PublishError):
                await self._publisher.publish(work.outgoing)
            return decided

        return await commit(self, decide_and_tell, stripe=stripe, group=group)

    async def forget(self: Commits, _: Work, letters: list[Any]) -> None:
        try:
            await outbox.remove(self._database, letters)
        except PyMongoError as error:
            raise OutageError(str(error)) from error

    return [(Commits, "commit", early), (Commits, "publish", forget)]


def ack_before_commit() -> list[Patch]:
    """Offsets pass a batch before it is handled: a crash in between loses it."""
    handle = Intake._handle  # noqa: SLF001 - the method that the bug is in

    async def eager(self: Intake[Any], batch: Sequence[Raw], generation: int, consumer: Any) -> None:  # noqa: ANN401 - as Intake has it
        await self._ack(batch, generation, consumer)
        await handle(self, batch, generation, consumer)

    return [(Intake, "_handle", eager)]


def outbox_deleted_before_publish() -> list[Patch]:
    """Events are forgotten before they are on Kafka: a crash in between loses them."""

    async def forgetful(self: Commits, work: Work, letters: list[Any]) -> None:
        try:
            await outbox.remove(self._database, letters)
            await self._publisher.publish(work.outgoing)
        except (PublishError, PyMongoError) as error:
            raise OutageError(str(error)) from error

    return [(Commits, "publish", forgetful)]


def dedupe_removed() -> list[Patch]:
    """Split neither looks for an order that it has, nor lets its `_id` stop it: what comes twice is booked twice."""

    async def nothing(_: Orders, __: Iterable[str], ___: Session) -> dict[str, Any]:
        return {}

    def overwrite(
        _: Orders, work: Work, order: Order, request: SplitRequested, body: bytes, digest: bytes, origin: datetime
    ) -> None:
        fields = orders._fields(work, order, request, body, digest, origin)
        work.update(orders.ORDERS, order.key, {"$set": fields}, upsert=True)

    return [(Orders, "known", nothing), (Orders, "add", overwrite)]


def leftovers_after_the_first_fetch() -> list[Patch]:
    """Publish what a crash left of a partition after the next batch of it: later events come first."""
    handle, publish = Intake._handle, Intake._publish_leftovers  # noqa: SLF001 - the methods that the bug is in

    async def later(self: Intake[Any], _: Sequence[int]) -> None:
        self._leftovers = False

    async def batch_first(self: Intake[Any], batch: Sequence[Raw], generation: int, consumer: Any) -> None:  # noqa: ANN401 - as Intake has it
        await handle(self, batch, generation, consumer)
        with contextlib.suppress(OutageError, PyMongoError):
            await publish(self, sorted(it.partition for it in consumer.assignment()))

    return [
        (Intake, "_publish_leftovers", later),
        (Intake, "_handle", batch_first),
        (Delivery, "_refuse_to_overtake", _let_pass),
    ]


def successor_overtakes() -> list[Patch]:
    """Found by the simulation: the successor of an owner that is given up passes what that one has just committed."""
    return [(Delivery, "_refuse_to_overtake", _let_pass)]


async def _let_pass(_: Delivery[Any], __: object) -> None:
    """Look for nothing."""


PLANTED: Final[dict[str, Callable[[], list[Patch]]]] = {
    bug.__name__: bug
    for bug in (
        publish_before_commit,
        ack_before_commit,
        outbox_deleted_before_publish,
        dedupe_removed,
        leftovers_after_the_first_fetch,
        successor_overtakes,
    )
}


@contextlib.contextmanager
def planted(name: str | None) -> Iterator[None]:
    """Run with one bug; None: with none."""
    with contextlib.ExitStack() as stack:
        for owner, method, wrong in PLANTED[name]() if name else []:
            stack.enter_context(mock.patch.object(owner, method, wrong))
        yield
