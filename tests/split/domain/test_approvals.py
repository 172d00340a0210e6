"""Actions that need two people."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec
import pytest

from split.domain.approvals import APPROVAL_LIFE, LIFECYCLE, Approval, Ruling, State, Verdict, ruled
from split.domain.refusals import Refused

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ASKED = Approval(
    marketplace="test-a",
    approval_id="a1",
    action="leg_retry",
    subject="test-a/o:1/merchant:m1/1",
    actor="Ann",
    reason="the account was mended",
    requested_at=NOW,
    expires_at=NOW + APPROVAL_LIFE,
)


def said(verdict: Verdict = "approved", actor: str = "Bob", **fields: Any) -> Ruling:  # noqa: ANN401 - any field of a ruling
    return Ruling(**({"verdict": verdict, "actor": actor, "reason": "seen", "key": "k"} | fields))


def reason(answer: Approval | Refused) -> str:
    return answer.reason if isinstance(answer, Refused) else ""


def test_somebody_else_approves_and_stands_there() -> None:
    after = ruled(ASKED, said(), NOW + HOUR)
    assert isinstance(after, Approval)
    assert (after.state, after.decided_by, after.decided_reason, after.decided_at) == (
        "approved",
        "Bob",
        "seen",
        NOW + HOUR,
    )
    assert (after.actor, after.reason) == (ASKED.actor, ASKED.reason)


@pytest.mark.parametrize("actor", ["Ann", "ann", " ANN ", "Ann ", "\uff21nn"])
def test_nobody_approves_what_they_asked_for_however_they_write_their_name(actor: str) -> None:
    assert reason(ruled(ASKED, said(actor=actor), NOW)) == "same_person"
    taken_back = ruled(ASKED, said("refused", actor=actor), NOW)
    assert isinstance(taken_back, Approval)
    assert taken_back.state == "refused"


def test_a_request_waits_a_day_and_no_longer() -> None:
    last = NOW + APPROVAL_LIFE - timedelta(milliseconds=1)
    assert reason(ruled(ASKED, said(), last)) == ""
    assert ASKED.at(last).state == "requested"
    assert reason(ruled(ASKED, said(), NOW + APPROVAL_LIFE)) == "approval_expired"
    assert ASKED.at(NOW + APPROVAL_LIFE).state == "expired"


@pytest.mark.parametrize("state", get_args(State))
@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_a_decision_is_made_once(state: State, verdict: Verdict) -> None:
    """Every cell that the table does not have changes nothing."""
    before = msgspec.structs.replace(ASKED, state=state)
    after = ruled(before, said(verdict), NOW)
    assert isinstance(after, Approval) == (verdict in LIFECYCLE[state])
    if isinstance(after, Approval):
        assert reason(ruled(after, said("refused", key="k2"), NOW)) == "approval_decided"
        assert after.at(NOW + APPROVAL_LIFE) == after


def test_a_decision_sent_twice_is_one_and_its_key_is_good_for_nothing_else() -> None:
    after = ruled(ASKED, said(), NOW)
    assert isinstance(after, Approval)
    assert ruled(after, said(), NOW + 2 * APPROVAL_LIFE) == after
    assert reason(ruled(after, said("refused"), NOW)) == "idempotency_key_reused"
    assert reason(ruled(after, said(actor="Eve"), NOW)) == "idempotency_key_reused"
