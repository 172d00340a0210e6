"""Guards: what must be known about a merchant's whole balance in one currency before anything is decided about it.

Whoever nets debt, takes from available, draws a reserve or blocks writes the guard in the same transaction, so that two
such decisions meet (architecture, Guards). An order's own share that is released needs to read it alone.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

Past = Literal["debt_over_limit", "debt_too_old"]
"""Why a merchant is paid nothing, in whatever currency, until it owes less."""


class Guard(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One merchant in one currency; amounts are minor units, at least zero. Version 0: it was never written.

    `debt_minor` is minus the balance of `merchant:debt`, owed since `debt_since`; `taken_minor` is what decisions about
    other orders have taken of the money that is `available`; `reserve_minor` what is in `merchant:reserve`.
    `capped_minor` was sent on the business day `cap_day` (ISO 8601), where a cap is agreed. `accrued_minor` waits to
    come to a minimum; `accrual` numbers what is added up together: all that is of an earlier number may go.
    """

    version: int = 0
    debt_minor: int = 0
    debt_since: datetime | None = None
    taken_minor: int = 0
    reserve_minor: int = 0
    cap_day: str = ""
    capped_minor: int = 0
    accrual: int = 0
    accrued_minor: int = 0


class Limits(msgspec.Struct, frozen=True):
    """What debt a marketplace bears before it pays no more: minor units by currency, and how long (None: any time)."""

    amounts: Mapping[str, int] = {}
    age_max: timedelta | None = None


FRESH = Guard()
"""The guard of a merchant about whom nothing was ever decided."""


def owing(guard: Guard, amount_minor: int, now: datetime) -> Guard:
    """Return the guard with more debt, which ages from when the first of it was made (money.md 5).

    Raises:
        ValueError: the amount is below zero.

    """
    _refuse_negative(amount_minor)
    since = guard.debt_since or (now if amount_minor else None)
    return msgspec.structs.replace(guard, debt_minor=guard.debt_minor + amount_minor, debt_since=since)


def netted(guard: Guard, due_minor: int) -> tuple[Guard, int]:
    """Return the guard after what can be kept of an amount that is due, and how much that is: at most the debt.

    Raises:
        ValueError: the amount is below zero.

    """
    _refuse_negative(due_minor)
    kept = min(guard.debt_minor, due_minor)
    left = guard.debt_minor - kept
    return msgspec.structs.replace(guard, debt_minor=left, debt_since=guard.debt_since if left else None), kept


def past(guard: Guard, currency: str, limits: Limits, now: datetime) -> Past | None:
    """Return which limit a debt in this currency is past, by what is owed now and since when, if any (money.md 5)."""
    if guard.debt_minor > limits.amounts.get(currency, guard.debt_minor):
        return "debt_over_limit"
    old = guard.debt_since is not None and limits.age_max is not None and now - guard.debt_since > limits.age_max
    return "debt_too_old" if old else None


def _refuse_negative(amount_minor: int) -> None:
    if amount_minor < 0:
        message = f"{amount_minor} is below zero"
        raise ValueError(message)
