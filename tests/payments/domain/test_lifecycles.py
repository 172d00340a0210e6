"""Every cell of both lifecycle tables: legal steps lead where the design says, all others change nothing."""

from typing import get_args

import pytest

from payments.domain.lifecycles import (
    HELD,
    INSTRUCTION,
    OPEN,
    ORDER,
    Happening,
    OrderEvent,
    OrderState,
    State,
    instruction_after,
    order_after,
)

ORDER_STEPS = {
    ("new", "taken"): "sending",
    ("new", "proved"): "accepted",
    ("new", "refused"): "rejected",
    ("sending", "proved"): "accepted",
    ("sending", "not_found"): "unverified",
    ("sending", "refused"): "rejected",
    ("unverified", "proved"): "accepted",
    ("unverified", "refused"): "rejected",
    ("rejected", "taken"): "sending",
    ("rejected", "proved"): "accepted",
    ("rejected", "refused"): "rejected",
}
INSTRUCTION_STEPS = {
    ("created", "started"): "sending",
    ("created", "cancelled"): "cancelled",
    ("sending", "accepted"): "accepted",
    ("sending", "succeeded"): "succeeded",
    ("sending", "failed"): "failed",
    ("sending", "unknown"): "unknown",
    ("accepted", "succeeded"): "succeeded",
    ("accepted", "failed"): "failed",
    ("accepted", "unknown"): "unknown",
    ("unknown", "accepted"): "accepted",
    ("unknown", "succeeded"): "succeeded",
    ("unknown", "failed"): "failed",
    ("succeeded", "returned"): "returned",
}


@pytest.mark.parametrize("state", get_args(OrderState))
@pytest.mark.parametrize("event", get_args(OrderEvent))
def test_an_order_goes_where_the_table_says_and_otherwise_stays(state: OrderState, event: OrderEvent) -> None:
    assert order_after(state, event) == ORDER_STEPS.get((state, event), state)


@pytest.mark.parametrize("state", get_args(State))
@pytest.mark.parametrize("happening", get_args(Happening))
def test_an_instruction_goes_where_the_table_says_and_otherwise_stays(state: State, happening: Happening) -> None:
    assert instruction_after(state, happening) == INSTRUCTION_STEPS.get((state, happening), state)


def test_every_state_stands_in_its_table() -> None:
    assert set(ORDER) == set(get_args(OrderState))
    assert set(INSTRUCTION) == set(get_args(State))


def test_a_timeout_never_makes_an_instruction_fail() -> None:
    assert all(instruction_after(state, "unknown") != "failed" for state in get_args(State) if state != "failed")


def test_only_what_failed_came_back_or_was_cancelled_lets_go_of_its_leg() -> None:
    assert set(get_args(State)) - HELD == {"failed", "cancelled", "returned"}
    assert {"succeeded"} == HELD - OPEN
