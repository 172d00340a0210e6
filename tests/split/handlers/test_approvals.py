"""Actions that need two people, on a real MongoDB: carried out once, in the transaction of the approval."""

import asyncio
from datetime import datetime, timedelta

import pytest
from tests.split.replica import Replica

from shared.clock import move
from shared.work import Work
from split.domain.approvals import APPROVAL_LIFE, Approval, Ruling, State
from split.domain.refusals import Refused
from split.handlers.approvals import ApprovalHandlers, Draft
from split.store.approvals import Approvals

NO = Refused("approval_unknown", "the money is gone")


class Note:
    """An action that leaves a document."""

    def __init__(self) -> None:
        self.asked: Refused | None = None
        self.done: Refused | None = None

    async def check(self, _: Approval, __: Work) -> Refused | None:
        return self.asked

    async def carry_out(self, approval: Approval, work: Work) -> str | Refused:
        if self.done is not None:
            return self.done
        work.insert("notes", {"approval": approval.approval_id, "by": approval.decided_by})
        return "noted"


@pytest.fixture
def note() -> Note:
    return Note()


@pytest.fixture
def handlers(replica: Replica, note: Note) -> ApprovalHandlers:
    return ApprovalHandlers(replica.commits, Approvals(replica.database), replica.clock, {"leg_retry": note})


def draft(key: str = "k1", reason: str = "mended") -> Draft:
    return Draft(marketplace="test-a", action="leg_retry", subject="leg", actor="Ann", reason=reason, key=key)


def said(actor: str = "Bob", key: str = "d1") -> Ruling:
    return Ruling(verdict="approved", actor=actor, reason="seen", key=key)


async def asked(handlers: ApprovalHandlers, key: str = "k1") -> Approval:
    found = await handlers.ask(draft(key))
    assert isinstance(found, Approval)
    return found


async def test_what_is_asked_is_done_once_when_two_approve_at_the_same_time(
    replica: Replica, handlers: ApprovalHandlers
) -> None:
    it = await asked(handlers)
    answers = await asyncio.gather(*(handlers.rule(it.key, said(who, who)) for who in ("Bob", "Eve", "Joe")))
    assert sorted(type(answer).__name__ for answer in answers) == ["Approval", "Refused", "Refused"]
    (stored,) = [answer for answer in answers if isinstance(answer, Approval)]
    assert [(it["approval"], it["by"]) async for it in replica.database.notes.find()] == [
        (it.approval_id, stored.decided_by)
    ]
    assert stored.outcome == "noted"
    assert await Approvals(replica.database).find(it.key) == stored


async def test_a_repeat_of_either_word_is_answered_as_the_first(replica: Replica, handlers: ApprovalHandlers) -> None:
    it = await asked(handlers)
    assert await handlers.ask(draft()) == it
    again = await handlers.ask(draft(reason="another"))
    assert isinstance(again, Refused)
    assert again.reason == "idempotency_key_reused"
    done = await handlers.rule(it.key, said())
    assert await handlers.rule(it.key, said()) == done
    assert await handlers.ask(draft()) == done
    assert await replica.database.notes.count_documents({}) == 1


async def test_what_cannot_be_done_leaves_the_request_as_it_was(
    replica: Replica, handlers: ApprovalHandlers, note: Note
) -> None:
    it = await asked(handlers)
    note.done = NO
    assert await handlers.rule(it.key, said()) == NO
    assert await Approvals(replica.database).find(it.key) == it
    note.done = None
    assert isinstance(await handlers.rule(it.key, said()), Approval)


async def test_what_makes_no_sense_is_not_kept(replica: Replica, handlers: ApprovalHandlers, note: Note) -> None:
    note.asked = NO
    assert await handlers.ask(draft()) == NO
    assert await replica.database.approvals.count_documents({}) == 0


async def test_a_request_expires_by_the_servers_clock(replica: Replica, handlers: ApprovalHandlers) -> None:
    it = await asked(handlers)
    await move(replica.database, APPROVAL_LIFE + timedelta(seconds=1))
    await replica.clock.ask()
    late = await handlers.rule(it.key, said())
    assert isinstance(late, Refused)
    assert late.reason == "approval_expired"
    assert await replica.database.notes.count_documents({}) == 0


@pytest.mark.parametrize("limit", [1, 2, 10])
async def test_the_list_has_each_state_without_gap_and_repeat(
    replica: Replica, handlers: ApprovalHandlers, limit: int
) -> None:
    keys = [(await asked(handlers, f"k{number}")).key for number in range(5)]
    await handlers.rule(keys[1], said())
    approvals, now = Approvals(replica.database), replica.clock.now()
    waiting = sorted({keys[0], *keys[2:]})
    assert await listed(approvals, "requested", now, limit) == waiting
    assert await listed(approvals, "approved", now, limit) == [keys[1]]
    assert await listed(approvals, "expired", now, limit) == []
    later = now + 2 * APPROVAL_LIFE
    assert await listed(approvals, "expired", later, limit) == waiting
    assert await listed(approvals, "requested", later, limit) == []


async def listed(approvals: Approvals, state: State, now: datetime, limit: int) -> list[str]:
    found: list[str] = []
    after = None
    while page := await approvals.page("test-a", state, now, after, limit):
        found += [it.key for it in page]
        after = page[-1].expires_at, page[-1].key
    assert await approvals.page("test-b", state, now, None, limit) == []
    return sorted(found)
