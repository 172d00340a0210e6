"""A version that comes too late: the difference is posted, and everybody ends as if it had been there in time."""

from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st
from tests.split.decisions import at
from tests.split.domain.test_money_back import finish, noises, pay, progress, stories
from tests.split.examples import agreement, copies, extra, line, merchant, paid_order
from tests.split.tariffs import limits, rates, rule, rule_sets
from tests.split.world import World

from shared.messages import Agreement, Breakdown, MerchantChanged
from split.domain import splits
from split.domain.corrections import differences, due, late_versions, pending
from split.domain.orders import Late


def come_late(world: World, newer: dict[str, MerchantChanged]) -> None:
    """Let versions come that were in force when the order was paid."""
    world.merchants |= newer
    found = late_versions(world.order, world.request, world.merchants, splits.sale_of(world.request, at(world.now)))
    if found:
        world.order = msgspec.structs.replace(world.order, late=(*world.order.known_late, *found))
    world.review()


def versions(name: str, **newer: Any) -> tuple[dict[str, MerchantChanged], dict[str, MerchantChanged]]:  # noqa: ANN401 - any term
    """Return a merchant's copy before and after a second version."""
    first = agreement()
    return copies(merchant(name, first)), copies(merchant(name, first, agreement(version=2, **newer)))


@st.composite
def newer(draw: st.DrawFn, before: Agreement) -> Agreement:
    """Draw another version that lets the money go at the same time."""
    fields: dict[str, Any] = {
        "version": before.version + 1,
        "commission_bp": draw(rates),
        "category_rates": (),
        "commission_limits": tuple(draw(st.lists(limits(), max_size=1))),
        "rules": draw(rule_sets()),
        "rate_source": "agreement",
        "tax_bp": draw(st.sampled_from((0, 600, 10_000))),
        "fee_bearer": draw(st.sampled_from(("platform", "merchant", "pro_rata"))),
        "refund_commission": draw(st.sampled_from(("returned", "kept"))),
    }
    return msgspec.structs.replace(before, **fields)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(stories(), st.data())
def test_everybody_ends_as_if_the_late_version_had_been_there_in_time(story: Any, data: st.DataObject) -> None:  # noqa: ANN401
    order, before, steps = story
    for name in dict.fromkeys(it.merchant for it in order.lines):  # nobody is held for ever
        known = before.get(name)
        first = known.agreements[-1] if known and known.agreements else agreement()
        going = {"direction": "pay", "cycle": "real_time", "price_mode": "commission"}
        before[name] = merchant(name, msgspec.structs.replace(first, rate_source="agreement", **going))
    after = {
        name: msgspec.structs.replace(it, agreements=(*it.agreements, data.draw(newer(it.agreements[-1]))))
        for name, it in before.items()
        if it.agreements
    }
    note(f"{order}\n{before}\n{after}")
    ends = []
    for late in (True, False):
        world = World(order, before if late else before | after)
        wanted: list[Any] = data.draw(st.permutations(steps))
        if late:
            wanted.insert(data.draw(st.integers(0, len(wanted))), lambda it: come_late(it, after))
        for step in wanted:
            for other in data.draw(st.lists(noises(), max_size=2)):
                other(world)
                world.check()
            step(world)
            world.check()
        world.progress(progress("completed", number=9))
        finish(world)
        assume(all(it.state != "waiting" for it in world.order.known_refunds))
        assume(not any(share.state == "held" for share in world.order.shares))
        assert pending(world.order) == ()
        ends.append(world.ends())
    assert ends[0] == ends[1]


def test_who_gets_more_is_paid_the_difference_which_marketing_adds() -> None:
    before, after = versions("m1", commission_bp=1_000)
    world = World(paid_order(line(1, 1_000)), before)
    pay(world)
    come_late(world, after)
    (own, _, adjusted) = world.order.shares
    assert (own.amount_minor, own.agreement_version) == (880, 1)
    assert (adjusted.path, adjusted.receiver, adjusted.amount_minor, adjusted.agreement_version) == (
        "adjustment:2",
        "merchant:m1",
        20,
        2,
    )
    assert adjusted.breakdown == Breakdown(adjustments_minor=20)
    assert [it.amount_minor for it in world.order.subsidies] == [20]
    finish(world)
    assert world.ends() == {"merchant:m1": 900, "platform": 100}


def test_who_gets_less_owes_the_difference_and_is_told_so() -> None:
    before, after = versions("m1", commission_bp=1_500)
    world = World(paid_order(line(1, 1_000)), before)
    pay(world)
    come_late(world, after)
    adjusted = world.order.shares[-1]
    assert (adjusted.path, adjusted.amount_minor, adjusted.state) == ("adjustment:2", 0, "in_transit")
    assert adjusted.breakdown == Breakdown(adjustments_minor=-30, netted_minor=-30)
    assert world.accounts["merchant:debt/m1"] == -30
    assert world.standings["m1"].guard.debt_minor == 30
    finish(world)
    assert world.ends() == {"merchant:m1": 850, "platform": 150}


def test_receivers_below_a_merchant_get_and_owe_their_part_of_it() -> None:
    before, after = versions("m1", commission_bp=0)
    order = paid_order(line(1, 1_000), receivers=(extra("driver", "merchant:m1", "percent", 2_500),))
    world = World(order, before)
    come_late(world, after)
    assert {it.receiver: it.amount_minor for it in world.order.shares if it.path == "adjustment:2"} == {
        "merchant:m1": 90,
        "merchant:driver": 30,
    }


def test_a_correction_waits_until_nothing_of_its_order_is_held() -> None:
    before, after = versions("m1", commission_bp=1_000)
    order = paid_order(line(1, 1_000), line(2, 500, merchant="m2"))
    world = World(order, before)
    come_late(world, after)
    assert [it.version for it in pending(world.order)] == [2]
    assert due(world.order) == ()
    world.change(merchant("m2", agreement()))
    assert pending(world.order) == ()
    finish(world)
    assert world.ends() == {"merchant:m1": 900, "merchant:m2": 440, "platform": 160}


def test_a_correction_waits_while_its_merchant_may_not_be_paid() -> None:
    before, after = versions("m1", commission_bp=1_000)
    world = World(paid_order(line(1, 1_000)), before)
    blocked = {name: msgspec.structs.replace(it, blocked=("kyc",)) for name, it in after.items()}
    come_late(world, blocked)
    assert len(pending(world.order)) == 1
    world.merchants |= after
    world.later(timedelta(minutes=11))
    assert pending(world.order) == ()


def test_a_version_that_makes_no_difference_is_no_correction() -> None:
    before, after = versions("m1", fee_bearer="merchant")
    world = World(paid_order(line(1, 1_000)), before)
    come_late(world, after)
    assert world.order.known_late == ()


def test_only_a_newer_version_of_a_decided_pot_is_late() -> None:
    order = paid_order(line(1, 1_000), line(2, 500, merchant="m2"))
    before, after = versions("m1", commission_bp=1_000)
    world = World(order, after)
    sale = splits.sale_of(order, at(world.now))
    assert late_versions(world.order, order, before, sale) == ()
    assert late_versions(world.order, order, after | copies(merchant("m2", agreement(version=9))), sale) == ()
    assert late_versions(world.order, order, {}, sale) == ()


def test_two_late_versions_one_after_the_other_come_to_the_last() -> None:
    before, after = versions("m1", commission_bp=1_000)
    world = World(paid_order(line(1, 1_000)), before)
    come_late(world, after)
    third = agreement(version=3, rules=(rule("r", commission_bp=500, tax_bp=1_000),))
    come_late(world, copies(merchant("m1", *after["m1"].agreements, third)))
    assert [it.path for it in world.order.shares if it.receiver == "merchant:m1"] == [
        "merchant:m1",
        "adjustment:2",
        "adjustment:3",
    ]
    finish(world)
    assert world.ends() == {"merchant:m1": 945, "platform": 55}


def test_the_difference_is_of_the_whole_order_less_what_refunds_took_on_both_sides() -> None:
    before, after = versions("m1", commission_bp=1_000)
    world = World(paid_order(line(1, 1_000)), before)
    sale = splits.sale_of(world.request, at(world.now))
    (late,) = late_versions(world.order, world.request, after, sale)
    assert isinstance(late, Late)
    assert differences(world.order, world.request, (late,)) == {"merchant:m1": 20}


def test_a_late_version_that_goes_back_to_what_an_earlier_late_one_said_is_posted_too() -> None:
    first = agreement()
    world = World(paid_order(line(1, 1_000)), copies(merchant("m1", first)))
    later = [agreement(version=2 + place, commission_bp=rate) for place, rate in enumerate((1_000, 800, 1_000))]
    for count in range(4):
        come_late(world, copies(merchant("m1", first, *later[:count])))
        finish(world)
    assert world.ends() == {"merchant:m1": 900, "platform": 100}
