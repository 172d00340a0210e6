"""Carrying instructions out, concluding them, and taking back what banks return."""

from collections.abc import Mapping, Sequence
from typing import Final

from sandbox.domain import execution
from sandbox.domain.behaviours.about import NOTHING, About
from sandbox.domain.books import Change
from sandbox.domain.faults import Faults
from sandbox.domain.transfers import Record, Transfer, TransferAnswer
from sandbox.handlers import moving
from sandbox.handlers.terms import Terms, changed
from sandbox.store import books, frozen
from sandbox.store import faults as switches
from sandbox.store.connection import Session

WORKED_OFF_MAX: Final = 1_000


def execute(
    session: Session, account: str, batch: Sequence[Transfer], faults: Faults, terms: Terms
) -> list[TransferAnswer]:
    """Execute transfers in order."""
    if terms.collected:
        moving.release_due(session, account, terms)
    known = books.transfers(session, account, _numbers(batch))
    sources = {source for transfer in batch if (source := transfer.source) is not None}
    balances = books.balances(session, account, sources, open_pool=terms.open_pool)
    about = _about(session, account, batch, known, terms)
    answers, change = execution.execute(batch, known, balances, faults, terms.now, about, terms.profile)
    books.add_transfers(session, account, change, terms.now, open_pool=terms.open_pool)
    if not terms.direct:
        _note(session, account, change, terms)
    return answers


def conclude(session: Session, account: str, numbers: Sequence[str], faults: Faults, terms: Terms) -> dict[str, Record]:
    """Conclude these transfers as far as they are accepted and are not to stay so, or to be moved by people."""
    known = books.transfers(session, account, numbers)
    stays = switches.switched(session, account).keeps
    accepted = [it for it in known.values() if it.state == "accepted" and not stays(it.transfer.kind)]
    return known | ({} if terms.by_hand else _conclude(session, account, accepted, faults, terms))


def work_off(session: Session, account: str, terms: Terms) -> None:
    """Conclude what was accepted, without being asked."""
    numbers = [it.transfer.number for it in books.accepted_after(session, account, "", WORKED_OFF_MAX)]
    conclude(session, account, numbers, switches.switched(session, account), terms)


def confirm(
    session: Session, account: str, numbers: Sequence[str], reason: str | None, terms: Terms
) -> dict[str, Record]:
    """Conclude these transfers as people say."""
    known = books.transfers(session, account, numbers)
    accepted = [it for it in known.values() if it.state == "accepted"]
    return known | _conclude(session, account, accepted, reason, terms)


def give_back(session: Session, account: str, numbers: Sequence[str], reason: str, terms: Terms) -> dict[str, Record]:
    """Have banks return these transfers as far as they succeeded."""
    known = books.transfers(session, account, numbers)
    used, _ = books.uses(session, account, known)
    change = execution.give_back(known.values(), reason, used, terms.profile)
    books.return_transfers(session, account, change, terms.now, open_pool=terms.open_pool)
    _note(session, account, change, terms)
    return known | {record.transfer.number: record for record in change.records}


def _conclude(
    session: Session, account: str, accepted: Sequence[Record], outcome: Faults | str | None, terms: Terms
) -> dict[str, Record]:
    paid = books.transfers(session, account, _paid(accepted)) if terms.collected else {}
    change = execution.conclude(accepted, outcome, terms.now, terms.profile, paid)
    books.conclude_transfers(session, account, change, terms.now, open_pool=terms.open_pool)
    _note(session, account, change, terms)
    return {record.transfer.number: record for record in change.records}


def _note(session: Session, account: str, change: Change[Record], terms: Terms) -> None:
    if terms.collected:
        frozen.change(session, account, change)
    final = [changed(record) for record in change.records if record.state != "accepted"]
    terms.callbacks.tell(session, account, final, terms.now)


def _numbers(batch: Sequence[Transfer]) -> list[str]:
    numbers = [transfer.number for transfer in batch]
    return numbers + [transfer.of for transfer in batch if transfer.of is not None and transfer.kind == "return"]


def _paid(records: Sequence[Record]) -> list[str]:
    return [it.transfer.of for it in records if it.transfer.of is not None and it.transfer.kind == "return"]


def _about(
    session: Session, account: str, batch: Sequence[Transfer], known: Mapping[str, Record], terms: Terms
) -> About:
    things = {transfer.of for transfer in batch if transfer.of is not None}
    custody = terms.profile.custody
    needs_accounts = custody is not None and custody.real_account_needed
    if not things and not needs_accounts:
        return NOTHING
    used, counted = books.uses(session, account, things)
    paid = {it.transfer.of for it in known.values() if it.transfer.of is not None}
    receivers = (it.receiver for it in batch)
    return About(
        payments=books.payments(session, account, things),
        used=used,
        counted=counted,
        frozen=frozen.find(session, account, things | paid) if terms.collected else {},
        bound=frozen.bound(session, account, receivers) if terms.collected or needs_accounts else {},
        caps=frozen.caps(session, account) if terms.collected else {},
    )
