"""Commits what came of one request to an institution: one transaction, or several where one cannot take it all."""

import random
from collections.abc import Awaitable, Callable
from typing import Final

from payments.dispatch.lanes import NotRecordedError
from shared.commits import Commits, ConflictError, OutageError, TooSlowError
from shared.work import Work

WHOLE_ATTEMPTS_MAX: Final = 7
"""Of a whole batch in conflict: 1.3 s of waiting at most, many times what another writer's transaction takes."""

PART_ATTEMPTS_MAX: Final = 1
"""Of a part: its batch has waited already. What still meets another writer is halved too, and left to the sweep."""

HALVINGS_MAX: Final = 100
"""Of one batch. To find one among 1,000 takes ten, so that ten are always found; a batch that fails as a whole ends."""


async def commit[T](
    commits: Commits, batch: list[T], record: Callable[[Work, list[T]], Awaitable[None]], *, answered: bool
) -> None:
    """Record the outcomes of a batch; halve it where it fails, so that what cannot be recorded holds up nobody else.

    That is 207 transactions at most, however much fails. `answered` is what NotRecordedError tells the lane.

    Raises:
        ConflictError, OutageError: another writer or an outage; some may not be recorded. Send the batch again.
        NotRecordedError: those in it fail alone, or stand beside such after 100 halvings. All others are recorded.

    """
    left: list[tuple[object, Exception]] = []
    parts, halvings = [batch], 0
    while parts:
        part = parts.pop()
        reason = await _failure(commits, part, record, whole=not halvings)
        if reason is None:
            continue
        if len(part) == 1 or halvings == HALVINGS_MAX:
            left += [(it, reason) for it in part]
            continue
        if not halvings:
            # In another order each time: what stood beside too many that fail is found when the sweep brings it again.
            part = random.sample(part, len(part))
        halvings += 1
        middle = len(part) // 2
        parts += [part[middle:], part[:middle]]
    if left:
        raise NotRecordedError(left, answered=answered)


async def _failure[T](
    commits: Commits, part: list[T], record: Callable[[Work, list[T]], Awaitable[None]], *, whole: bool
) -> Exception | None:
    """Record a part; return why that cannot be done, and raise what another try of the whole batch may mend."""

    async def decide(work: Work) -> None:
        await record(work, part)

    try:
        await commits.run(decide, origin="clock", attempts_max=WHOLE_ATTEMPTS_MAX if whole else PART_ATTEMPTS_MAX)
    except TooSlowError as error:
        if len(part) == 1:  # it is the store that is slow
            raise
        return error
    except OutageError:
        raise
    except ConflictError as error:
        if whole and not error.may_last:
            raise
        return error
    except Exception as error:  # noqa: BLE001 - halved until it is one item's, which the lane logs
        return error
    return None
