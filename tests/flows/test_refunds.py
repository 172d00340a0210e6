"""Stories of refunds through the cluster: out of whose money, borne by whom, and why one waits or is refused.

Payments carries them out at the institution: split's books are held against the institution's own pool.
"""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from tests.flows.conftest import Cluster
from tests.flows.market import Json, Market, selling, until
from tests.flows.refunding import (
    Done,
    approve,
    approved,
    books_agree,
    done,
    gave,
    held,
    listed,
    name_of,
    paid_out,
    refund_is,
    refunded,
    refunds,
    rich,
    shipped,
    sold,
)
from tests.flows.test_payouts import approved as agreed
from tests.flows.test_payouts import asked, no_law_is_broken

pytestmark = pytest.mark.infra


@pytest.fixture
async def poor(cluster: Cluster) -> AsyncIterator[Market]:
    """Give a marketplace whose platform has no money of its own at the institution."""
    async with selling(cluster) as it:
        yield it


@pytest.fixture
async def market(poor: Market) -> Market:
    await rich(poor)
    return poor


def of_two(market: Market) -> Json:
    """Return an order of 60.00 from acme and 40.00 from brown."""
    order = market.order()
    (line,) = order["lines"]
    order["lines"] = [
        line | {"amount_minor": 6_000},
        line | {"line_id": "2", "merchant": "brown", "amount_minor": 4_000},
    ]
    return order


async def test_what_is_refunded_before_its_shipment_is_taken_from_what_is_held(market: Market, tmp_path: Path) -> None:
    await market.merchant("slow", trigger="shipped")
    order = await held(market, market.order(merchant="slow"), "awaiting_shipped")
    refund = await refunded(market, order, 4_000, goods_state="not_shipped")
    await books_agree(market)
    did = await done(market)
    assert (did.returned.total(), did.funded.total(), did.refunded.total()) == (0, 0, 4_000)
    assert gave(refund) == {("held", "merchant:slow"): 4_000}
    assert await market.balance("merchant:held/slow") == 6_000
    await market.tell(shipped(order))
    await paid_out(market, order)
    await market.reaches(order, "settled")
    await books_agree(market)
    pockets = await market.pockets()
    assert (pockets["merchant:slow"], pockets["platform:commission"]) == (5_400, 600)
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}


async def test_a_leg_that_is_not_sent_yet_is_called_off_and_never_sent(poor: Market, tmp_path: Path) -> None:
    market = poor
    order = market.order()
    order["payments"][0]["amount_minor"] = 9_500
    order["adjustments"] = [{"kind": "discount", "amount_minor": -500, "party": "platform:marketing"}]
    await market.pay(order)
    await market.publish(order)  # nothing is sent before marketing has paid its 5.00
    await until(
        lambda: market.status(order), lambda it: [p["waits"] for p in it.get("payouts", [])] == ["waiting_funds"]
    )
    await approve(market, approved(order, 9_500, goods_state="not_shipped"))
    await refund_is(market, order, "waiting_funds", "insufficient_funds")  # nor has it what the platform bears
    await market.fund(2_000)  # some of it may go to the leg's 5.00, which is called off only if it was not being sent
    await market.at_once("refunds")
    refund = await refund_is(market, order, "succeeded")
    await books_agree(market)
    assert (await done(market)).returned.total() == 0
    assert refund["called_off"] == [f"o:{order['order_id']}.1"]
    await market.fund(500)
    await paid_out(market, order)
    assert (await market.pockets()).get("merchant:acme", 0) == 0
    assert await market.balance("merchant:available/acme") == 0
    await no_law_is_broken(market, tmp_path)


async def test_the_platform_bears_a_refund_where_that_is_agreed(market: Market) -> None:
    await market.merchant("dear", refund_bearer="platform")
    refund = await refunded(market, await sold(market, merchant="dear"), 4_000)
    await books_agree(market)
    did = await done(market)
    assert (did.returned.total(), did.funded["subsidy"], did.funded["advance"]) == (0, 4_000, 0)
    assert gave(refund) == {("platform", "platform:marketing"): 4_000}


async def test_the_platform_keeps_its_commission_where_that_is_agreed(market: Market, tmp_path: Path) -> None:
    await market.merchant("keen", refund_commission="kept")
    refund = await refunded(market, await sold(market, merchant="keen"), 4_000)
    await books_agree(market)
    did = await done(market)
    assert (did.returned, did.funded.total()) == ({"merchant:keen": 4_000}, 0)
    assert gave(refund) == {("returns", "merchant:keen"): 4_000}
    await no_law_is_broken(market, tmp_path)


async def test_all_who_were_paid_bear_a_refund_in_proportion_where_that_is_agreed(market: Market) -> None:
    await market.merchant("brown", refund_bearer="proportional")
    order = of_two(market)
    await market.pay(order)
    await market.publish(order)
    await paid_out(market, order)
    refund = await refunded(market, order, 0, 4_000)
    await books_agree(market)
    did = await done(market)
    assert did.returned == {"merchant:acme": 2_160, "merchant:brown": 1_440}
    assert gave(refund) == {
        ("returns", "merchant:acme"): 2_160,
        ("returns", "merchant:brown"): 1_440,
        ("platform", "platform:commission"): 400,
    }


async def test_a_merchant_bears_all_of_a_refund_that_it_grants_at_its_own_loss(market: Market) -> None:
    await market.merchant("brown")
    order = of_two(market)
    await market.pay(order)
    await market.publish(order)
    await paid_out(market, order)
    refund = await refunded(market, order, 0, 4_000, bearer="merchant", bearing_merchant="acme")
    await books_agree(market)
    did = await done(market)
    assert (did.returned, did.funded.total()) == ({"merchant:acme": 4_000}, 0)
    assert (refund["lines"][0]["bearer"], refund["lines"][0]["bearing_merchant"]) == ("merchant", "acme")


async def test_partial_refunds_take_by_degrees_exactly_what_one_would(market: Market, tmp_path: Path) -> None:
    order = await sold(market)
    await approve(market, *[approved(order, 3_333, number=number) for number in range(1, 4)])
    await approve(market, approved(order, 1, number=4))
    for number in range(1, 5):
        await refund_is(market, order, "succeeded", number=number)
    await books_agree(market)
    did = await done(market)
    assert (did.returned.total(), did.funded["subsidy"], did.refunded.total()) == (9_000, 1_000, 10_000)
    assert [sum(gave(it).values()) for it in (await refunds(market, order)).values()] == [3_333, 3_333, 3_333, 1]
    await no_law_is_broken(market, tmp_path)


async def test_two_payments_of_an_order_are_refunded_in_the_order_in_which_they_are_stated(market: Market) -> None:
    order = market.order()
    (payment,) = order["payments"]
    first, second = f"z-{order['order_id']}"[:64], f"a-{order['order_id']}"[:64]
    order["payments"] = [
        payment | {"channel_payment_id": first, "amount_minor": 6_000},
        payment | {"channel_payment_id": second, "amount_minor": 4_000},
    ]
    await market.pay(order)
    await market.publish(order)
    await paid_out(market, order)
    await refunded(market, order, 5_000)
    assert (await done(market)).refunded == {first: 5_000}
    await refunded(market, order, 3_000, number=2)
    assert (await done(market)).refunded == {first: 6_000, second: 2_000}
    await books_agree(market)


async def test_a_refund_waits_for_the_platforms_money_visibly_and_is_paid_once_when_it_comes(poor: Market) -> None:
    market = poor
    order = await sold(market)
    await approve(market, approved(order, 4_000))
    await refund_is(market, order, "waiting_funds", "insufficient_funds")
    (item,) = await listed(market, "waiting_funds")
    assert (item["refund_id"], item["amount_minor"]) == (name_of(order), 4_000)
    assert await market.balance("buyer:refund_in_transit") == 4_000
    shown = await market.http.get(market.url("payments", f"refunds/{name_of(order)}"))
    assert (shown.json()["standing"], shown.json()["waits"]) == ("waiting_funds", "waiting_funds")
    await rich(market)
    await market.at_once("refunds")
    await refund_is(market, order, "succeeded")
    await books_agree(market)
    assert (await done(market)).refunded.total() == 4_000
    assert await listed(market, "waiting_funds") == []


async def test_a_refused_refund_says_why_and_moves_nothing(market: Market, tmp_path: Path) -> None:
    order = await sold(market)
    await approve(market, approved(order, 10_001), approved(order, 0, 500, number=2))
    await approve(market, approved(order, 100, number=3, currency="JPY"))
    for number, reason in enumerate(("refund_exceeds_paid", "line_unknown", "currency_differs"), 1):
        refund = await refund_is(market, order, "refused", reason, number)
        assert (refund["given"], refund["revision"]) == ([], 0)
    await books_agree(market)
    assert (await done(market), (await market.pockets())["pool"]) == (Done(), 0)
    for number, reason in enumerate(("refund_exceeds_paid", "line_unknown", "currency_differs"), 1):
        url = market.url("payments", f"refunds/{name_of(order, number)}")
        answer = await until(partial(market.http.get, url), lambda it: it.is_success)
        shown = answer.json()
        assert (shown["standing"], shown["reason"], shown["parts"]) == ("failed", reason, [])
    assert len(await listed(market, "refused")) == 3
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}


async def test_a_refund_that_comes_before_its_order_waits_for_it_and_nothing_of_it_goes_out(market: Market) -> None:
    order = market.order()
    await approve(market, approved(order, 10_000, goods_state="not_shipped"))
    await refund_is(market, order, "waiting", "order_unknown")
    await market.pay(order)
    await market.publish(order)
    refund = await refund_is(market, order, "succeeded")
    await books_agree(market)
    assert (await done(market)).refunded.total() == 10_000
    assert gave(refund) == {("held", "merchant:acme"): 10_000}
    assert "merchant:acme" not in await market.pockets()


async def test_a_refund_of_a_merchant_that_nobody_knows_waits_for_its_agreement(market: Market) -> None:
    order = await held(market, market.order(merchant="late"), "merchant_unknown")
    await approve(market, approved(order, 4_000))
    await refund_is(market, order, "waiting", "undecided:late")
    await market.merchant("late")
    await refund_is(market, order, "succeeded")
    await paid_out(market, order)
    await books_agree(market)
    assert (await market.pockets())["merchant:late"] == 5_400


async def again(market: Market, order: Json) -> None:
    """Have a failed refund tried again, as two people decide."""
    (item,) = await listed(market, "failed")
    body = {"order_id": item["order_id"], "refund_id": item["refund_id"], "actor": "Ann", "reason": "it is open"}
    decided = await agreed(market, await asked(market, "operator/refunds/retry", body, f"again-{order['order_id']}"))
    assert (decided["decided_by"], decided["outcome"]) == ("Bob", f"{name_of(order)}.2")


async def test_what_a_buyers_bank_refuses_is_tried_again_and_paid_once(market: Market, tmp_path: Path) -> None:
    order = await sold(market)
    await market.fault(fail_refunds={"*": "ACCOUNT_ABNORMAL"}, kinds=["refund"])
    await approve(market, approved(order, 4_000))
    await refund_is(market, order, "failed", "ACCOUNT_ABNORMAL")
    assert await market.balance("buyer:refund_in_transit") == 4_000
    await books_agree(market)
    await market.heal()
    await again(market, order)
    await refund_is(market, order, "succeeded")
    await books_agree(market)
    did = await done(market)
    assert (did.refunded.total(), did.returned) == (4_000, {"merchant:acme": 3_600})
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}


async def test_what_a_buyers_bank_sends_back_days_later_is_owed_again_and_paid_again(
    market: Market, tmp_path: Path
) -> None:
    order = await sold(market)
    await refunded(market, order, 4_000)
    await market.reaches(order, "settled")
    (paid,) = [it for it in await market.transfers() if it["kind"] == "refund"]
    await market.give_back(paid["number"])
    check = market.url("payments", f"refunds/{name_of(order)}/check")
    assert (await market.http.post(check)).status_code == 202
    await refund_is(market, order, "failed", "ACCOUNT_CLOSED")
    assert await market.balance("buyer:refund_in_transit") == 4_000
    await books_agree(market)
    await again(market, order)
    await refund_is(market, order, "succeeded")
    await books_agree(market)
    assert (await done(market)).refunded.total() == 4_000
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}


async def test_an_outcome_that_nobody_knows_is_asked_after_and_no_second_refund_is_made(
    market: Market, tmp_path: Path
) -> None:
    order = await sold(market)
    await market.fault(answer="drop_after", operations=["transfers"], kinds=["refund"], remaining=1)
    await refunded(market, order, 4_000)
    await books_agree(market)
    assert [it["kind"] for it in await market.transfers()].count("refund") == 1
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}
