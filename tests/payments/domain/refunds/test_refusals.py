"""What stands against a plan: mistakes refuse all of it, and what a profile does not let be fails with a reason."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.payments.domain.refunds.test_course import DONE, answer, taken
from tests.payments.examples import ACCOUNT, NOW, PROFILE, back, funding, leg, payout, plan, to_buyer

from payments.domain.outcomes import Answer, answered
from payments.domain.payouts import Payout, instructions, requested
from payments.domain.refunds.refusals import Around, RefundedOrder, limits, numbers, refusal
from shared.messages import RefundRequested

ORDER = RefundedOrder(
    accepted=True,
    channel_profile=PROFILE,
    channel_account=ACCOUNT,
    currency="EUR",
    paid_at=NOW,
    payments={"pay-o-1": 1_200},
)


def paid(state: Any = "succeeded") -> Payout:  # noqa: ANN401 - a literal
    """Return the payout of o-1 to alice and bob, with each leg in a state."""
    legs = (leg(), leg(path="merchant:bob", amount_minor=120))
    it = requested(payout(legs=legs), NOW, NOW)
    return answered(it, {one.number: Answer(state) for one in instructions(it)})


def around(**fields: Any) -> Around:  # noqa: ANN401 - any of its fields
    return Around(**{"order": ORDER, "refund": None, "others": (), "payouts": {"o:o-1.1": paid()}} | fields)


def other(identity: str = "r-2", **fields: Any) -> Any:  # noqa: ANN401 - any field of the contract
    return taken(refund_id=identity, **fields)


def changed(**fields: Any) -> RefundedOrder:  # noqa: ANN401 - any of its fields
    return msgspec.structs.replace(ORDER, **fields)


def test_a_plan_for_what_was_paid_is_taken() -> None:
    assert refusal(plan(), around()) is None
    assert limits(plan(), around(), NOW) == {}
    assert numbers(plan(), around()) == {back().return_id: paid().legs[0].channel_number}


@pytest.mark.parametrize(
    ("reason", "event", "known"),
    [
        ("refund_conflict", plan(), around(refund=taken(order_id="o-2"))),
        ("order_not_accepted", plan(), around(order=None)),
        ("order_not_accepted", plan(), around(order=changed(accepted=False))),
        ("refund_account_differs", plan(channel_account="olist"), around()),
        ("refund_account_differs", plan(currency="USD"), around()),
        ("refund_account_differs", plan(channel_profile="wechat-ecommerce"), around()),
        ("part_twice", plan(refunds=(to_buyer(1), to_buyer(2))), around()),
        ("part_amount_invalid", plan(fundings=(funding(-1),)), around()),
        ("part_changed", plan(2, fundings=(funding(121),)), around(refund=taken())),
        ("part_changed", plan(2, returns=(back(receiver="merchant:bob"),)), around(refund=taken())),
        ("part_changed", plan(2, refunds=(to_buyer(1_199),)), around(refund=taken())),
        ("payment_unknown", plan(refunds=(to_buyer(1, "pay-o-2"),)), around()),
        ("refund_above_paid", plan(refunds=(to_buyer(1_201),)), around()),
        ("refund_above_paid", plan(refunds=(to_buyer(2),)), around(others=(other(refunds=(to_buyer(1_199),)),))),
        ("leg_unknown", plan(), around(payouts={})),
        ("leg_unknown", plan(returns=(back(leg_id="test-shop/o:o-1/merchant:eve/1"),)), around()),
        ("return_receiver_differs", plan(returns=(back(receiver="merchant:bob"),)), around()),
        ("return_above_leg", plan(returns=(back(amount_minor=1_081),)), around()),
        ("return_above_leg", plan(returns=(back(), back(amount_minor=1, number=2))), around()),
        (
            "return_above_leg",
            plan(returns=(back(amount_minor=2),)),
            around(others=(other(returns=(back(amount_minor=1_079),), refunds=()),)),
        ),
    ],
)
def test_a_mistake_of_weirs_own_refuses_the_plan(reason: str, event: RefundRequested, known: Around) -> None:
    refused = refusal(event, known)
    assert refused is not None
    assert refused[0] == reason


def test_what_another_refund_has_not_got_can_be_had() -> None:
    failed = answer(other(refunds=(to_buyer(1_199),)), DONE, **{"return": Answer("failed", "NOT_ENOUGH")})
    assert refusal(plan(), around(others=(failed,))) is None


def test_what_an_earlier_plan_of_the_same_refund_has_is_not_counted_twice() -> None:
    assert refusal(plan(2), around(refund=taken())) is None


def test_what_split_has_refused_is_judged_by_nothing_else() -> None:
    assert refusal(plan(refused="refund_exceeds_paid", returns=(), refunds=()), around(order=None)) is None


def of(profile: str, days: int = 0, **fields: Any) -> dict[Any, str]:  # noqa: ANN401 - any field of the contract
    event = plan(channel_profile=profile, **fields)
    return dict(limits(event, around(order=changed(channel_profile=profile)), NOW + timedelta(days=days)))


def test_what_the_profile_lacks_is_a_refusal_with_a_reason() -> None:
    assert of("pingan-witness") == {("return", back().return_id): "return_not_possible"}
    assert of("wechat-profit-sharing", fundings=(funding(1, "marketing_back"),)) == {
        ("funding", funding(1, "marketing_back").funding_id): "subsidy_not_possible"
    }
    assert of("wechat-profit-sharing") == {}


def test_returns_and_refunds_have_the_age_that_the_profile_allows() -> None:
    assert of("wechat-profit-sharing", 180) == {}
    assert of("wechat-profit-sharing", 181) == {("return", back().return_id): "return_too_late"}
    late = of("wechat-profit-sharing", 366)
    assert late["refund", "pay-o-1"] == "refund_too_late"


def test_an_order_has_as_many_refunds_and_a_payout_as_many_returns_as_the_profile_allows() -> None:
    order = changed(channel_profile="wechat-profit-sharing", payments={"pay-o-1": 10_000})
    number = paid().legs[0].channel_number
    one = taken(refunds=(to_buyer(1),), returns=(back(amount_minor=1),))
    parts = tuple(msgspec.structs.replace(it, of=number) if it.kind == "return" else it for it in one.parts)
    many = tuple(msgspec.structs.replace(one, refund_id=f"r-{at}", parts=parts) for at in range(2, 52))
    event = plan(channel_profile="wechat-profit-sharing", refunds=(to_buyer(1),), fundings=())
    assert limits(event, around(order=order, others=many), NOW) == {
        ("return", back().return_id): "returns_too_many",
        ("refund", "pay-o-1"): "refunds_too_many",
    }
    assert limits(event, around(order=order, others=many[1:]), NOW) == {}


@pytest.mark.parametrize("state", ["failed", "unknown"])
def test_nothing_is_asked_back_of_a_leg_that_was_not_paid(state: str) -> None:
    known = around(payouts={"o:o-1.1": paid(state)})
    assert refusal(plan(), known) is None
    assert limits(plan(), known, NOW) == {("return", back().return_id): "return_leg_not_paid"}
