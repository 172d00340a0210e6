"""Freezes and releases by hand: one person may hold more, and never less."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.split.examples import PAID_AT
from tests.split.goods import DAY, HOUR

from split.domain.byhand import Change, freeze, freeze_of, let_go, release
from split.domain.holds import FREEZES_MAX, NO_FACTS, RELEASES_MAX, Facts, Freeze, Release
from split.domain.refusals import Refused

LINES = ("l1", "l2", "l3")


def change(*lines: str, **fields: Any) -> Change:  # noqa: ANN401 - any field of a change
    given: dict[str, Any] = {
        "change_id": f"{lines}{fields}",
        "marketplace": "test-a",
        "order_id": "1",
        "freeze_id": "f",
        "open": True,
        "line_ids": lines,
        "actor": "ann",
        "reason": "looks stolen",
        "at": PAID_AT,
    }
    return Change(**(given | fields))


def frozen(*changes: Change) -> Facts:
    facts: Facts = NO_FACTS
    for it in changes:
        after = freeze(facts, it, LINES, PAID_AT)
        assert isinstance(after, Facts), after
        facts = after
    return facts


def reason(answer: Facts | Refused) -> str:
    return answer.reason if isinstance(answer, Refused) else ""


def test_a_freeze_by_hand_is_owned_by_its_id_and_says_why() -> None:
    found = freeze_of(frozen(change("l1", expires_at=PAID_AT + DAY)), "f")
    assert found is not None
    assert (found.owner, found.revision, found.open, found.reason) == ("operator:f", 1, True, "looks stolen")
    assert (found.line_ids, found.expires_at) == (("l1",), PAID_AT + DAY)
    assert freeze_of(frozen(change("l1")), "g") is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (change("l1"), change("l1", "l2")),
        (change("l1"), change()),
        (change("l1", expires_at=PAID_AT + DAY), change("l1", expires_at=PAID_AT + 2 * DAY)),
        (change("l1", expires_at=PAID_AT + DAY), change("l1")),
        (change(), change(reason="the police asked for it")),
    ],
)
def test_one_person_may_make_a_freeze_stop_more_or_longer(before: Change, after: Change) -> None:
    found = freeze_of(frozen(before, after), "f")
    assert found is not None
    assert (found.revision, found.line_ids, found.expires_at) == (2, after.line_ids, after.expires_at)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (change("l1", "l2"), change("l1")),
        (change(), change("l1", "l2", "l3")),
        (change(), change(expires_at=PAID_AT + DAY)),
        (change(expires_at=PAID_AT + DAY), change(expires_at=PAID_AT + HOUR)),
        (change("l1"), change("l2")),
    ],
)
def test_one_person_alone_never_makes_a_freeze_stop_less(before: Change, after: Change) -> None:
    assert reason(freeze(frozen(before), after, LINES, PAID_AT)) == "freeze_would_release"


def test_a_freeze_that_is_over_may_be_stated_anew_as_anybody_likes() -> None:
    expired = frozen(change(expires_at=PAID_AT + HOUR))
    assert reason(freeze(expired, change("l1"), LINES, PAID_AT + HOUR)) == ""


def test_what_makes_no_sense_is_refused() -> None:
    assert reason(freeze(NO_FACTS, change("l9"), LINES, PAID_AT)) == "line_unknown"
    assert reason(freeze(NO_FACTS, change("l9"), (), PAID_AT)) == ""  # nobody knows its lines yet
    assert reason(freeze(NO_FACTS, change(expires_at=PAID_AT), LINES, PAID_AT)) == "expiry_past"
    full = Facts(freezes=tuple(Freeze(owner=str(n), revision=1, open=True, reason="") for n in range(FREEZES_MAX)))
    assert reason(freeze(full, change(), LINES, PAID_AT)) == "freezes_too_many"


def test_only_a_freeze_that_stops_something_is_let_go_and_only_that_one() -> None:
    facts = frozen(change(), change("l1", freeze_id="g"), change("l2", freeze_id="h", expires_at=PAID_AT + HOUR))
    after = let_go(facts, change(open=False), PAID_AT)
    assert isinstance(after, Facts)
    assert [(it.owner, it.open, it.revision) for it in after.freezes] == [
        ("operator:g", True, 1),
        ("operator:h", True, 1),
        ("operator:f", False, 2),
    ]
    for name, moment in (("f", PAID_AT), ("x", PAID_AT), ("h", PAID_AT + 2 * HOUR)):
        assert reason(let_go(after, change(freeze_id=name, open=False), moment)) == "freeze_unknown"


def test_a_case_is_no_freeze_by_hand() -> None:
    facts = Facts(freezes=(Freeze(owner="case:f", revision=1, open=True, reason="broken"),))
    assert reason(let_go(facts, change(open=False), PAID_AT)) == "freeze_unknown"


def test_lines_are_let_go_once_for_each_approval() -> None:
    wanted = Release(approval_id="a", line_ids=("l1",), at=PAID_AT)
    facts = release(NO_FACTS, wanted, LINES)
    assert facts == Facts(released=(wanted,))
    again = msgspec.structs.replace(wanted, at=PAID_AT + timedelta(days=1))
    assert release(Facts(released=(wanted,)), again, LINES) == facts
    assert reason(release(NO_FACTS, wanted, ("l2",))) == "line_unknown"
    many = tuple(msgspec.structs.replace(wanted, approval_id=str(number)) for number in range(RELEASES_MAX))
    assert reason(release(Facts(released=many), wanted, LINES)) == "releases_too_many"
