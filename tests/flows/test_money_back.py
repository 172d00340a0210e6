"""Stories of money that the channel takes or does not give back, at the institution itself.

Split's books are held against the institution's own pool.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.flows.conftest import Cluster
from tests.flows.market import Json, Market, opened, selling, until
from tests.flows.places import DEBT_MAX
from tests.flows.refunding import (
    approve,
    approved,
    books_agree,
    done,
    gave,
    held,
    moved,
    nothing_comes_back,
    paid_out,
    refund_is,
    refunded,
    rich,
    shipped,
    sold,
)
from tests.flows.test_payouts import no_law_is_broken

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


async def owing(market: Market) -> dict[str, int]:
    """Return what merchants owe, as finance reads it."""
    answer = await market.http.get(market.url("split", "debts"))
    return {it["merchant"]: it["debt_minor"] for it in answer.json()["items"]}


LOST = {"answer": "drop_after", "operations": ["transfers"], "kinds": ["return"], "remaining": 1}


@pytest.mark.parametrize("faults", [{}, {"accept_only": True, "kinds": ["return", "refund"]}, LOST])
async def test_a_refund_after_payout_is_given_back_by_who_was_paid(market: Market, faults: dict[str, Any]) -> None:
    order = await sold(market)
    await market.fault(**faults)
    refund = await refunded(market, order, 4_000)
    await books_agree(market)
    did = await done(market)
    assert did.returned["merchant:acme"] == 3_600
    assert (await market.pockets())["pool"] == did.returned.total() + did.funded.total() - 4_000 == 0
    assert await market.balance("merchant:returning/acme") == 0
    assert gave(refund) == {("returns", "merchant:acme"): 3_600, ("platform", "platform:commission"): 400}


async def test_what_a_receiver_does_not_give_back_the_platform_advances_and_the_next_earnings_pay(
    market: Market, tmp_path: Path
) -> None:
    order = await sold(market)
    await nothing_comes_back(market)
    refund = await refunded(market, order, 10_000)
    await books_agree(market)
    assert ((await done(market)).returned.total(), (await market.pockets())["pool"]) == (0, 0)
    assert gave(refund)["advance", "merchant:acme"] == 9_000
    assert await market.balance("merchant:debt/acme") == -9_000
    assert await market.balance("merchant:returning/acme") == 0
    assert await owing(market) == {"acme": 9_000}
    # A sale that does not pay all of the debt brings its seller nothing; the one after that the rest.
    small, large = market.order(amount_minor=4_000), market.order(amount_minor=10_000)
    for it, debt, got in ((small, {"acme": 5_400}, 9_000), (large, {}, 9_000 + 3_600)):
        await market.pay(it)
        await market.publish(it)
        await paid_out(market, it)
        assert await owing(market) == debt
        assert (await market.pockets())["merchant:acme"] == got
    await books_agree(market)
    assert (await market.pockets())["platform:advance"] == 9_000
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 3}


async def test_who_owes_more_than_the_marketplace_bears_is_paid_in_no_currency_until_it_owes_less(
    cluster: Cluster, tmp_path: Path
) -> None:
    async with opened(cluster, "test-d-") as market:
        await market.merchant()
        await rich(market)
        await nothing_comes_back(market)

        async def stops() -> list[str]:
            answer = await market.http.get(market.url("split", "payouts/stops"))
            return [it["reason"] for it in answer.json()["items"]]

        await refunded(market, await sold(market), 10_000)
        assert await owing(market) == {"acme": 9_000}
        assert await until(stops, bool) == ["debt_over_limit: CNY"]
        abroad, sale = market.order(amount_minor=1_000, currency="JPY"), market.order(amount_minor=5_000)
        await market.pay(abroad)
        await market.publish(abroad)
        await market.held(abroad, "paused:merchant")
        await market.pay(sale)
        await market.publish(sale)
        await until(lambda: owing(market), lambda it: it["acme"] <= DEBT_MAX)
        await until(stops, lambda it: it == [])
        await paid_out(market, abroad)
        assert await owing(market) == {"acme": 4_500}
        await books_agree(market)
    await no_law_is_broken(market, tmp_path)


async def test_the_deposit_compensates_before_the_platform_advances_anything(market: Market, tmp_path: Path) -> None:
    """A deposit comes in as a transfer with the reference `deposit:<merchant>`."""
    order = await sold(market)
    await nothing_comes_back(market)
    no_order = {"payment_id": None, "amount_minor": 5_000}
    await market.move(moved(order, "inbound", "in-1", reference="deposit:acme", **no_order))
    await until(lambda: market.balance("deposit/acme"), lambda it: it == 5_000)
    await books_agree(market)
    refund = await refunded(market, order, 10_000)
    await books_agree(market)
    assert (await done(market)).funded["advance"] == 4_000
    assert gave(refund) == {
        ("deposit", "merchant:acme"): 5_000,
        ("advance", "merchant:acme"): 4_000,
        ("platform", "platform:commission"): 1_000,
    }
    assert await market.balance("deposit/acme") == 0
    assert await owing(market) == {"acme": 4_000}
    await no_law_is_broken(market, tmp_path)


async def test_a_chargeback_is_borne_by_who_was_paid_and_paid_to_them_again_when_it_is_reversed(
    market: Market, tmp_path: Path
) -> None:
    order = await sold(market)
    await market.move(moved(order, "chargeback", "cb-1"))
    await until(lambda: returned(market), lambda it: it == 9_000)
    await until(lambda: market.balance("merchant:returning/acme"), lambda it: it == 0)
    await books_agree(market)
    assert (await done(market)).refunded.total() == 0
    status = await market.reaches(order, "settled")  # what came back for it has gone with the chargeback
    assert [it["standing"] for it in status["refunds"]] == ["succeeded"]
    assert (await market.pockets()).get("merchant:acme", 0) == 0

    await market.move(moved(order, "chargeback_reversed", "cb-2", reverses="cb-1"))
    await until(market.pockets, lambda it: it.get("merchant:acme") == 9_000)
    await paid_out(market, order)
    await market.reaches(order, "settled")
    await books_agree(market)
    await no_law_is_broken(market, tmp_path)


async def returned(market: Market) -> int:
    """Return what receivers have given back to the institution."""
    return (await done(market)).returned.total()


async def test_a_chargeback_freezes_what_is_held_and_blocks_refunds_until_it_is_reversed(
    market: Market, tmp_path: Path
) -> None:
    await market.merchant("slow", trigger="shipped")
    order = await held(market, market.order(merchant="slow"), "awaiting_shipped")
    await market.move(moved(order, "chargeback", "cb-1", amount_minor=3_000))
    await market.held(order, "frozen:chargeback:cb-1")
    await market.tell(shipped(order))
    await approve(market, approved(order, 4_000))
    await refund_is(market, order, "waiting", "chargeback_open")
    assert "merchant:slow" not in await market.pockets()
    await market.move(moved(order, "chargeback_reversed", "cb-2", amount_minor=3_000, reverses="cb-1"))
    await refund_is(market, order, "succeeded")
    await paid_out(market, order)
    await books_agree(market)
    assert (await done(market)).refunded.total() == 4_000
    pockets = await market.pockets()
    assert (pockets["merchant:slow"], pockets["platform:commission"]) == (5_400, 600)
    await no_law_is_broken(market, tmp_path)


async def test_a_chargeback_that_comes_while_a_leg_is_on_its_way_is_owed_and_paid_off(
    poor: Market, tmp_path: Path
) -> None:
    """Nobody can be asked for what it has not got: the platform advances it, and the next sale brings it back."""
    market = poor
    await market.fund(9_000, pocket="platform:advance")
    order = market.order()
    order["payments"][0]["amount_minor"] = 9_500
    order["adjustments"] = [{"kind": "discount", "amount_minor": -500, "party": "platform:marketing"}]
    await market.pay(order)
    await market.publish(order)
    await until(
        lambda: market.status(order), lambda it: [p["waits"] for p in it.get("payouts", [])] == ["waiting_funds"]
    )
    await market.move(moved(order, "chargeback", "cb-1"))
    await until(lambda: owing(market), lambda it: it == {"acme": 9_000})
    await market.fund(1_000)  # what it had promised the sale, and its own part of what the channel took
    await market.at_once("refunds")
    await paid_out(market, order)
    await books_agree(market)
    did = await done(market)
    assert (did.returned.total(), did.funded["advance"]) == (0, 9_000)
    await sold_and_owed(market)
    await books_agree(market)
    pockets = await market.pockets()
    assert (pockets["merchant:acme"], pockets["platform:advance"]) == (9_000, 9_000)
    assert await owing(market) == {}
    await no_law_is_broken(market, tmp_path)


async def sold_and_owed(market: Market) -> Json:
    """Have an order of 100.00 paid of which the seller gets nothing, because it owes all of it."""
    order = await sold(market)
    (share,) = [it for it in (await market.split(order))["shares"] if it["path"] == "merchant:acme"]
    assert (share["amount_minor"], share["breakdown"]["netted_minor"]) == (0, 9_000)
    return order


async def test_a_refund_made_in_the_channels_console_is_borne_and_the_buyer_gets_it_once(
    market: Market, tmp_path: Path
) -> None:
    await market.merchant("slow", trigger="shipped")
    await held(market, market.order(merchant="slow"), "awaiting_shipped")  # the channel takes it from what is there
    order = await sold(market)
    await market.move(moved(order, "console_refund", "cr-1", amount_minor=4_000))
    await until(lambda: returned(market), lambda it: it == 3_600)
    await books_agree(market)
    did = await done(market)
    assert (did.refunded.total(), did.funded["subsidy"], (await market.pockets())["pool"]) == (0, 400, 10_000)
    # Of 100.00 so much less can be refunded.
    await approve(market, approved(order, 6_001))
    await refund_is(market, order, "refused", "refund_exceeds_paid")
    await refunded(market, order, 6_000, number=2)
    await books_agree(market)
    await no_law_is_broken(market, tmp_path)
