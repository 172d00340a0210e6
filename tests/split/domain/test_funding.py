"""Where the money of a refund comes from, source by source, and where it goes when a chargeback is reversed."""

from datetime import timedelta

import msgspec
import pytest
from tests.split.domain.test_money_back import approval, carry_out, movement, pay, progress
from tests.split.examples import PAID_AT, agreement, copies, line, merchant, paid_order
from tests.split.world import World, check

from shared.messages import SplitRequested
from shared.profiles import shipped
from split.domain.funding import Left, Purse, Rules
from split.domain.ledger import Entries
from split.domain.refunds import ApprovedLine, Refund
from split.domain.resting import Deed
from split.domain.shares import Share

DAY = timedelta(days=1)
SOLD = copies(merchant("m1", agreement(commission_bp=1_000)))
SLOW = copies(merchant("m1", agreement(commission_bp=1_000, tax_bp=600, trigger="shipped")))
BARRED = merchant("m1", agreement(commission_bp=1_000), version=2, blocked=("kyc",))


def order_of(profile: str, amount: int = 10_000, order_id: str = "1") -> SplitRequested:
    """Return an order of one line, paid by a profile."""
    order = paid_order(line(1, amount), order_id=order_id)
    (payment,) = order.payments
    one = msgspec.structs.replace(payment, channel_profile=profile, channel_payment_id=f"p-{order_id}")
    return msgspec.structs.replace(order, payments=(one,))


def failed(world: World) -> None:
    """Have the merchant's leg fail for good, and the platform's be paid."""
    for payout_id, (_, states, _) in list(world.legs.items()):
        world.reasons |= dict.fromkeys(states, "ACCOUNT_ABNORMAL")
        mine = {leg: "failed" if "merchant:" in leg else "succeeded" for leg, it in states.items() if it == "open"}
        world.answer(payout_id, mine)


def refund_of(world: World, refund_id: str = "r1") -> Refund:
    return next(it for it in world.order.known_refunds if it.refund_id == refund_id)


def own(world: World, path: str = "merchant:m1") -> Share:
    return next(it for it in world.order.shares if it.path == path)


def debts(world: World) -> int:
    return world.accounts["merchant:debt/m1"]


@pytest.mark.parametrize("profile", ["allinpay-weak", "pingan-witness", "sandbox-direct"])
def test_a_leg_that_came_back_always_pays_the_refund_of_its_own_order(profile: str) -> None:
    world = World(order_of(profile), SOLD)
    failed(world)
    world.approve(approval(ApprovedLine("l1", 4_000)))
    assert refund_of(world).given == {"merchant:available/m1": 3_600, "platform:commission": 400}
    assert debts(world) == 0
    carry_out(world)
    world.check()
    world.later(40 * DAY)
    assert (own(world).amount_minor, own(world).owing_minor) == (9_000, 3_600)
    assert world.standings["m1"].guard.taken_minor == 0


def test_a_leg_pays_so_much_less_when_it_is_tried_again() -> None:
    world = World(order_of("allinpay-weak"), SOLD)
    failed(world)
    world.approve(approval(ApprovedLine("l1", 4_000)))
    carry_out(world)
    world.review(Deed("retry", "test-a/o:1/merchant:m1/1"))
    world.check()
    payouts = [request for request, _, _ in world.legs.values()]
    (leg,) = [it for it in payouts[-1].legs if it.receiver == "merchant:m1"]
    assert (leg.attempt, leg.amount_minor + 3_600, leg.breakdown.netted_minor) == (2, 9_000, 3_600)
    pay(world)
    world.check()
    assert world.ends() == {"buyer": 4_000, "merchant:m1": 5_400, "platform": 600}


def test_one_order_pays_no_refund_of_another_where_the_profile_cannot_move_it() -> None:
    one = World(order_of("pingan-witness"), SOLD)
    other = World(order_of("pingan-witness", order_id="2"), SOLD, beside=one)
    failed(one)
    pay(other)
    other.approve(approval(ApprovedLine("l1", 4_000)))
    assert "merchant:available/m1" not in refund_of(other).given
    check(one, other)
    assert one.accounts["merchant:available/m1"] == 9_000


def test_a_chargeback_of_what_is_held_asks_nobody_for_money() -> None:
    world = World(order_of("sandbox-direct"), SLOW)
    world.move(movement("chargeback", 10_000))
    taken = refund_of(world, "cb:c-chargeback")
    assert (taken.state, taken.fundings, taken.returns) == ("succeeded", (), ())
    assert taken.given == {"merchant:held/m1": 10_000}
    world.check()
    assert own(world).amount_minor == 0


def test_what_a_reversed_chargeback_brings_back_is_held_again_until_its_trigger() -> None:
    world = World(order_of("sandbox-direct"), SLOW)
    before = own(world)
    world.move(movement("chargeback", 7_777))
    world.move(movement("chargeback_reversed", 7_777, reverses="m1"))
    world.check()
    assert (own(world).amount_minor, own(world).owed_minor, world.legs) == (before.amount_minor, 0, {})
    world.later(DAY)
    world.progress(progress("shipped"))
    pay(world)
    assert world.ends() == {"merchant:m1": 8_940, "platform": 1_060}


def test_half_a_chargeback_that_is_released_before_its_end_leaves_the_platform_so_much_less() -> None:
    world = World(order_of("sandbox-direct"), SLOW)
    world.move(movement("chargeback", 5_000, moved_at=PAID_AT - 200 * DAY))  # its end was never told: it is over
    world.later(DAY)
    world.progress(progress("shipped"))
    (payout,) = [request for request, _, _ in world.legs.values()]
    assert {it.receiver: it.amount_minor for it in payout.legs} == {
        "merchant:m1": 4_470,
        "platform:commission": 500,
        "platform:tax": 30,
    }
    pay(world)
    world.check()


def test_refunds_one_after_the_other_use_all_that_is_held_before_anybody_owes() -> None:
    world = World(order_of("sandbox-direct"), SLOW)
    for number in (1, 2):
        world.approve(approval(ApprovedLine("l1", 5_000), refund_id=f"r{number}", mode="proportional"))
    carry_out(world)
    world.check()
    assert (debts(world), own(world).amount_minor) == (0, 0)
    assert [it.fundings for it in world.order.known_refunds] == [(), ()]


def test_who_may_not_be_paid_gets_a_reversed_chargeback_when_it_may() -> None:
    world = World(order_of("sandbox-direct"), SOLD)
    pay(world)
    world.move(movement("chargeback", 10_000))
    carry_out(world)
    world.change(BARRED)
    world.move(movement("chargeback_reversed", 10_000, reverses="m1"))
    world.check()
    share = own(world, "reversal:merchant:m1")
    assert (share.state, share.reason, share.amount_minor) == ("available", "blocked:kyc", 9_000)
    world.change(SOLD["m1"])
    assert own(world, "reversal:merchant:m1").state == "in_transit"
    pay(world)
    world.check()
    assert world.ends() == {"merchant:m1": 9_000, "platform": 1_000}


def test_a_deposit_pays_before_the_platform_advances() -> None:
    world = World(order_of("sandbox-direct"), SOLD)
    pay(world)
    world.deposit("m1", 1_000)
    world.approve(approval(ApprovedLine("l1", 10_000)))
    world.carry_out("r1", failing={"r1/merchant:m1/1"})
    world.check()
    assert (world.accounts["deposit/m1"], debts(world)) == (0, -8_000)
    assert refund_of(world).given == {
        "deposit/m1": 1_000,
        "merchant:debt/m1": 8_000,
        "platform:commission": 1_000,
    }


@pytest.mark.parametrize(("asked", "returns"), [(49, 1), (50, 0)])
def test_no_more_returns_of_a_payout_are_asked_for_than_its_profile_takes(asked: int, returns: int) -> None:
    share = own(World(order_of("sandbox-direct"), SOLD))
    paid = msgspec.structs.replace(share, state="paid", payout_id="o:1.1")
    rules = Rules(shipped().find("wechat-ecommerce"), PAID_AT, PAID_AT + DAY)
    purse = Purse("r1", rules, [paid], Left({}, {}), {}, Entries(), {"o:1.1": asked})
    purse.take("m1", 100)
    assert len(purse.returns) == returns


@pytest.mark.parametrize(
    ("count", "days", "reason"), [(50, 1, ""), (51, 1, "refunds_too_many"), (1, 364, ""), (1, 365, "refund_too_late")]
)
def test_a_profile_takes_so_many_refunds_and_for_so_long(count: int, days: int, reason: str) -> None:
    world = World(order_of("wechat-profit-sharing"), SOLD)
    for number in range(1, count + 1):
        approved_at = PAID_AT + days * DAY
        world.approve(approval(ApprovedLine("l1", 1), refund_id=f"r{number}", approved_at=approved_at))
    told = refund_of(world, f"r{count}")
    assert (told.state == "refused", told.reason if told.state == "refused" else "") == (bool(reason), reason)


def test_a_reversed_chargeback_pays_off_what_is_owed_before_anything_is_held_again() -> None:
    other = World(order_of("sandbox-direct", order_id="2"), SOLD)
    pay(other)
    other.approve(approval(ApprovedLine("l1", 10_000)))
    other.carry_out("r1", failing={"r1/merchant:m1/1"})
    other.merchants |= SLOW
    world = World(order_of("sandbox-direct"), SLOW, beside=other)
    world.move(movement("chargeback", 5_000))
    held = own(world).amount_minor
    assert (debts(world), held) == (-9_000, 5_000)
    world.move(movement("chargeback_reversed", 5_000, reverses="m1"))
    check(world, other)
    assert (debts(world), own(world).amount_minor) == (-9_000 + 4_470, held + 530)
