"""Which payouts are carried out, under which numbers, and what a cancel still stops."""

from typing import Any

import msgspec
import pytest
from tests.payments.examples import NOW, leg, payout, subsidy

from payments.domain.lifecycles import State
from payments.domain.payouts import KnownLeg, Payout, cancelled, instructions, refusal, requested, settled
from payments.domain.reasons import PayoutReason
from shared.messages import PayoutRequested

ALICE = "test-shop/o:o-1/merchant:alice/1"


def taken(**fields: Any) -> Payout:  # noqa: ANN401 - any field of the contract
    return requested(payout(**fields), NOW, NOW)


def standing(it: Payout, *states: State) -> Payout:
    legs = tuple(msgspec.structs.replace(leg, state=state) for leg, state in zip(it.legs, states, strict=True))
    return msgspec.structs.replace(it, legs=legs)


def reason_of(
    event: PayoutRequested, payable_minor: int | None = 1_200, alice: KnownLeg | None = None
) -> PayoutReason | None:
    refused = refusal(event, payable_minor, {ALICE: alice} if alice else {})
    return refused[0] if refused else None


def test_a_payout_goes_out_at_once_under_numbers_that_never_change() -> None:
    first, again = taken(), taken()
    assert [it.state for it in first.legs] == ["sending", "sending"]
    assert [it.channel_number for it in first.legs] == [it.channel_number for it in again.legs]
    assert {len(it.number) for it in instructions(first)} == {26}


@pytest.mark.parametrize(
    ("receiver", "reason"),
    [
        ("merchant:alice", None),
        ("platform:commission", None),
        ("platform:fee", None),
        ("platform:tax", None),
        ("platform:advance", None),
        ("platform:marketing", "receiver_unknown"),
        ("platform:taxes", "receiver_unknown"),
    ],
)
def test_sellers_and_what_the_platform_earns_are_paid(receiver: str, reason: PayoutReason | None) -> None:
    assert reason_of(payout(legs=(leg(path=receiver),))) == reason


def test_a_leg_of_nothing_is_paid_without_an_instruction() -> None:
    both = taken(legs=(leg(amount_minor=0), leg(path="merchant:bob")))
    assert [it.state for it in both.legs] == ["succeeded", "sending"]
    assert [it.receiver for it in instructions(both)] == ["merchant:bob"]
    assert (taken(legs=(leg(amount_minor=0),)).waits, reason_of(payout(legs=(leg(amount_minor=0),)))) == (None, None)


def test_a_leg_of_nothing_keeps_no_subsidy_from_being_cancelled() -> None:
    waiting = taken(legs=(leg(amount_minor=0), leg(path="merchant:bob")), subsidies=(subsidy(),))
    without_funds = msgspec.structs.replace(
        waiting, subsidies=(msgspec.structs.replace(waiting.subsidies[0], state="created", reason="waiting_funds"),)
    )
    assert cancelled(without_funds, frozenset()).waits is None


def test_another_attempt_has_another_number() -> None:
    numbers = {taken(legs=(leg(attempt=attempt),)).legs[0].channel_number for attempt in (1, 2, 3)}
    assert len(numbers) == 3


def test_legs_wait_until_their_subsidy_is_in_the_pool() -> None:
    subsidised = taken(subsidies=(subsidy(),))
    assert [it.kind for it in instructions(subsidised)] == ["subsidy"]
    assert [it.state for it in subsidised.legs] == ["created", "created"]


@pytest.mark.parametrize(
    ("reason", "event"),
    [
        ("leg_not_of_document", payout(legs=(leg("o:o-2"),))),
        ("leg_twice", payout(legs=(leg(), leg()))),
        ("leg_amount_invalid", payout(legs=(leg(amount_minor=-1),))),
        ("leg_amount_invalid", payout(subsidies=(subsidy(0),))),
        ("payout_above_paid", payout(legs=(leg(amount_minor=1_201),))),
        ("payout_above_paid", payout(legs=(leg(amount_minor=1_501),), subsidies=(subsidy(300),))),
    ],
)
def test_a_payout_that_must_not_be_carried_out_is_refused_by_name(reason: PayoutReason, event: PayoutRequested) -> None:
    assert reason_of(event) == reason


def test_a_subsidised_payout_may_pay_out_what_the_subsidy_brings_in() -> None:
    assert reason_of(payout(legs=(leg(amount_minor=1_500),), subsidies=(subsidy(300),))) is None


def test_a_payout_that_is_no_orders_has_no_bound_by_an_order() -> None:
    assert reason_of(payout(legs=(leg(amount_minor=10**9),)), payable_minor=None) is None


def test_a_leg_that_is_open_or_paid_in_another_payout_is_not_paid_again() -> None:
    assert reason_of(payout(legs=(leg(attempt=9),)), alice=KnownLeg("o:o-1.7", 1, held=True)) == "leg_open_elsewhere"


@pytest.mark.parametrize(("attempt", "reason"), [(1, "attempt_not_greater"), (2, "attempt_not_greater"), (3, None)])
def test_a_leg_that_failed_is_tried_again_only_under_a_greater_attempt(attempt: int, reason: str | None) -> None:
    assert reason_of(payout(legs=(leg(attempt=attempt),)), alice=KnownLeg("o:o-1.7", 2, held=False)) == reason


@pytest.mark.parametrize(
    ("states", "waits"),
    [
        (("succeeded", "failed"), None),
        (("cancelled", "returned"), None),
        (("succeeded", "sending"), "sending"),
        (("succeeded", "created"), "sending"),
        (("accepted", "sending"), "accepted"),
        (("accepted", "unknown"), "unknown"),
    ],
)
def test_a_payout_waits_for_the_worst_of_its_legs(states: tuple[State, State], waits: str | None) -> None:
    assert standing(taken(), *states).waits == waits


def test_a_cancel_stops_what_is_not_sent_and_nothing_else() -> None:
    subsidised = taken(subsidies=(subsidy(),))
    one_sent = standing(subsidised, "created", "sending")
    assert [it.state for it in cancelled(one_sent, frozenset()).legs] == ["cancelled", "sending"]
    assert [it.state for it in cancelled(one_sent, frozenset({"another"})).legs] == ["created", "sending"]


def test_a_cancel_is_answered_even_when_it_comes_too_late() -> None:
    sent = taken()
    answer = cancelled(sent, frozenset())
    assert (answer.legs, answer.revision) == (sent.legs, sent.revision + 1)


def test_a_subsidy_that_waits_for_funds_is_stopped_with_its_last_leg() -> None:
    waiting = taken(subsidies=(subsidy(),))
    unsent = msgspec.structs.replace(waiting.subsidies[0], state="created", reason="waiting_funds")
    waiting = msgspec.structs.replace(waiting, subsidies=(unsent,))
    assert waiting.waits == "waiting_funds"
    stopped = cancelled(waiting, frozenset())
    assert [it.state for it in stopped.subsidies] == ["cancelled"]
    assert stopped.waits is None


def test_the_breakdown_of_a_leg_comes_back_unchanged() -> None:
    event = payout()
    answer = settled(requested(event, NOW, NOW), NOW)
    assert [it.breakdown for it in answer.legs] == [it.breakdown for it in event.legs]
