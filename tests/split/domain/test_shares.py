"""The lifecycle of a share: every cell of its table, and the account its money stands in."""

import itertools
from typing import get_args

import msgspec
import pytest

from shared.messages import Breakdown
from split.domain.settlements import next_state
from split.domain.shares import LIFECYCLE, Share, State, Step, account

STATES: tuple[State, ...] = get_args(State)
STEPS: tuple[Step, ...] = get_args(Step)

TAKEN: dict[tuple[State, Step], State] = {
    ("held", "release"): "in_transit",
    ("held", "stop"): "available",
    ("available", "take"): "taken",
    ("available", "write_off"): "written_off",
    ("in_transit", "succeeded"): "paid",
    ("in_transit", "failed"): "available",
    ("in_transit", "cancelled"): "available",
    ("in_transit", "returned"): "available",
    ("available", "retry"): "in_transit",
    ("paid", "returned"): "available",
    ("written_off", "restore"): "available",
}
REPEATED: set[tuple[State, Step]] = {
    ("in_transit", "release"),
    ("in_transit", "retry"),
    ("paid", "succeeded"),
    ("available", "failed"),
    ("available", "cancelled"),
    ("available", "returned"),
    ("available", "stop"),
    ("available", "restore"),
    ("taken", "take"),
    ("written_off", "write_off"),
}
CELLS = list(itertools.product(STATES, STEPS))
ILLEGAL = [cell for cell in CELLS if cell not in TAKEN and cell not in REPEATED]


@pytest.mark.parametrize(("cell", "after"), TAKEN.items())
def test_a_legal_step_leads_where_the_table_says(cell: tuple[State, Step], after: State) -> None:
    assert next_state(*cell) == after


@pytest.mark.parametrize(("state", "step"), sorted(REPEATED))
def test_a_step_that_was_taken_changes_nothing(state: State, step: Step) -> None:
    assert next_state(state, step) == state


@pytest.mark.parametrize(("state", "step"), ILLEGAL)
def test_an_illegal_step_is_refused(state: State, step: Step) -> None:
    assert next_state(state, step) is None


def test_the_table_names_every_state_and_has_no_way_into_held() -> None:
    assert set(LIFECYCLE) == set(STATES)
    assert "held" not in {after for cells in LIFECYCLE.values() for after in cells.values()}


def share(receiver: str, state: State) -> Share:
    return Share(path=receiver, receiver=receiver, merchant="m1", amount_minor=5, state=state, breakdown=Breakdown())


ACCOUNTS: dict[State, str] = {
    "held": "merchant:held/m1",
    "available": "merchant:available/m1",
    "in_transit": "merchant:in_transit/m1",
    "paid": "channel:clearing/pool-1",
    "taken": "merchant:available/m1",
    "written_off": "suspense/pool-1",
}


@pytest.mark.parametrize("state", STATES)
def test_money_stands_in_the_account_of_its_state(state: State) -> None:
    assert account(share("merchant:m1", state), state, "pool-1") == ACCOUNTS[state]
    platforms = account(share("platform:commission", state), state, "pool-1")
    places = {"paid": "channel:clearing/pool-1", "written_off": "platform:advance"}  # who collected it owes it then
    assert platforms == places.get(state, "platform:commission")


def test_a_reserve_stands_apart_until_it_is_sent_for_the_first_time() -> None:
    kept = Share(
        path="reserve:m1",
        receiver="merchant:m1",
        merchant="m1",
        amount_minor=5,
        state="available",
        part=1,
        breakdown=Breakdown(),
    )
    assert account(kept, "available", "pool-1") == "merchant:reserve/m1"
    assert account(kept, "in_transit", "pool-1") == "merchant:in_transit/m1"
    assert account(msgspec.structs.replace(kept, attempt=1), "available", "pool-1") == "merchant:available/m1"
