"""A pot that its agreement cannot divide is held for ever, and yet its buyer gets the money back."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.split.decisions import at
from tests.split.domain.test_money_back import approval, finish, movement
from tests.split.examples import agreement, copies, extra, line, merchant, paid_order
from tests.split.world import World

from shared.messages import Adjustment, MerchantChanged
from split.domain import splits
from split.domain.corrections import late_versions
from split.domain.earnings import undivided
from split.domain.pots import facts
from split.domain.refunds import ApprovedLine

CHEAP = line(1, 1_000, settlement_price_minor=1_001, freight_minor=50)
"""It brings less than its settlement price."""


def priced(**terms: Any) -> dict[str, MerchantChanged]:  # noqa: ANN401 - any term
    return copies(merchant("m1", agreement(price_mode="settlement_price", **terms)))


def held(world: World) -> dict[str, tuple[str, int]]:
    return {it.path: (it.reason, it.amount_minor) for it in world.order.shares if it.state == "held"}


@pytest.mark.parametrize("fee", [0, 7])
@pytest.mark.parametrize("price", [1_001, None])
def test_all_of_it_goes_back_to_its_buyer(price: int | None, fee: int) -> None:
    receivers = (extra("r1", "merchant:m1", "percent", 5_000),)
    sold = msgspec.structs.replace(CHEAP, settlement_price_minor=price)
    world = World(paid_order(sold, line(2, 500, settlement_price_minor=400), fee=fee, receivers=receivers), priced())
    reason = "price_above_paid" if price else "settlement_price_missing"
    assert held(world) == {"merchant:m1": (reason, 1_550 - fee)}
    world.approve(approval(ApprovedLine("l1", 600)))
    world.check()
    assert [it.state for it in world.order.known_refunds] == ["requested"]
    world.approve(approval(ApprovedLine("l1", 400, 50), ApprovedLine("l2", 500), refund_id="r2"))
    finish(world)
    assert world.got["buyer"] == 1_550
    assert held(world) == {}
    assert world.ends() == {"buyer": 1_550} | ({"merchant:m1": -fee} if fee else {})


def test_what_is_not_given_back_stays_held() -> None:
    world = World(paid_order(CHEAP), priced())
    world.approve(approval(ApprovedLine("l1", 600)))
    finish(world)
    assert held(world) == {"merchant:m1": ("price_above_paid", 450)}
    assert (world.got["buyer"], world.got["merchant:m1"]) == (600, 0)


def test_the_platform_bears_it_where_that_is_agreed() -> None:
    world = World(paid_order(CHEAP), priced(refund_bearer="platform"))
    world.approve(approval(ApprovedLine("l1", 600)))
    finish(world)
    assert held(world) == {"merchant:m1": ("price_above_paid", 1_050)}
    assert world.ends() == {"buyer": 600, "merchant:m1": 1_050, "platform": -600}
    world.approve(approval(ApprovedLine("l1", 100), refund_id="r2"))
    finish(world)
    assert world.ends() == {"buyer": 700, "merchant:m1": 1_050, "platform": -700}


def test_where_an_agreement_may_still_decide_a_refund_waits_for_it() -> None:
    world = World(paid_order(CHEAP), copies(merchant("m1")))
    world.approve(approval(ApprovedLine("l1", 600)))
    finish(world)
    assert [it.state for it in world.order.known_refunds] == ["waiting"]


def test_what_the_channel_takes_is_borne_out_of_it() -> None:
    world = World(paid_order(CHEAP), priced())
    world.move(movement("chargeback", 1_050))
    finish(world)
    assert held(world) == {"merchant:m1": ("price_above_paid", 0)}
    assert world.ends() == {"buyer": 1_050}
    world.move(movement("chargeback_reversed", 1_050, reverses="m1"))
    finish(world)
    assert world.ends() == {"merchant:m1": 1_050}


def test_a_late_version_corrects_nothing_that_was_never_divided() -> None:
    first = agreement(price_mode="settlement_price")
    world = World(paid_order(CHEAP), copies(merchant("m1", first)))
    newer = copies(merchant("m1", first, agreement(version=2)))
    sale = splits.sale_of(world.request, at(world.now + timedelta(days=1)))
    assert late_versions(world.order, world.request, newer, sale) == ()


def test_its_earning_adds_up_as_any_other() -> None:
    more = (Adjustment(kind="surcharge", amount_minor=10, party="platform:fee"),)
    small = line(1, 5, settlement_price_minor=9)
    for order in (paid_order(CHEAP, fee=7), paid_order(small, fee=5), paid_order(small, fee=12, adjustments=more)):
        (pot,) = facts(order).pots
        found = undivided(pot)
        brought = pot.goods_minor + pot.freight_minor - pot.fee_minor
        assert found.net_minor + found.kept_minor == brought + found.short_minor
        assert (found.net_minor, found.short_minor) == (pot.worth_minor, pot.short_minor)
        assert found.fee_minor <= pot.goods_minor + pot.freight_minor
