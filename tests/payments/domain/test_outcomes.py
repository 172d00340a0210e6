"""What an institution's answers do to a payout."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.payments.examples import NOW, payout, subsidy

from payments.domain.lifecycles import INSTRUCTION, State
from payments.domain.outcomes import REASON_CHARACTERS_MAX, UNKNOWN, Answer, answered, ask_at, started
from payments.domain.payouts import Payout, instructions, requested, settled
from shared.messages import LegOutcome, PayoutSettled, decode, encode

DONE = Answer("succeeded")
NO_FUNDS = Answer("failed", "insufficient_funds")


def taken(**fields: Any) -> Payout:  # noqa: ANN401 - any field of the contract
    return requested(payout(**fields), NOW, NOW)


def _reachable(old: LegOutcome) -> set[State]:
    return set(INSTRUCTION[old.state].values())


def all_answer(it: Payout, answer: Answer) -> Payout:
    return answered(it, {instruction.number: answer for instruction in instructions(it)})


def test_legs_that_succeed_make_the_payout_final() -> None:
    paid = all_answer(taken(), DONE)
    assert (paid.waits, paid.revision, paid.moved_minor) == (None, 1, 1_200)
    assert ask_at(paid, NOW) is None


def test_a_leg_that_fails_keeps_its_reason_and_the_others_are_paid() -> None:
    sent = taken()
    paid = answered(
        sent,
        {
            sent.legs[0].channel_number: Answer("failed", "ACCOUNT_ABNORMAL"),
            sent.legs[1].channel_number: DONE,
        },
    )
    assert [(it.state, it.reason) for it in paid.legs] == [("failed", "ACCOUNT_ABNORMAL"), ("succeeded", None)]
    assert (paid.waits, paid.moved_minor) == (None, 120)


def test_the_same_answer_again_raises_no_revision() -> None:
    unknown = all_answer(taken(), UNKNOWN)
    assert unknown.revision == 1
    assert all_answer(unknown, UNKNOWN).revision == 1
    assert all_answer(all_answer(unknown, UNKNOWN), DONE).revision == 2


def test_unknown_legs_are_asked_for_later_and_later() -> None:
    it, waits = taken(), []
    for _ in range(3):
        it = all_answer(it, UNKNOWN)
        due = ask_at(it, NOW)
        assert due is not None
        waits.append(due - NOW)
    assert waits == [timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=5)]


def test_a_final_leg_never_changes_again() -> None:
    paid = all_answer(taken(), DONE)
    late = {it.channel_number: Answer("failed", "TOO_LATE") for it in paid.legs}
    assert answered(paid, late).legs == paid.legs
    assert answered(paid, late).revision == paid.revision


def test_legs_go_out_once_the_subsidy_is_in() -> None:
    funded = all_answer(taken(subsidies=(subsidy(),)), DONE)
    assert [it.kind for it in instructions(funded)] == ["payout", "payout"]
    assert funded.waits == "sending"
    paid = all_answer(funded, DONE)
    assert (paid.waits, paid.moved_minor) == (None, 1_200 - 300)


def test_without_funds_the_legs_wait_visibly_and_the_subsidy_gets_a_new_number() -> None:
    sent = taken(subsidies=(subsidy(),))
    short = all_answer(sent, NO_FUNDS)
    assert short.waits == "waiting_funds"
    assert [(it.state, it.reason) for it in short.legs] == [("created", "waiting_funds")] * 2
    assert short.subsidies[0].channel_number != sent.subsidies[0].channel_number
    assert list(instructions(short)) == []


def test_waiting_for_funds_is_news_once() -> None:
    short = all_answer(taken(subsidies=(subsidy(),)), NO_FUNDS)
    still_short = all_answer(started(short), NO_FUNDS)
    assert still_short.revision == short.revision
    assert still_short.subsidies[0].attempt == 3


def test_what_waits_for_funds_is_tried_again_within_a_minute_however_long_it_has_waited() -> None:
    short = all_answer(taken(subsidies=(subsidy(),)), NO_FUNDS)
    for _ in range(10):
        short = all_answer(started(short), NO_FUNDS)
    due = ask_at(short, NOW)
    assert due is not None
    assert due - NOW == timedelta(minutes=1)


def test_funds_that_come_later_let_everything_be_paid() -> None:
    short = all_answer(taken(subsidies=(subsidy(),)), NO_FUNDS)
    paid = all_answer(all_answer(started(short), DONE), DONE)
    assert [(it.state, it.reason) for it in paid.legs] == [("succeeded", None)] * 2
    assert (paid.waits, paid.moved_minor) == (None, 900)


def test_a_leg_is_not_sent_while_one_of_several_subsidies_is_missing() -> None:
    sent = taken(subsidies=(subsidy(100), subsidy(200, "o-2")))
    half = answered(sent, {sent.subsidies[0].channel_number: DONE, sent.subsidies[1].channel_number: UNKNOWN})
    assert [it.kind for it in instructions(half)] == ["subsidy"]


ANSWERS = st.builds(Answer, st.sampled_from(["accepted", "succeeded", "failed", "unknown"]), st.just("why"))


@given(st.lists(st.lists(ANSWERS, min_size=3, max_size=3), max_size=8), st.booleans())
def test_no_series_of_answers_leaves_the_tables_or_pays_a_leg_twice(rounds: list[list[Answer]], funded: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    it = taken(subsidies=(subsidy(),) if funded else ())
    paid: set[str] = set()
    for answers in rounds:
        told = {one.number: answer for one, answer in zip(instructions(it), answers, strict=False)}
        after = answered(it, told)
        for old, new in zip(it.legs, after.legs, strict=True):
            assert new.state == old.state or new.state in _reachable(old)
            if new.state == "succeeded" and old.state != "succeeded":
                assert new.leg_id not in paid
                paid.add(new.leg_id)
        assert after.revision >= it.revision
        assert all(it.state == "created" for it in after.legs) or all(
            subsidy.state == "succeeded" for subsidy in after.subsidies
        )
        it = after


def test_a_subsidy_that_failed_for_a_long_reason_is_told_so_that_others_can_read_it() -> None:
    waiting = all_answer(taken(subsidies=(subsidy(),)), Answer("failed", "x" * REASON_CHARACTERS_MAX))
    told = decode(PayoutSettled, encode(settled(waiting, NOW)))
    assert {leg.reason for leg in told.legs} == {told.subsidies[0].reason} == {"subsidy_failed: " + "x" * 112}
