"""The copy of an order becomes what payments made of it, however its two topics interleave and repeat."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersale.domain.orders import (
    LIFECYCLE,
    NEW,
    OTHERS_MAX,
    Claim,
    Conflict,
    Happening,
    Order,
    Rejection,
    State,
    after,
    claim,
    reject,
)

STEPS = {
    ("new", "claimed"): "paid",
    ("new", "rejected"): "stub",
    ("stub", "claimed"): "paid",
    ("stub", "claimed_late"): "rejected",
    ("stub", "rejected"): "stub",
    ("paid", "rejected"): "rejected",
    ("paid", "corrected"): "paid",
    ("rejected", "claimed"): "paid",
    ("rejected", "claimed_late"): "rejected",
    ("rejected", "rejected"): "rejected",
}
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("state", get_args(State))
@pytest.mark.parametrize("happening", get_args(Happening))
def test_an_order_goes_where_the_table_says_and_otherwise_stays(state: State, happening: Happening) -> None:
    assert after(state, happening) == STEPS.get((state, happening), state)


def test_every_state_stands_in_the_table() -> None:
    assert set(LIFECYCLE) == set(get_args(State))


def at(second: float) -> datetime:
    return BEGIN + timedelta(seconds=second)


def body(name: str, second: float) -> Claim:
    return Claim(name.encode(), name.encode(), at(second))


def refusal(second: float, decided: float | None = None) -> Rejection:
    return Rejection(at(second), at(second + 0.5 if decided is None else decided), "amount_mismatch")


def claimed(order: Order, it: Claim) -> Order:
    answer = claim(order, it)
    return answer.order if isinstance(answer, Conflict) else answer


def test_a_paid_order_is_kept() -> None:
    assert claim(NEW, body("a", 1)) == Order("paid", body("a", 1))


def test_the_same_body_again_changes_nothing() -> None:
    order = claimed(NEW, body("a", 1))
    assert claim(order, body("a", 1)) == order
    assert claim(order, body("a", 9)) == order


def test_another_body_is_a_conflict_and_the_first_stands() -> None:
    answer = claim(claimed(NEW, body("a", 1)), body("b", 2))
    assert isinstance(answer, Conflict)
    assert (answer.order.state, answer.order.standing) == ("paid", body("a", 1))


def test_a_rejection_before_its_order_makes_a_stub_and_the_order_is_rejected_when_it_comes() -> None:
    stub = reject(NEW, refusal(1))
    assert (stub.state, stub.standing) == ("stub", None)
    order = claim(stub, body("a", 1))
    assert order == Order("rejected", body("a", 1), refusal(1))
    assert order == reject(claimed(NEW, body("a", 1)), refusal(1))


def test_a_corrected_body_is_taken_after_a_rejection() -> None:
    rejected = reject(claimed(NEW, body("a", 1)), refusal(1))
    assert claim(rejected, body("b", 2)) == Order("paid", body("b", 2), refusal(1))


def test_the_refused_body_again_stays_refused() -> None:
    rejected = reject(claimed(NEW, body("a", 1)), refusal(1))
    assert claim(rejected, body("a", 1)) == rejected
    assert claim(rejected, body("a", 9)) == rejected


def test_a_rejection_delivered_again_does_not_touch_the_correction() -> None:
    corrected = claimed(reject(claimed(NEW, body("a", 1)), refusal(1)), body("b", 2))
    assert reject(corrected, refusal(1)) == corrected
    assert claim(corrected, body("a", 1)) == corrected


def test_a_correction_that_overtakes_the_rejection_stands_once_that_arrives() -> None:
    answer = claim(claimed(NEW, body("a", 1)), body("b", 2))
    assert isinstance(answer, Conflict)
    assert reject(answer.order, refusal(1)) == Order("paid", body("b", 2), refusal(1))


def test_a_conflict_sent_before_the_refusal_is_not_taken_for_its_correction() -> None:
    order = claimed(claimed(NEW, body("a", 1)), body("b", 2))
    assert reject(order, refusal(1, decided=3)) == Order("rejected", body("a", 1), refusal(1, decided=3))


def test_what_is_kept_beside_the_standing_body_has_a_limit() -> None:
    order = NEW
    for number in range(1, OTHERS_MAX + 5):
        order = claimed(order, body(str(number), number))
    assert len(order.others) == OTHERS_MAX


class Sent(NamedTuple):
    """An order-paid of an upstream, and what payments would say to it."""

    name: str
    good: bool


class Payments(NamedTuple):
    """What payments makes of a history: its answers, and what stands in the end."""

    claims: list[Claim]
    rejections: list[Rejection]
    state: State
    name: str


def payments(history: list[Sent]) -> Payments:
    """Judge as payments does: a repeat is not judged again, another body only after a refusal."""
    claims, rejections = [], []
    state: State = "new"
    name = ""
    for second, sent in enumerate(history):
        claims.append(body(sent.name, second))
        if sent.name == name or state == "paid":
            continue
        name, state = sent.name, "paid" if sent.good else "rejected"
        if not sent.good:
            rejections.append(refusal(second))
    return Payments(claims, rejections, state, name)


histories = st.lists(st.builds(Sent, st.sampled_from("abc"), st.booleans()), min_size=1, max_size=OTHERS_MAX + 1)


@given(histories, st.data())
def test_the_copy_ends_as_payments_does_however_the_topics_interleave_and_repeat(
    history: list[Sent], data: st.DataObject
) -> None:
    truth = payments(history)
    order, done = NEW, [0, 0]
    topics: tuple[list[Claim], list[Rejection]] = (truth.claims, truth.rejections)
    replays = 3
    while done != [len(topics[0]), len(topics[1])]:
        if replays and data.draw(st.booleans()):
            replays -= 1
            which = data.draw(st.integers(0, 1))
            done[which] = data.draw(st.integers(0, done[which]))  # a crash: read again from an earlier offset
        which = data.draw(st.sampled_from([it for it in (0, 1) if done[it] < len(topics[it])] or [0]))
        if done[which] == len(topics[which]):
            continue
        order = claimed(order, topics[0][done[0]]) if which == 0 else reject(order, topics[1][done[1]])
        done[which] += 1
    assert order.standing is not None
    assert (order.state, order.standing.hash) == (truth.state, truth.name.encode())


@given(histories, st.data())
def test_what_was_refused_is_never_a_dead_letter_when_it_is_read_again(
    history: list[Sent], data: st.DataObject
) -> None:
    truth = payments(history)
    order = NEW
    for refused in truth.rejections:
        order = reject(order, refused)
    for it in truth.claims:
        order = claimed(order, it)
    bad = {refused.claimed_at for refused in truth.rejections}
    for it in truth.claims[data.draw(st.integers(0, len(truth.claims) - 1)) :]:
        if it.claimed_at in bad:
            assert claim(order, it) == order
