"""Carrying instructions out, concluding them, and taking back what banks return."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sandbox.domain import execution
from sandbox.domain.behaviours.about import NOTHING, About
from sandbox.domain.execution import collects
from sandbox.domain.faults import Faults
from sandbox.domain.transfers import Record, Transfer, TransferAnswer
from sandbox.handlers import moving
from sandbox.store import books, frozen
from sandbox.store import faults as switches
from sandbox.store.connection import Session
from shared.profiles import Profile


def execute(
    session: Session, account: str, batch: Sequence[Transfer], faults: Faults, profile: Profile, now: datetime
) -> list[TransferAnswer]:
    """Execute transfers in order."""
    open_pool = profile.may_go_negative
    if collects(profile):
        moving.release_due(session, account, now)
    known = books.transfers(session, account, _numbers(batch))
    sources = {source for transfer in batch if (source := transfer.source) is not None}
    balances = books.balances(session, account, sources, open_pool=open_pool)
    about = _about(session, account, batch, known, profile)
    answers, change = execution.execute(batch, known, balances, faults, now, about, profile)
    books.add_transfers(session, account, change, now, open_pool=open_pool)
    if collects(profile):
        frozen.change(session, account, change)
    return answers


def conclude(
    session: Session, account: str, numbers: Sequence[str], faults: Faults, profile: Profile, now: datetime
) -> dict[str, Record]:
    """Conclude these transfers as far as they are accepted and are not to stay so."""
    known = books.transfers(session, account, numbers)
    if profile.custody is not None and profile.custody.by_hand:
        return known
    stays = switches.switched(session, account).keeps
    accepted = [it for it in known.values() if it.state == "accepted" and not stays(it.transfer.kind)]
    paid = books.transfers(session, account, _paid(accepted)) if collects(profile) else {}
    change = execution.conclude(accepted, faults, now, profile, paid)
    books.conclude_transfers(session, account, change, now, open_pool=profile.may_go_negative)
    if collects(profile):
        frozen.change(session, account, change)
    return known | {record.transfer.number: record for record in change.records}


def give_back(
    session: Session, account: str, numbers: Sequence[str], reason: str, profile: Profile, now: datetime
) -> dict[str, Record]:
    """Have banks return these transfers as far as they succeeded."""
    known = books.transfers(session, account, numbers)
    used, _ = books.uses(session, account, known)
    change = execution.give_back(known.values(), reason, used, profile)
    books.return_transfers(session, account, change, now, open_pool=profile.may_go_negative)
    if collects(profile):
        frozen.change(session, account, change)
    return known | {record.transfer.number: record for record in change.records}


def _numbers(batch: Sequence[Transfer]) -> list[str]:
    numbers = [transfer.number for transfer in batch]
    return numbers + [transfer.of for transfer in batch if transfer.of is not None and transfer.kind == "return"]


def _paid(records: Sequence[Record]) -> list[str]:
    return [it.transfer.of for it in records if it.transfer.of is not None and it.transfer.kind == "return"]


def _about(
    session: Session, account: str, batch: Sequence[Transfer], known: Mapping[str, Record], profile: Profile
) -> About:
    things = {transfer.of for transfer in batch if transfer.of is not None}
    needs_accounts = profile.custody is not None and profile.custody.real_account_needed
    if not things and not needs_accounts:
        return NOTHING
    used, counted = books.uses(session, account, things)
    collected, paid = collects(profile), {it.transfer.of for it in known.values() if it.transfer.of is not None}
    return About(
        payments=books.payments(session, account, things),
        used=used,
        counted=counted,
        frozen=frozen.find(session, account, things | paid) if collected else {},
        bound=frozen.bound(session, account, (it.receiver for it in batch)) if collected or needs_accounts else {},
        caps=frozen.caps(session, account) if collected else {},
    )
