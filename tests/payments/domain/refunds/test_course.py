"""What an institution's answers do to a refund: returns and fundings first, then the buyer, and nothing by guessing."""

from typing import Any

import msgspec
import pytest
from tests.payments.examples import NOW, back, funding, plan, to_buyer

from payments.domain.outcomes import UNKNOWN, Answer
from payments.domain.refunds.course import answered, ask_at, doubted, started
from payments.domain.refunds.plans import laid, opened
from payments.domain.refunds.refund import Refund, instructions, settled
from shared.messages import RefundSettled, decode, encode

DONE = Answer("succeeded")
NO_FUNDS = Answer("failed", "insufficient_funds")
NOT_ENOUGH = Answer("failed", "NOT_ENOUGH")
TWO = (to_buyer(700, "pay-1"), to_buyer(500, "pay-2"))


def taken(**fields: Any) -> Refund:  # noqa: ANN401 - any field of the contract
    event = plan(**fields)
    return laid(opened(event, NOW, NOW), event, {}, {})


def answer(it: Refund, default: Answer, **by_kind: Answer) -> Refund:
    """Answer everything that is with the institution, by kind where that is said."""
    return answered(it, {one.number: by_kind.get(one.kind.removesuffix("_"), default) for one in instructions(it)})


def states(it: Refund) -> list[str]:
    return [part.state for part in it.parts]


def test_what_the_buyer_gets_goes_out_only_when_everything_before_it_is_in() -> None:
    sent = taken()
    assert [(it.kind, it.receiver) for it in instructions(sent)] == [("return", "merchant:alice"), ("subsidy", "pool")]
    assert states(answer(sent, DONE, subsidy=UNKNOWN)) == ["succeeded", "unknown", "created"]
    funded = answer(sent, DONE)
    assert (funded.standing, states(funded)) == ("under_way", ["succeeded", "succeeded", "sending"])
    assert [(it.kind, it.receiver, it.of) for it in instructions(funded)] == [("refund", "buyer", "pay-o-1")]
    done = answer(funded, DONE)
    assert (done.standing, done.waits, done.revision, done.moved_minor) == ("succeeded", None, 2, 0)
    assert ask_at(done, NOW) is None


def test_what_the_platform_had_added_goes_back_to_it_before_the_buyer_gets_anything() -> None:
    undone = funding(50, "marketing_back")
    returned = answer(taken(fundings=(undone,), refunds=(to_buyer(1_030),)), DONE)
    assert [(it.kind, it.receiver) for it in instructions(returned)] == [("marketing_back", "platform:marketing")]
    done = answer(answer(returned, DONE), DONE)
    assert (done.standing, done.moved_minor) == ("succeeded", 0)


def test_the_payments_of_an_order_are_refunded_in_the_order_in_which_they_are_stated() -> None:
    funded = answer(taken(refunds=TWO), DONE)
    assert [it.of for it in instructions(funded)] == ["pay-1", "pay-2"]


def test_a_refund_is_done_only_when_the_institution_says_so_of_every_payment() -> None:
    funded = answer(taken(refunds=TWO), DONE)
    first, second = instructions(funded)
    half = answered(funded, {first.number: DONE, second.number: Answer("accepted")})
    assert (half.standing, half.waits) == ("under_way", "accepted")
    assert answer(half, DONE).standing == "succeeded"


@pytest.mark.parametrize("answers", [UNKNOWN, Answer("accepted")])
def test_what_is_not_final_stays_so_and_is_asked_for_later_and_later(answers: Answer) -> None:
    it, waits = taken(), []
    for _ in range(4):
        it = answer(it, answers)
        waits.append(((ask_at(it, NOW) or NOW) - NOW).total_seconds())
    assert (waits, it.waits, it.revision) == ([5, 30, 300, 3_600], answers.state, 1)


def test_a_return_that_fails_is_told_at_once_and_what_was_not_sent_is_called_off() -> None:
    failing = answer(taken(), UNKNOWN, **{"return": NOT_ENOUGH})
    assert (failing.standing, failing.reason, failing.waits) == ("under_way", "NOT_ENOUGH", "unknown")
    assert states(failing) == ["failed", "unknown", "cancelled"]
    failed = answer(failing, DONE)
    assert (failed.standing, failed.reason, failed.waits, failed.moved_minor) == ("failed", "NOT_ENOUGH", None, 120)
    told = settled(failed, NOW)
    assert [(it.state, it.reason) for it in told.refunds] == [("cancelled", "plan_failed")]


def test_what_the_platform_lacks_is_waited_for_visibly_and_tried_under_another_number() -> None:
    sent = taken()
    number = sent.parts[1].channel_number
    waiting = answer(sent, DONE, subsidy=NO_FUNDS)
    assert (waiting.standing, waiting.reason, waiting.waits) == ("waiting_funds", "insufficient_funds", "waiting_funds")
    assert [it.state for it in settled(waiting, NOW).fundings] == ["created"]
    assert list(instructions(waiting)) == []
    assert ((ask_at(waiting, NOW) or NOW) - NOW).total_seconds() <= 300
    again = started(waiting)
    assert [it.number for it in instructions(again)] == [waiting.parts[1].channel_number] != [number]
    assert answer(again, NO_FUNDS).revision == waiting.revision  # waited for as before: no news
    assert answer(again, DONE).standing == "under_way"


def test_an_unknown_funding_is_asked_after_under_its_own_number() -> None:
    unknown = answer(taken(), UNKNOWN)
    assert [it.number for it in instructions(unknown)] == [it.channel_number for it in taken().parts[:2]]


def test_a_pool_that_lacks_the_money_today_lets_the_buyer_wait_and_not_fail() -> None:
    waiting = answer(answer(taken(), DONE), NO_FUNDS)
    assert (waiting.standing, waiting.parts[2].attempt) == ("waiting_funds", 2)


def test_the_institutions_own_word_for_no_funds_is_understood() -> None:
    sent = taken(channel_profile="wechat-ecommerce")
    assert answer(sent, DONE, advance=NOT_ENOUGH).standing == "waiting_funds"


def test_a_receiver_that_has_not_the_money_fails_since_others_must_give_it_then() -> None:
    assert answer(taken(), DONE, **{"return": NO_FUNDS}).standing == "failed"


def test_what_a_buyers_bank_refuses_fails_the_plan_and_leaves_the_other_payment_as_it_is() -> None:
    funded = answer(taken(refunds=TWO), DONE)
    first, second = instructions(funded)
    failed = answered(funded, {first.number: DONE, second.number: Answer("failed", "ACCOUNT_ABNORMAL")})
    assert (failed.standing, failed.reason, failed.waits) == ("failed", "ACCOUNT_ABNORMAL", None)
    assert [it.state for it in settled(failed, NOW).refunds] == ["succeeded", "failed"]


def test_what_a_buyers_bank_sends_back_is_believed_when_the_institution_says_so() -> None:
    done = answer(answer(taken(), DONE), DONE)
    assert doubted(taken()) == taken()
    asked = doubted(done)
    assert (asked.waits, [it.kind for it in instructions(asked)]) == ("checked", ["refund"])
    same = answer(asked, DONE)
    assert (same.waits, same.revision) == (None, done.revision)
    gone = answer(asked, Answer("returned", "ACCOUNT_CLOSED"))
    assert (gone.standing, gone.reason, gone.waits) == ("failed", "ACCOUNT_CLOSED", None)
    assert (gone.moved_minor, gone.revision) == (1_200, done.revision + 1)


def test_what_came_back_before_anybody_knew_that_it_had_gone_is_told_as_it_stands() -> None:
    unknown = answer(answer(taken(), DONE), UNKNOWN)
    gone = answer(unknown, Answer("returned", "ACCOUNT_CLOSED"))
    assert (gone.standing, gone.parts[2].state, gone.waits) == ("failed", "returned", None)


def test_nobodys_bank_sends_back_what_came_in() -> None:
    sent = taken()
    assert states(answer(sent, Answer("returned"))) == states(sent)


def test_the_same_answers_again_change_nothing() -> None:
    sent = taken()
    answers = {it.number: DONE for it in instructions(sent)}
    once = answered(sent, answers)
    assert msgspec.structs.replace(answered(once, answers), asks=once.asks) == once


def test_what_is_told_is_readable_and_has_every_part() -> None:
    told = settled(answer(taken(returns=(back(), back("bob", 5))), DONE), NOW)
    assert decode(RefundSettled, encode(told)) == told
    assert (len(told.returns), len(told.fundings), len(told.refunds)) == (2, 1, 1)
    parts: list[Any] = [*told.returns, *told.fundings, *told.refunds]
    assert {len(it.channel_number) for it in parts} == {26}
