"""Money back: whatever the order of events, the books are what was really moved, and everybody ends the same."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st
from tests.split.examples import (
    PAID_AT,
    agreement,
    copies,
    extra,
    line,
    merchant,
    merchant_copies,
    orders,
    paid_order,
)
from tests.split.world import World

from shared.messages import MerchantChanged, SplitRequested
from split.domain.holds import Freeze, Progress
from split.domain.movements import Movement
from split.domain.paid import paid_for
from split.domain.refunds import Approval, ApprovedLine

type Step = Callable[[World], None]

HOUR = timedelta(hours=1)


def approval(*lines: ApprovedLine, refund_id: str = "r1", **fields: Any) -> Approval:  # noqa: ANN401 - any field
    """Approve a refund of these lines, by the agreement's policy."""
    given_: dict[str, Any] = {
        "refund_id": refund_id,
        "hash": refund_id,
        "cause": f"cause-{refund_id}",
        "currency": "BRL",
        "mode": None,
        "approved_at": PAID_AT + HOUR,
    }
    return Approval(lines=lines, **(given_ | fields))


def progress(kind: Any, *lines: str, number: int = 1) -> Progress:  # noqa: ANN401 - a literal
    """Goods went on an hour after the payment."""
    return Progress(kind=kind, progress_id=str(number), line_ids=lines, occurred_at=PAID_AT + HOUR, hash=str(number))


def pay(world: World, outcome: str = "succeeded") -> None:
    """Have the institution do this with every leg that is open or was called off too late."""
    for payout_id in list(world.legs):
        _, states, _ = world.legs[payout_id]
        open_ = {leg: outcome for leg, state in states.items() if state == "open"}
        stopped = {leg: "cancelled" for leg, state in states.items() if state == "stopped"}
        if open_ or stopped:
            world.answer(payout_id, open_ | stopped)


def fail(world: World) -> None:
    """Have every leg fail that is open."""
    pay(world, "failed")


def carry_out(world: World) -> None:
    """Have the institution carry out every refund."""
    for refund_id in list(world.plans):
        world.carry_out(refund_id)


def finish(world: World) -> None:
    """Let everything happen that can."""
    for _ in range(4):
        world.review()
        pay(world)
        carry_out(world)
        world.later(timedelta(days=61))
    world.check()


@st.composite
def stories(draw: st.DrawFn) -> tuple[SplitRequested, dict[str, MerchantChanged], list[Step]]:
    """Draw an order, its merchants, and all that is to happen to it, in an order that a test may change."""
    order = draw(orders())
    merchants = draw(merchant_copies())
    if draw(st.booleans()):
        trigger: Any = draw(st.sampled_from(("shipped", "delivered", "completed")))
        merchants |= copies(*(merchant(it.merchant, agreement(trigger=trigger)) for it in order.lines[:2]))
    steps: list[Step] = []
    lines = [it.line_id for it in order.lines]
    for number in range(draw(st.integers(0, 3))):
        some = draw(st.lists(st.sampled_from(lines), unique=True, max_size=3))
        event = progress(draw(st.sampled_from(("shipped", "delivered", "completed"))), *some, number=number)
        steps.append(partial(World.progress, event=event))
    if draw(st.booleans()):
        closed = Freeze(owner="case:1", revision=2, open=False, reason="settled")
        late = Freeze(owner="case:1", revision=1, open=True, reason="late")
        steps += [partial(World.freeze, freeze=closed), partial(World.freeze, freeze=late)]
    left = {(it.line_id, it.freight): it.paid_minor for it in paid_for(order)}
    for number in range(draw(st.integers(0, 3))):
        refunded = draw(st.lists(st.sampled_from(lines), unique=True, min_size=1, max_size=3))
        asked: list[ApprovedLine] = []
        for line_id in refunded:
            amounts = []
            for freight in (False, True):
                whole = left.get((line_id, freight), 0)
                amount = draw(st.sampled_from((whole, whole // 2, whole // 3, 0)))
                left[line_id, freight] = whole - amount
                amounts.append(amount)
            asked.append(ApprovedLine(line_id, *amounts))
        mode: Any = draw(st.sampled_from((None, None, "platform", "proportional", "merchant")))
        refund = approval(
            *asked, refund_id=f"r{number}", currency=order.currency, mode=mode, bearing=order.lines[0].merchant
        )
        steps.append(partial(World.approve, approval=refund))
    if draw(st.booleans()):
        steps += draw(chargebacks(sum(left.values())))
    return order, merchants, steps


@st.composite
def chargebacks(draw: st.DrawFn, at_most: int) -> list[Step]:
    """Draw a chargeback of what is not refunded, or of some of it, and perhaps its end, which may be heard of first."""
    taken = draw(st.integers(0, at_most))
    steps: list[Step] = [partial(World.move, movement=movement("chargeback", taken))]
    if draw(st.booleans()):
        returned = draw(st.sampled_from((taken, taken // 2)))
        steps.append(partial(World.move, movement=movement("chargeback_reversed", returned, reverses="m1")))
    return steps


def movement(kind: Any, amount: int, **fields: Any) -> Movement:  # noqa: ANN401 - any field
    """Make a movement of the channel's own."""
    given_: dict[str, Any] = {
        "movement_id": "m1",
        "moved_at": PAID_AT + HOUR,
        "currency": "BRL",
        "cause": f"c-{kind}",
        "hash": kind,
    }
    return Movement(kind=kind, amount_minor=amount, **(given_ | fields))


def noises() -> st.SearchStrategy[Step]:
    """Things that may happen at any time, which change where the money is and not whose it is in the end."""
    return st.sampled_from(
        (
            pay,
            carry_out,
            lambda world: pay(world, "failed"),
            lambda world: world.later(HOUR),
            lambda world: world.review(),
        )
    )


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(stories(), st.data())
def test_the_books_are_what_was_moved_after_every_step(story: Any, data: st.DataObject) -> None:  # noqa: ANN401
    order, merchants, steps = story
    note(f"{order}\n{merchants}")
    world = World(order, merchants)
    world.check()
    for step in data.draw(st.permutations(steps)):
        for other in data.draw(st.lists(noises(), max_size=2)):
            other(world)
            world.check()
        step(world)
        world.check()
    finish(world)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(stories(), st.data())
def test_everybody_ends_the_same_whatever_came_first(story: Any, data: st.DataObject) -> None:  # noqa: ANN401
    order, merchants, steps = story
    note(f"{order}\n{merchants}")
    ends = []
    for _ in range(2):
        world = World(order, merchants)
        for step in data.draw(st.permutations(steps)):
            for other in data.draw(st.lists(noises(), max_size=2)):
                other(world)
            step(world)
        finish(world)
        # A refund waits for ever for an agreement that can decide: until then its lines rest where they were.
        assume(all(it.state != "waiting" for it in world.order.known_refunds))
        ends.append(world.ends())
    assert ends[0] == ends[1]


def test_a_merchant_that_is_known_later_is_paid_as_if_nothing_of_another_had_been_refunded() -> None:
    one, two = agreement(commission_bp=1_000), agreement(commission_bp=1_000, freight_to="chain")
    order = paid_order(
        line(1, 1_000),
        line(2, 1_000, merchant="m2", freight_minor=100),
        receivers=(extra("r1", "merchant:m2", value=5_000), extra("r2", "freight", "remainder")),
    )
    world = World(order, copies(merchant("m1", one)))
    world.approve(approval(ApprovedLine("l1", 500)))
    finish(world)
    world.change(merchant("m2", two))
    finish(world)
    assert (world.got["merchant:m2"], world.got["merchant:r1"], world.got["merchant:r2"]) == (450, 450, 100)
