"""How bindings are stored."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from sandbox.domain.bindings import Binding, Bound
from sandbox.store.connection import Session
from sandbox.store.times import ms_of, time_of

_BOUND: Final = (
    "SELECT number, merchant, name, bank_account, method, state, reason, answer, until_ms, tries FROM bindings"
    " WHERE account = ? AND number IN (SELECT value FROM json_each(?))"
)


def find(session: Session, account: str, numbers: Iterable[str]) -> dict[str, Bound]:
    """Return the known ones of these bindings."""
    rows = session.execute(_BOUND, (account, msgspec.json.encode(list(numbers)).decode())).fetchall()
    return {row[0]: _bound(*row) for row in rows}


def keep(session: Session, account: str, it: Bound) -> None:
    """Record a binding as it stands now."""
    binding = it.binding
    row = (account, binding.number, binding.merchant, binding.name, binding.bank_account, binding.method)
    rest = (it.state, it.reason, it.answer, None if it.until is None else ms_of(it.until), it.tries)
    session.execute("INSERT OR REPLACE INTO bindings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row + rest)


def _bound(  # noqa: PLR0913, PLR0917 - a row
    number: str,
    merchant: str,
    name: str,
    bank_account: str,
    method: Any,  # noqa: ANN401 - as it was checked when it came
    state: Any,  # noqa: ANN401 - the same
    reason: str | None,
    answer: str,
    until_ms: int | None,
    tries: int,
) -> Bound:
    binding = Binding(number=number, merchant=merchant, name=name, bank_account=bank_account, method=method)
    until = None if until_ms is None else time_of(until_ms)
    return Bound(binding=binding, state=state, reason=reason, answer=answer, until=until, tries=tries)
