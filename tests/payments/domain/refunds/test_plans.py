"""Plans laid one over the other: what a later one repeats is not done twice, and what it leaves out is called off."""

from typing import Any

import pytest
from tests.payments.domain.refunds.test_course import DONE, NO_FUNDS, NOT_ENOUGH, answer, states, taken
from tests.payments.examples import NOW, back, funding, plan, to_buyer

from payments.domain.outcomes import UNKNOWN, Answer
from payments.domain.refunds.course import answered, started
from payments.domain.refunds.plans import laid, opened
from payments.domain.refunds.refund import Refund, instructions
from shared.messages import BuyerRefund


def then(it: Refund, revision: int = 2, **fields: Any) -> Refund:  # noqa: ANN401 - any field of the contract
    return laid(it, plan(revision, **fields), {}, {})


def test_a_refused_refund_fails_at_once_and_asks_nobody() -> None:
    refused = taken(refused="refund_exceeds_paid", returns=(), fundings=(), refunds=())
    assert (refused.standing, refused.reason, refused.waits) == ("failed", "refund_exceeds_paid", None)
    assert refused.revision == 1


def test_a_plan_without_anything_to_move_is_done_at_once() -> None:
    nothing = taken(returns=(), fundings=(), refunds=(to_buyer(0),))
    assert (nothing.standing, nothing.waits, nothing.revision) == ("succeeded", None, 1)


def test_a_plan_that_only_repeats_what_is_done_is_answered_and_sends_nothing() -> None:
    done = answer(answer(taken(), DONE), DONE)
    again = then(done)
    assert (again.standing, again.plan, again.revision, again.waits) == ("succeeded", 2, done.revision + 1, None)
    assert [it.channel_number for it in again.parts] == [it.channel_number for it in done.parts]


def test_what_did_not_come_back_is_replaced_by_an_advance_and_the_rest_is_not_done_twice() -> None:
    failed = answer(taken(), DONE, **{"return": NOT_ENOUGH})
    again = then(failed, returns=(), fundings=(funding(), funding(1_080, "advance")))
    assert [(it.kind, it.amount_minor) for it in instructions(again)] == [("advance", 1_080)]
    buyer = {it.kind: it for it in again.parts}["refund"]
    assert (buyer.state, buyer.attempt) == ("created", 2)
    done = answer(answer(again, DONE), DONE)
    assert (done.standing, done.moved_minor) == ("succeeded", 0)
    assert [it.state for it in done.parts if not it.planned] == ["failed"]


@pytest.mark.parametrize(
    ("profile", "refunds", "of"),
    [
        ("alipay-split", (to_buyer(700, "pay-2"),), "pay-2"),
        ("alipay-split", (), "pay-1"),
        ("sandbox-direct", (), None),
    ],
)
def test_what_is_put_in_where_merchants_collect_is_for_a_payment(
    profile: str, refunds: tuple[BuyerRefund, ...], of: str | None
) -> None:
    """A chargeback has no refund to name one: the institution would not know where the platform's money goes."""
    event = plan(channel_profile=profile, returns=(), fundings=(funding(100, "advance"),), refunds=refunds)
    (advance, *_) = laid(opened(event, NOW, NOW), event, {}, {}, "pay-1").parts
    assert advance.of == of


def test_a_return_is_tried_again_with_a_greater_attempt_only() -> None:
    failed = answer(taken(), DONE, **{"return": NOT_ENOUGH})
    same = then(failed)
    assert (same.standing, same.reason, list(instructions(same))) == ("failed", "NOT_ENOUGH", [])
    again = then(same, 3, returns=(back(attempt=2),))
    assert [it.kind for it in instructions(again)] == ["return"]
    assert again.parts[0].channel_number != failed.parts[0].channel_number


def test_of_two_payments_only_the_one_that_failed_is_tried_again() -> None:
    two = (to_buyer(700, "pay-1"), to_buyer(500, "pay-2"))
    failed = answer(taken(refunds=two), DONE)
    first, second = [it.number for it in instructions(failed)]
    failed = answered(failed, {first: DONE, second: Answer("failed", "ACCOUNT_ABNORMAL")})
    again = then(failed, refunds=two)
    (sent,) = instructions(again)
    assert (sent.of, sent.number == second) == ("pay-2", False)


def test_what_a_later_plan_leaves_out_is_not_tried_again_when_the_money_for_it_was_missing() -> None:
    """Fails when it waits for funds: the buyer would get it beside what the later plan refunds in its place."""
    sent = answer(taken(refunds=(to_buyer(1_200, "pay-1"),)), DONE)
    (first,) = [it.number for it in instructions(sent)]
    other = then(sent, refunds=(to_buyer(1_200, "pay-2"),))
    after = answered(other, {first: NO_FUNDS})
    assert [(it.name, it.state) for it in after.parts if it.kind == "refund" and not it.planned] == [
        ("pay-1", "failed")
    ]
    assert "pay-1" not in {it.of for it in instructions(started(after))}


def test_what_came_back_from_the_buyers_bank_is_tried_again_under_another_number() -> None:
    done = answer(answer(taken(), DONE), DONE)
    gone = answered(done, {done.parts[2].channel_number: Answer("returned", "ACCOUNT_CLOSED")})
    again = then(gone)
    assert [(it.kind, it.number == done.parts[2].channel_number) for it in instructions(again)] == [("refund", False)]


def test_what_is_sent_goes_its_way_though_the_next_plan_does_not_have_it() -> None:
    unknown = answer(taken(), UNKNOWN)
    again = then(unknown, returns=(), fundings=(funding(), funding(1_080, "advance")))
    assert {it.kind for it in instructions(again)} == {"return", "subsidy", "advance"}
    late = answer(again, DONE, **{"return": UNKNOWN})
    assert [it.kind for it in instructions(late)] == ["refund", "return"]
    done = answer(late, DONE, **{"return": UNKNOWN})
    assert (done.standing, done.waits) == ("succeeded", "unknown")  # the buyer has it; the return is asked after
    more = answer(done, DONE)
    assert (more.standing, more.waits, more.moved_minor, more.revision) == ("succeeded", None, 1_080, done.revision + 1)


def test_what_is_not_sent_is_called_off_with_the_plan_that_had_it() -> None:
    waiting = answer(taken(), UNKNOWN, subsidy=NO_FUNDS)
    again = then(waiting, fundings=())
    assert [it.state for it in again.parts if not it.planned] == ["cancelled"]


def test_a_part_that_was_called_off_is_asked_for_again_by_the_next_plan() -> None:
    failed = answer(taken(), DONE, **{"return": NOT_ENOUGH})
    assert states(failed) == ["failed", "succeeded", "cancelled"]
    assert states(then(failed, returns=()))[:2] == ["succeeded", "sending"]


def test_a_plan_that_waits_for_funds_is_told_of_anew() -> None:
    waiting = answer(taken(), DONE, subsidy=NO_FUNDS)
    again = then(waiting)
    assert (again.standing, again.revision) == ("waiting_funds", waiting.revision + 1)


def test_what_the_profile_does_not_let_be_fails_and_is_never_sent() -> None:
    event = plan()
    refund = laid(
        taken(), plan(2, returns=(back(number=2),)), {}, {("return", back(number=2).return_id): "return_too_late"}
    )
    assert (refund.reason, event.refund_id) == ("return_too_late", refund.refund_id)
    assert "merchant:alice/2" not in str([it.number for it in instructions(refund)])
    assert {it.name: it.state for it in refund.parts}[back(number=2).return_id] == "failed"


def test_where_a_merchant_collects_the_platform_advances_and_every_part_names_the_payment() -> None:
    sent = taken(channel_profile="wechat-ecommerce")
    assert [(it.kind, it.of) for it in instructions(sent)] == [("return", None), ("advance", "pay-o-1")]
