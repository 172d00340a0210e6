"""The audit's laws about orders whose money goes back, held to what split's own rules do in every order of events."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import bson
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, run_state_machine_as_test
from tests.split.cashier import Cashier
from tests.split.domain.test_interleavings import Town
from tests.split.domain.test_money_back import approval, carry_out, finish, movement, noises, pay, stories
from tests.split.domain.test_payout_laws import Step, payout_terms, steps
from tests.split.examples import agreement, copies, line, merchant, merchant_copies, orders, paid_order
from tests.split.world import World

from ops.audit.case import Case, Verdict
from ops.audit.findings import Breach
from ops.audit.laws import books, channel
from ops.audit.laws.refunds import instructed_minor, left_pool_minor
from ops.audit.rows import Booked, Divided, Paid, Taken
from ops.audit.shapes import READ, split
from ops.places import SETTLED
from shared.messages import MerchantChanged, SplitRequested, encode
from split.domain.refunds import ApprovedLine

type Harm = Callable[[World], None]


def case_of(world: World) -> Case:
    """Return the order as the audit reads it from the stores."""
    order, request = world.order, world.request
    stored = msgspec.to_builtins(order, builtin_types=(datetime,))
    facts = {"_id": order.key, "state": "split", "body": encode(request), "split_at": world.now}
    document = split.ORDERS.take(bson.decode(bson.encode(stored | facts), READ))
    assert not isinstance(document, Breach), document
    ((_, divided),) = split.ORDERS.rows(document)
    assert isinstance(divided, Divided)
    case = Case(order.key, divided=divided)
    case.booked += [Booked(order.key, 0, entries) for _, entries in world.booked if not of_account(entries)]
    case.paid += [
        Paid(order.key, it.channel_payment_id, it.amount_minor, it.fee_minor, order.currency) for it in request.payments
    ]
    names = tuple(it.channel_payment_id for it in request.payments)
    paid = sum(it.amount_minor for it in request.payments)
    case.taken = Taken(order.key, "accepted", "", order.channel_account, order.currency, paid, 0, names, timed=False)
    return case


def of_account(entries: dict[str, int]) -> int:
    """Return what came in that is no order's: a merchant's deposit."""
    return sum(it for name, it in entries.items() if name.startswith("deposit/") and it > 0)


def judged(world: World) -> list[tuple[str, str]]:
    """Return what the laws of the books and of the channel find."""
    case, verdict = case_of(world), Verdict(SETTLED, 0)
    assert case.divided is not None
    books.judge(case, verdict)
    before = sum(it.amount_minor - it.fee_minor for it in world.request.payments)
    others = world.unbooked_minor() + sum(of_account(entries) for _, entries in world.booked)
    posted = world.pool - others + left_pool_minor(case.divided) - instructed_minor(case.divided) - before
    channel.judge(case, posted, verdict)
    return [(it.law, it.detail) for it in verdict.breaches]


class AuditedTown(Town):
    """Two orders of the same merchants, audited after every step."""

    @invariant()
    def audits(self) -> None:
        """Judge both orders."""
        for world in getattr(self, "worlds", ()):
            assert judged(world) == []

    def teardown(self) -> None:
        """Leave where everybody ends to the rules' own test."""


def test_no_interleaving_of_two_orders_breaks_a_law() -> None:
    run_state_machine_as_test(
        AuditedTown,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
        ),
    )


@given(orders(), merchant_copies(), st.lists(steps(), max_size=10), st.data())
def test_nothing_that_comes_of_payouts_breaks_a_law(
    order: SplitRequested, merchants: dict[str, MerchantChanged], story: list[Step], data: st.DataObject
) -> None:
    agreed = {
        name: tuple(msgspec.structs.replace(one, payouts=data.draw(payout_terms)) for one in it.agreements)
        for name, it in merchants.items()
    }
    world = Cashier(
        order, {name: msgspec.structs.replace(it, agreements=agreed[name]) for name, it in merchants.items()}
    )
    assert judged(world) == []
    for step in story:
        step(world)
        assert judged(world) == []


@given(stories(), st.data())
def test_no_order_of_events_breaks_a_law(story: Any, data: st.DataObject) -> None:  # noqa: ANN401
    order, merchants, steps = story
    world = World(order, merchants)
    assert judged(world) == []
    for step in data.draw(st.permutations(steps)):
        for other in data.draw(st.lists(noises(), max_size=2)):
            other(world)
            assert judged(world) == []
        step(world)
        assert judged(world) == []
    finish(world)
    assert judged(world) == []


def refunding() -> World:
    """Refund half of an order that is paid out: planned, and not carried out yet."""
    world = World(paid_order(line(1, 1_000)), copies(merchant("m1", agreement())))
    pay(world)
    world.approve(approval(ApprovedLine("l1", 500)))
    return world


def indebted() -> World:
    """Refund the same, of which nothing came back from the receiver, who owes it now."""
    world = refunding()
    world.carry_out("r1", failing={"r1/merchant:m1/1"})
    return world


def charged_back() -> World:
    """Charge back an order that is paid out, and bring half of that back again."""
    world = World(paid_order(line(1, 1_000)), copies(merchant("m1", agreement())))
    pay(world)
    world.move(movement("chargeback", 1_000))
    carry_out(world)
    world.move(movement("chargeback_reversed", 500, reverses="m1"))
    return world


@pytest.mark.parametrize("made", [refunding, indebted, charged_back])
@pytest.mark.parametrize(
    ("giver", "taker"),
    [
        ("merchant:available/m1", "merchant:returning/m1"),
        ("merchant:available/m1", "buyer:refund_in_transit"),
        ("merchant:debt/m1", "platform:commission"),
        ("merchant:debt/m1", "merchant:available/m1"),
        ("merchant:available/m1", "suspense/test-a"),
        ("deposit/m1", "suspense/test-a"),
        ("deposit/m1", "merchant:reserve/m1"),
        ("deposit/m1", "platform:advance"),
        ("deposit/m1", "platform:tax"),
        ("deposit/m1", "platform:marketing"),
        ("merchant:held/m1", "merchant:available/m1"),
        ("merchant:available/m1", "merchant:debt/m1"),
        ("deposit/m1", "merchant:debt/m1"),
    ],
)
def test_money_in_a_wrong_account_is_named_with_its_account(made: Callable[[], World], giver: str, taker: str) -> None:
    """Each pair sums to zero; that others have used what was available or deposited explains none of them."""
    world = made()
    assert judged(world) == []
    world.booked.append(("release", {giver: -7, taker: 7}))
    found = [(law, detail.partition(" is ")[0]) for law, detail in judged(world)]
    named = {account for law, account in found if law == "order_booked"}
    assert named & {giver, taker, "merchant:debt/*"}, found


def test_nobody_else_has_used_the_money_of_an_order_without_refunds() -> None:
    world = World(paid_order(line(1, 1_000)), copies(merchant("m1", agreement())))
    pay(world, "failed")
    world.booked.append(("release", {"merchant:available/m1": -7, "suspense/test-a": 7}))
    assert [detail for law, detail in judged(world) if law == "order_booked"] == [
        "merchant:available/m1 is 873 in the ledger, the order says 880",
        "suspense/test-a is 7 in the ledger, the order says 0",
    ]


def test_shares_and_refunds_of_more_than_came_in_are_named() -> None:
    world = refunding()
    first, *others = world.order.shares
    less = msgspec.structs.replace(first, amount_minor=first.amount_minor - 7)
    world.order = msgspec.structs.replace(world.order, shares=(less, *others))
    assert {law for law, _ in judged(world)} >= {"order_sums", "order_booked"}


def change(world: World, **fields: Any) -> None:  # noqa: ANN401 - any field of a refund
    """Change the refund in the order by hand."""
    (refund,) = world.order.known_refunds
    world.order = msgspec.structs.replace(world.order, refunds=(msgspec.structs.replace(refund, **fields),))


@pytest.mark.parametrize(
    ("field", "law"),
    [("returns", "order_booked"), ("fundings", "order_booked"), ("lines", "order_booked"), ("state", "order_booked")],
)
def test_a_refund_that_says_another_amount_is_named(field: str, law: str) -> None:
    world = refunding()
    if field == "state":
        (part,) = world.order.known_refunds[0].payments
        change(world, payments=(msgspec.structs.replace(part, state="succeeded"),))
    else:
        first, *others = getattr(world.order.known_refunds[0], field)
        change(world, **{field: (msgspec.structs.replace(first, amount_minor=first.amount_minor + 7), *others)})
    assert law in {law for law, _ in judged(world)}


def test_more_than_was_paid_never_goes_back() -> None:
    world = refunding()
    for field in ("lines", "payments"):
        world = refunding()
        (part,) = getattr(world.order.known_refunds[0], field)
        change(world, **{field: (msgspec.structs.replace(part, amount_minor=1_001),)})
        assert "refund_within_paid" in {law for law, _ in judged(world)}
