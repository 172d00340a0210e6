"""The lifecycles of an order's claim and of an instruction, one table each: {state: {event: state}}.

What is not in a table does not happen: a late or repeated answer changes nothing.
"""

from typing import Final, Literal

OrderState = Literal["new", "sending", "unverified", "accepted", "rejected"]
OrderEvent = Literal["taken", "proved", "not_found", "refused"]

ORDER: Final[dict[OrderState, dict[OrderEvent, OrderState]]] = {
    "new": {"taken": "sending", "proved": "accepted", "refused": "rejected"},
    "sending": {"proved": "accepted", "not_found": "unverified", "refused": "rejected"},
    "unverified": {"proved": "accepted", "refused": "rejected"},
    "accepted": {},
    "rejected": {"taken": "sending", "proved": "accepted", "refused": "rejected"},
}
"""`sending`: the proof is being asked. A corrected body under the id of a rejected order is taken anew."""

PROVING: Final = frozenset[OrderState]({"sending", "unverified"})
"""An order in one of these waits for the institution's word; only there may a verdict change it."""

State = Literal["created", "sending", "accepted", "unknown", "succeeded", "failed", "cancelled", "returned"]
Happening = Literal["started", "cancelled", "accepted", "succeeded", "failed", "unknown", "returned"]

INSTRUCTION: Final[dict[State, dict[Happening, State]]] = {
    "created": {"started": "sending", "cancelled": "cancelled"},
    "sending": {"accepted": "accepted", "succeeded": "succeeded", "failed": "failed", "unknown": "unknown"},
    "accepted": {"succeeded": "succeeded", "failed": "failed", "unknown": "unknown"},
    "unknown": {"accepted": "accepted", "succeeded": "succeeded", "failed": "failed"},
    "succeeded": {"returned": "returned"},
    "failed": {},
    "cancelled": {},
    "returned": {},
}
"""`sending` is committed before the first byte leaves; only `created` can still be cancelled."""

OPEN: Final = frozenset[State]({"created", "sending", "accepted", "unknown"})
HELD: Final = OPEN | frozenset[State]({"succeeded"})
"""A leg in one of these holds its leg id: no other payout may pay it."""


def order_after(state: OrderState, event: OrderEvent) -> OrderState:
    """Return the order's next state; the same one where the table has no such step."""
    return ORDER[state].get(event, state)


def instruction_after(state: State, happening: Happening) -> State:
    """Return the instruction's next state; the same one where the table has no such step."""
    return INSTRUCTION[state].get(happening, state)
