"""What the institution moves or frees by itself: asked for by tests and operators, or because a freeze has ended."""

from collections.abc import Sequence
from typing import Final

from sandbox.domain import movements as rules
from sandbox.domain.books import LIABLE, POOL, Change
from sandbox.domain.movements import Holding, Moved, Movement, MovementAnswer
from sandbox.handlers.terms import Terms
from sandbox.store import books, frozen, movements
from sandbox.store.connection import Session

RELEASED_AT_ONCE_MAX: Final = 1_000


def move(session: Session, account: str, batch: Sequence[Movement], terms: Terms) -> list[MovementAnswer]:
    """Let movements happen in order; a known one is answered as it stands."""
    return [_move(session, account, it, terms) for it in batch]


def release_due(session: Session, account: str, terms: Terms) -> None:
    """End the freezes that are due: what is left goes to whoever collects."""
    for payment in frozen.due(session, account, terms.now, RELEASED_AT_ONCE_MAX):
        _record(session, account, rules.unfreeze(payment, terms.profile), terms)


def register(session: Session, account: str, movement_id: str, merchant: str | None, terms: Terms) -> Moved | None:
    """Bring money out of suspense for a merchant, or back into it for none."""
    known = movements.find(session, account, "inbound", movement_id)
    if known is None or not rules.suspends(terms.profile):
        return None
    change = rules.register(known, merchant)
    movements.replace(session, change)
    books.move(session, account, change)
    return change.records[0]


def _move(session: Session, account: str, it: Movement, terms: Terms) -> MovementAnswer:
    known = movements.find(session, account, it.kind, it.movement_id)
    if known is not None:
        reason: rules.Refusal | None = None if known.movement == it else "number_reused"
    else:
        change = rules.decide(it, _holding(session, account, it, terms), terms.profile)
        reason = None if isinstance(change, Change) else change
        if isinstance(change, Change):
            _record(session, account, change, terms)
    state = "succeeded" if reason is None else "refused"
    return MovementAnswer(movement_id=it.movement_id, kind=it.kind, state=state, reason=reason)  # type: ignore[arg-type] # one of two


def _holding(session: Session, account: str, it: Movement, terms: Terms) -> Holding:
    things = [] if it.payment_id is None else [it.payment_id]
    found = books.payments(session, account, things)
    used, _ = books.uses(session, account, things)
    pool, liable = (POOL, it.currency), (LIABLE, it.currency)
    there = books.balances(session, account, (pool, liable), open_pool=terms.open_pool)
    collected = frozen.find(session, account, things) if terms.collected else {}
    before = movements.find(session, account, "chargeback", it.reverses) if it.reverses else None
    return Holding(
        payment=found.get(it.payment_id or ""),
        frozen=collected.get(it.payment_id or ""),
        refunded_minor=used["refund", it.payment_id or ""],
        pool_minor=there.get(pool, 0),
        liable_minor=there.get(liable, 0),
        reversed_known=before is not None,
    )


def _record(session: Session, account: str, change: Change[Movement], terms: Terms) -> None:
    movements.add(session, account, change, terms.now)
    books.move(session, account, change, open_pool=terms.open_pool)
    told = (("movement.happened", {"movement_id": it.movement_id, "kind": it.kind}) for it in change.records)
    terms.callbacks.tell(session, account, told, terms.now)
    if change.left or change.released:
        frozen.change(session, account, change)
