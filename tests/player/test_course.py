"""The player's rules: what its scripts promise comes about, and what a plan repeats is not done twice."""

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.player.account import Account
from tests.player.course import Course
from tests.player.examples import AT, MARKET, advance, back, plan
from tests.player.refund import ConflictError, Outcome
from tests.player.script import ALL, STAGES, Script, arranged, mixed

from shared.messages import BuyerRefund, ChannelMoved, RefundSettled

KEY = f"{MARKET}/r-1"
TWO = (
    BuyerRefund(channel_payment_id="pay-1", amount_minor=7_000),
    BuyerRefund(channel_payment_id="pay-2", amount_minor=3_000),
)


def course(**words: object) -> Course:
    script = msgspec.convert(words, Script)
    return Course(lambda _: script)


def account(played: Course) -> Account:
    return played.account(MARKET, "CNY")


def states(event: RefundSettled) -> list[str]:
    """Return where returns, fundings and refunds stand, in this order."""
    outcomes: list[Outcome] = [*event.returns, *event.fundings, *event.refunds]
    return [it.state for it in outcomes]


def told(events: list[RefundSettled]) -> list[tuple[int, str, str | None]]:
    return [(it.revision, it.state, it.reason) for it in events]


def test_without_a_script_everything_is_given_back_and_the_buyer_has_it() -> None:
    played = course()
    (done,) = played.take(plan(fundings=(advance(500),)), AT)
    assert (done.state, done.planned, done.revision, done.key) == ("succeeded", 1, 1, f"{MARKET}/o-1")
    assert (done.returns[0].receiver, states(done)) == ("merchant:alice", ["succeeded"] * 3)
    assert account(played) == Account(
        Counter({"merchant:alice": 6_000}), Counter({"advance": 500}), Counter({"pay-1": 10_000})
    )
    assert account(played).pool_minor == 6_500 - 10_000


def test_the_same_request_has_the_same_answer_and_moves_nothing() -> None:
    played = course(shown=["sending", "funded"])
    first, before = played.take(plan(), AT), msgspec.json.encode(account(played))
    assert played.take(plan(), AT.replace(year=2027)) == first[-1:]
    assert msgspec.json.encode(account(played)) == before


def test_another_body_under_the_same_revision_is_a_conflict() -> None:
    played = course()
    played.take(plan(), AT)
    with pytest.raises(ConflictError, match="another plan under revision 1"):
        played.take(plan(refunds=(BuyerRefund(channel_payment_id="pay-1", amount_minor=1),)), AT)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"refunds": (BuyerRefund(channel_payment_id="pay-1", amount_minor=9_999),)}, "pay-1 is 10000"),
        ({"returns": (back("alice", 5_999),)}, "r-1/merchant:alice/1 is 6000"),
        ({"fundings": (advance(499),)}, "r-1/advance/1 is 500"),
    ],
)
def test_a_part_never_changes_its_amount(changed: dict[str, Any], said: str) -> None:
    played = course()
    asked = plan(fundings=(advance(500),))
    played.take(asked, AT)
    with pytest.raises(ConflictError, match=f"{said}, a later plan says"):
        played.take(msgspec.structs.replace(asked, revision=2, **changed), AT)


def test_an_older_plan_says_nothing_new() -> None:
    played = course()
    played.take(plan(2), AT)
    assert played.take(plan(1), AT) == []


def test_a_refused_refund_fails_for_its_reason_and_nothing_moves() -> None:
    played = course()
    (done,) = played.take(plan(refused="refund_exceeds_paid", returns=(), refunds=()), AT)
    assert (done.state, done.reason) == ("failed", "refund_exceeds_paid")
    assert (done.returns, done.refunds, account(played).pool_minor) == ((), (), 0)


def test_what_does_not_come_back_fails_the_plan_before_the_buyer_gets_anything() -> None:
    played = course(returns={"merchant:bob": {"reason": "NOT_ENOUGH"}})
    both = (back("alice", 6_000), back("bob", 1_000))
    (done,) = played.take(plan(returns=both, fundings=(advance(500),)), AT)
    assert (done.state, done.reason) == ("failed", "NOT_ENOUGH")
    assert [(it.state, it.reason) for it in done.returns] == [("succeeded", None), ("failed", "NOT_ENOUGH")]
    assert states(done)[2:] == ["cancelled", "cancelled"]
    assert account(played).pool_minor == 6_000

    (done,) = played.take(plan(2, returns=both[:1], fundings=(advance(500), advance(1_000, 2))), AT)
    assert (done.state, done.revision, done.planned) == ("succeeded", 2, 2)
    assert [it.state for it in done.returns] == ["succeeded", "failed"]
    assert account(played).pool_minor == 6_000 + 1_500 - 10_000


def test_a_return_is_tried_again_under_a_greater_attempt_and_another_number() -> None:
    played = course(returns={ALL: {"reason": "BUSY", "times": 1}}, shown=["sending"])
    _, first = played.take(plan(), AT)
    untouched, same = played.take(plan(2), AT)
    assert (first.state, same.state) == ("failed", "failed")
    assert untouched.returns == same.returns == first.returns
    _, done = played.take(plan(3, returns=(back("alice", 6_000, attempt=2),)), AT)
    assert done.state == "succeeded"
    assert done.returns[0].channel_number != first.returns[0].channel_number
    assert account(played).returned == {"merchant:alice": 6_000}


def test_a_refund_that_fails_of_one_payment_is_tried_again_of_that_one_only() -> None:
    played = course(refunds={"pay-2": {"reason": "ACCOUNT_ABNORMAL", "times": 1}})
    (first,) = played.take(plan(refunds=TWO), AT)
    assert (first.state, first.reason, [it.state for it in first.refunds]) == (
        "failed", "ACCOUNT_ABNORMAL", ["succeeded", "failed"],
    )  # fmt: skip
    (done,) = played.take(plan(2, refunds=TWO), AT)
    assert done.state == "succeeded"
    assert done.refunds[0] == first.refunds[0]
    assert done.refunds[1].channel_number != first.refunds[1].channel_number
    assert account(played).refunded == {"pay-1": 7_000, "pay-2": 3_000}


def test_a_platform_without_money_is_waited_for() -> None:
    played = course(waits=True, stop="waiting_funds")
    waiting = played.take(plan(fundings=(advance(500),)), AT)
    assert told(waiting) == [(1, "waiting_funds", "insufficient_funds")]
    assert [(it.state, it.reason) for it in waiting[0].fundings] == [("created", "insufficient_funds")]
    assert account(played).pool_minor == 6_000
    done = played.go_on(KEY, AT)
    assert told(done) == [(2, "succeeded", None)]
    assert [(it.state, it.reason) for it in done[0].fundings] == [("succeeded", None)]


def test_a_plan_without_fundings_waits_for_none() -> None:
    assert told(course(waits=True).take(plan(), AT)) == [(1, "succeeded", None)]


def test_the_stages_of_a_refund_can_be_shown() -> None:
    events = course(shown=STAGES, waits=True).take(plan(fundings=(advance(500),)), AT)
    assert [(it.revision, it.state) for it in events] == [
        (1, "under_way"), (2, "under_way"), (3, "waiting_funds"), (4, "under_way"), (5, "under_way"), (6, "succeeded"),
    ]  # fmt: skip
    assert [it.returns[0].state for it in events] == ["sending", *["succeeded"] * 5]
    assert [it.fundings[0].state for it in events] == [*["created"] * 3, *["succeeded"] * 3]
    assert [it.refunds[0].state for it in events] == [*["created"] * 3, "sending", "unknown", "succeeded"]
    assert len({it.settled_at for it in events}) == len(events)


def test_a_failed_return_is_told_while_the_plan_is_under_way() -> None:
    events = course(shown=["returned"], returns={ALL: {"reason": "NOT_ENOUGH"}}).take(plan(), AT)
    assert [(it.state, it.returns[0].state) for it in events] == [("under_way", "failed"), ("failed", "failed")]


def test_fundings_may_come_before_the_returns_and_stay_when_these_fail() -> None:
    played = course(fundings_first=True, returns={ALL: {"reason": "NOT_ENOUGH"}})
    (failed,) = played.take(plan(fundings=(advance(500),)), AT)
    assert states(failed) == ["failed", "succeeded", "cancelled"]
    (done,) = played.take(plan(2, returns=(), fundings=(advance(500), advance(6_000, 2))), AT)
    assert done.state == "succeeded"
    assert account(played).funded == {"advance": 6_500}


def test_what_is_sent_goes_on_though_the_next_plan_does_not_name_it() -> None:
    played = course(stop="sending")
    played.take(plan(), AT)
    events = played.take(plan(2, returns=(), fundings=(advance(6_000),)), AT) + played.go_on(KEY, AT)
    assert [(it.return_id, it.state) for it in events[-1].returns] == [("r-1/merchant:alice/1", "succeeded")]
    assert (events[-1].state, account(played).pool_minor) == ("succeeded", 2_000)


def test_a_buyers_bank_may_send_back_what_the_buyer_had() -> None:
    played = course()
    played.take(plan(refunds=TWO), AT)
    gone = played.send_back(KEY, "pay-1", "ACCOUNT_CLOSED", AT)
    assert (gone.revision, gone.state, gone.reason) == (2, "failed", "ACCOUNT_CLOSED")
    assert [it.state for it in gone.refunds] == ["returned", "succeeded"]
    assert account(played).refunded == {"pay-1": 0, "pay-2": 3_000}
    with pytest.raises(ConflictError, match="the buyer has nothing of pay-1"):
        played.send_back(KEY, "pay-1", "ACCOUNT_CLOSED", AT)
    (done,) = played.take(plan(2, refunds=TWO), AT)
    assert (done.state, account(played).refunded) == ("succeeded", {"pay-1": 7_000, "pay-2": 3_000})


@pytest.mark.parametrize(
    ("kind", "sign"),
    [
        ("chargeback", -1),
        ("chargeback_reversed", 1),
        ("console_refund", -1),
        ("auto_unfreeze", -1),
        ("inbound", 1),
        ("deduction", 1),
    ],
)
def test_what_the_institution_moves_by_itself_changes_the_pool(kind: str, sign: int) -> None:
    played = course()
    facts: dict[str, Any] = {
        "marketplace": MARKET,
        "movement_id": "m-1",
        "kind": kind,
        "channel_profile": "sandbox-direct",
    }
    facts |= {"channel_account": MARKET, "currency": "CNY", "amount_minor": 700, "moved_at": AT}
    played.move(msgspec.convert(facts, ChannelMoved))
    assert account(played).pool_minor == sign * 700


def test_revisions_can_be_repeated_and_disordered_the_same_way_each_time() -> None:
    script = Script(shown=frozenset(STAGES), repeats=1, order="shuffled")
    events = Course(lambda _: script).take(plan(), AT)
    once = arranged(script, events)
    assert once == arranged(script, events)
    assert Counter(it.revision for it in once) == dict.fromkeys(range(1, 6), 2)
    assert [it.revision for it in once] != sorted(it.revision for it in once)
    backwards = arranged(Script(order="reversed"), events)
    assert [it.revision for it in backwards] == [5, 4, 3, 2, 1]
    assert arranged(script, []) == []


@given(st.integers(0, 50), st.integers(0, 500))
def test_drawn_scripts_depend_on_the_refund_alone(seed: int, number: int) -> None:
    asked = msgspec.structs.replace(plan(), refund_id=f"r-{number}")
    once, later = mixed(seed)(asked), mixed(seed)(msgspec.structs.replace(asked, revision=9))
    assert once == later
    assert once.stop is None


def test_drawn_scripts_have_troubles_of_every_kind() -> None:
    drawn = [mixed(1)(msgspec.structs.replace(plan(), refund_id=f"r-{number}")) for number in range(1_000)]
    assert 200 < sum(it != Script() for it in drawn) < 400
    assert any(it.returns for it in drawn)
    assert any(it.refunds for it in drawn)
    assert any(it.waits for it in drawn)
    assert {it.order for it in drawn} == {"told", "reversed", "shuffled"}
