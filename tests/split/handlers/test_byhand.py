"""Holds by hand on a real MongoDB: who froze what is kept, and nothing is let go without a second person."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.split.examples import PAID_AT, agreement, line, merchant, paid_order
from tests.split.goods import progress
from tests.split.replica import Replica

from shared import clock
from split.domain.approvals import Approval, Ruling
from split.domain.byhand import Change
from split.domain.refusals import Refused
from split.handlers.approvals import Draft
from split.handlers.byhand import Wish
from split.store.byhand import FreezeChanges

NEWS = merchant("m1", agreement(trigger="completed", trigger_days=7))
ORDER = paid_order(line(1, 1_000), line(2, 500))


def wish(*lines: str, key: str = "k1", **fields: Any) -> Wish:  # noqa: ANN401 - any field of a wish
    given: dict[str, Any] = {
        "marketplace": "test-a",
        "order_id": "1",
        "freeze_id": "f",
        "line_ids": lines,
        "expires_at": None,
        "actor": "ann",
        "reason": "looks stolen",
    }
    return Wish(key=key, **(given | fields))


async def freeze(replica: Replica, *lines: str, **fields: Any) -> Change | Refused:  # noqa: ANN401 - any field of a wish
    return await replica.parts.hold.freeze(wish(*lines, **fields))


async def ask(replica: Replica, key: str = "a1", **details: str | int) -> Approval | Refused:
    draft = Draft(
        marketplace="test-a",
        action="hold_release",
        subject="orders/1",
        details={"order_id": "1", **details},
        actor="ann",
        reason="found",
        key=key,
    )
    return await replica.parts.approve.ask(draft)


async def approve(replica: Replica, asked: Approval | Refused, actor: str = "bob") -> Approval | Refused:
    assert isinstance(asked, Approval), asked
    ruling = Ruling(verdict="approved", actor=actor, reason="seen", key=f"{actor}-{asked.approval_id}"[:64])
    return await replica.parts.approve.rule(asked.key, ruling)


def reason(answer: object) -> str:
    return answer.reason if isinstance(answer, Refused) else ""


async def test_what_is_frozen_by_hand_stays_until_two_people_let_it_go(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement(trigger="shipped")), ORDER)
    await freeze(replica, "l1")
    await replica.take(progress())
    assert [leg.amount_minor for leg in replica.published.payouts()[0].legs] == [440, 60]
    asked = await ask(replica, freeze_id="f")
    assert reason(await approve(replica, asked, "ann")) == "same_person"
    assert len(replica.published.payouts()) == 1
    done = await approve(replica, asked)
    assert isinstance(done, Approval)
    assert (done.state, done.outcome) == ("approved", "o:1.2")
    assert [leg.amount_minor for leg in replica.published.payouts()[1].legs] == [880, 120]
    made, let_go = await FreezeChanges(replica.database).page("test-a/1", None, 9)
    assert (made.open, made.actor, made.approved_by, made.reason) == (True, "ann", "", "looks stolen")
    assert (let_go.open, let_go.actor, let_go.approved_by, let_go.reason) == (False, "ann", "bob", "found")


async def test_a_repeat_is_answered_as_the_first_was_also_after_the_freeze_is_gone(replica: Replica) -> None:
    await replica.take(NEWS, ORDER)
    first = await freeze(replica)
    assert await freeze(replica) == first
    await approve(replica, await ask(replica, freeze_id="f"))
    assert await freeze(replica) == first
    assert [it["open"] for it in (await replica.order())["facts"]["freezes"]] == [False]
    assert reason(await freeze(replica, "l1")) == "idempotency_key_reused"
    assert reason(await freeze(replica, key="k2", expires_at=PAID_AT)) == "expiry_past"


async def test_what_is_not_there_cannot_be_frozen_or_let_go(replica: Replica) -> None:
    assert reason(await freeze(replica)) == "order_unknown"
    assert reason(await ask(replica, freeze_id="f")) == "order_unknown"
    await replica.take(NEWS, ORDER)
    assert reason(await freeze(replica, "l9")) == "line_unknown"
    assert reason(await ask(replica, freeze_id="f")) == "freeze_unknown"
    assert reason(await ask(replica, lines="l1/l9")) == "line_unknown"
    assert await FreezeChanges(replica.database).page("test-a/1", None, 9) == []


async def test_an_order_that_has_not_come_yet_is_frozen_when_it_comes(replica: Replica) -> None:
    await replica.take(progress())
    await freeze(replica, "l1")
    await replica.take(merchant("m1", agreement()), ORDER)
    held = [it for it in (await replica.order())["shares"] if it["state"] == "held"]
    assert [(it["lines"], it["reason"]) for it in held] == [(["l1"], "frozen:operator:f")]


async def test_a_freeze_of_a_stub_is_let_go_in_the_stub(replica: Replica) -> None:
    await replica.take(progress())
    await freeze(replica)
    done = await approve(replica, await ask(replica, freeze_id="f"))
    assert isinstance(done, Approval)
    assert done.outcome == "nothing_was_due"
    await replica.take(merchant("m1", agreement()), ORDER)
    assert (await replica.shares())["merchant:m1"][0] == "in_transit"


async def test_a_freeze_expires_by_itself(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement(trigger="shipped")), ORDER)
    await freeze(replica, expires_at=replica.clock.now() + timedelta(days=2))
    await replica.take(progress())
    assert (await replica.shares())["merchant:m1"][1] == "frozen:operator:f"
    await clock.move(replica.database, timedelta(days=3))
    await replica.clock.ask()
    assert reason(await ask(replica, freeze_id="f")) == "freeze_unknown"
    assert await replica.parts.deadlines.once() == 1
    assert (await replica.shares())["merchant:m1"][0] == "in_transit"


async def test_two_people_let_lines_go_before_their_time(replica: Replica) -> None:
    await replica.take(NEWS, ORDER)
    asked = await ask(replica, lines="l2")
    assert replica.published.payouts() == []
    done = await approve(replica, asked)
    assert isinstance(done, Approval)
    assert done.outcome == "o:1.1"
    assert [leg.amount_minor for leg in replica.published.payouts()[0].legs] == [440, 60]
    assert await approve(replica, asked) == done
    assert len(replica.published.payouts()) == 1
    await approve(replica, await ask(replica, "a2"))
    assert "merchant:held/m1" not in await replica.balances()
    assert reason(await ask(replica, "a3")) == "nothing_to_release"


async def test_what_is_let_go_while_something_else_holds_it_stays(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement(trigger="completed"), blocked=("kyc",)), ORDER)
    done = await approve(replica, await ask(replica))
    assert isinstance(done, Approval)
    assert done.outcome == "nothing_was_due"
    assert (await replica.shares())["merchant:m1"][1] == "blocked:kyc"
    await replica.take(merchant("m1", agreement(trigger="completed"), version=2))
    await replica.parts.releases.release("test-a/m1")
    assert (await replica.shares())["merchant:m1"][0] == "in_transit"


async def test_what_was_asked_for_is_looked_at_again_when_it_is_approved(replica: Replica) -> None:
    await replica.take(NEWS, ORDER)
    asked, other = await ask(replica), await ask(replica, "a2")
    await approve(replica, asked)
    assert reason(await approve(replica, other)) == "nothing_to_release"


@pytest.mark.parametrize("turn", range(3))
async def test_a_freeze_and_a_release_at_once_are_in_some_order(replica: Replica, turn: int) -> None:
    """Whoever is second sees the first: frozen and then let go by trigger alone, or gone before the freeze."""
    await replica.take(NEWS, ORDER)
    asked = await ask(replica)
    await asyncio.gather(freeze(replica, key=f"k{turn}"), approve(replica, asked))
    state, why, _ = (await replica.shares())["merchant:m1"]
    assert (state, why) in {("in_transit", ""), ("held", "frozen:operator:f")}
    facts = (await replica.order())["facts"]
    assert (len(facts["freezes"]), len(facts["released"])) == (1, 1)


async def test_pages_of_changes_go_on_where_they_ended(replica: Replica) -> None:
    await replica.take(NEWS, ORDER)
    for number in range(5):
        await freeze(replica, freeze_id=f"f{number}", key=f"k{number}")
    first = await FreezeChanges(replica.database).page("test-a/1", None, 2)
    rest = await FreezeChanges(replica.database).page("test-a/1", (first[-1].at, first[-1].key), 9)
    assert sorted(it.freeze_id for it in (*first, *rest)) == [f"f{number}" for number in range(5)]
    other = msgspec.structs.replace(first[0], order_id="2")
    assert await FreezeChanges(replica.database).page(other.order, None, 9) == []
