"""Commits what came of one request to an institution: one transaction, or several where one cannot take it all."""

from collections.abc import Awaitable, Callable

from payments.dispatch.lanes import NotRecordedError
from shared.commits import Commits, ConflictError, OutageError, TooSlowError
from shared.work import Work


async def commit[T](commits: Commits, batch: list[T], record: Callable[[Work, list[T]], Awaitable[None]]) -> None:
    """Record the outcomes of a batch; halve it where it fails, so that what cannot be recorded holds up nobody else.

    Raises:
        ConflictError, OutageError: another writer or an outage; some may not be recorded. Send the batch again.
        NotRecordedError: those in it fail alone. All others are recorded.

    """
    if left := await _halve(commits, batch, record):
        raise NotRecordedError(left)


async def _halve[T](
    commits: Commits, batch: list[T], record: Callable[[Work, list[T]], Awaitable[None]]
) -> list[tuple[object, Exception]]:
    async def decide(work: Work) -> None:
        await record(work, batch)

    try:
        await commits.run(decide, origin="clock")
    except TooSlowError:
        if len(batch) == 1:  # it is the store that is slow
            raise
    except OutageError:
        raise
    except Exception as error:  # halved until it is one item's, which the lane logs
        if isinstance(error, ConflictError) and not error.may_last:
            raise
        if len(batch) == 1:
            return [(batch[0], error)]
    else:
        return []
    middle = len(batch) // 2
    return await _halve(commits, batch[:middle], record) + await _halve(commits, batch[middle:], record)
