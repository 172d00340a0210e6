"""Commits what came of one request to an institution: one transaction, or several where one would be too large."""

from collections.abc import Awaitable, Callable

from shared.commits import Commits
from shared.work import TooLargeError, Work


async def commit[T](commits: Commits, batch: list[T], record: Callable[[Work, list[T]], Awaitable[None]]) -> None:
    """Record the outcomes of a batch.

    Raises:
        ConflictError, OutageError: some are not recorded; they are still `sending`, and are to be sent again.

    """

    async def decide(work: Work) -> None:
        await record(work, batch)

    try:
        await commits.run(decide, origin="clock")
    except TooLargeError:
        if len(batch) == 1:
            raise
        middle = len(batch) // 2
        await commit(commits, batch[:middle], record)
        await commit(commits, batch[middle:], record)
