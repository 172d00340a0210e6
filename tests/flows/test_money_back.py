"""Stories of money that the channel takes or does not give back, with a player in payments' part.

Split's books are held against the player's account of the institution.
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
    gave,
    held,
    moved,
    paid_out,
    refund_is,
    refunded,
    shipped,
    sold,
)
from tests.flows.test_payouts import no_law_is_broken
from tests.player.player import Player
from tests.player.script import ALL, Failure, Script

pytestmark = pytest.mark.infra

NOTHING_BACK = Script(returns={ALL: Failure("NOT_ENOUGH")}, waits=True)


@pytest.fixture
async def market(cluster: Cluster) -> AsyncIterator[Market]:
    async with selling(cluster) as it:
        yield it


def playing(market: Market, script: Script | None = None) -> Player:
    """Return a player that obeys one script in all refunds."""
    return Player(market.cluster.urls["kafka"], market.id, lambda _: script or Script())


async def owing(market: Market) -> dict[str, int]:
    """Return what merchants owe, as finance reads it."""
    answer = await market.http.get(market.url("split", "debts"))
    return {it["merchant"]: it["debt_minor"] for it in answer.json()["items"]}


@pytest.mark.parametrize(
    "script", [Script(), Script(repeats=1, order="reversed", shown=frozenset({"sending", "funded"}))]
)
async def test_a_refund_after_payout_is_given_back_by_who_was_paid(market: Market, script: Script) -> None:
    async with playing(market, script).playing() as player:
        order = await sold(market)
        refund = await refunded(market, player, order, 4_000)
        await books_agree(market, player)
        done = player.account(market.id)
    assert done.returned["merchant:acme"] == 3_600
    assert done.pool_minor == done.returned.total() + done.funded.total() - 4_000 == 0
    assert await market.balance("merchant:returning/acme") == 0
    assert gave(refund) == {("returns", "merchant:acme"): 3_600, ("platform", "platform:commission"): 400}


async def test_what_a_receiver_does_not_give_back_the_platform_advances_and_the_next_earnings_pay(
    market: Market, tmp_path: Path
) -> None:
    async with playing(market, NOTHING_BACK).playing() as player:
        order = await sold(market)
        refund = await refunded(market, player, order, 10_000)
        await books_agree(market, player)
        done: Any = player.account(market.id)
        assert (done.returned.total(), done.pool_minor) == (0, 0)
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
        await books_agree(market, player)
    assert (await market.pockets())["platform:advance"] == 9_000
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 3}


async def test_who_owes_more_than_the_marketplace_bears_is_paid_in_no_currency_until_it_owes_less(
    cluster: Cluster, tmp_path: Path
) -> None:
    async with opened(cluster, "test-d-") as market, playing(market, NOTHING_BACK).playing() as player:
        await market.merchant()

        async def stops() -> list[str]:
            answer = await market.http.get(market.url("split", "payouts/stops"))
            return [it["reason"] for it in answer.json()["items"]]

        await refunded(market, player, await sold(market), 10_000)
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
        await books_agree(market, player)
    await no_law_is_broken(market, tmp_path)


async def test_the_deposit_compensates_before_the_platform_advances_anything(market: Market, tmp_path: Path) -> None:
    """A deposit comes in as a transfer with the reference `deposit:<merchant>`."""
    async with playing(market, NOTHING_BACK).playing() as player:
        order = await sold(market)
        no_order = {"order_id": None, "channel_payment_id": None, "amount_minor": 5_000}
        await player.move(moved(order, "inbound", "in-1", reference="deposit:acme", **no_order))
        await until(lambda: market.balance("deposit/acme"), lambda it: it == 5_000)
        await books_agree(market, player)
        refund = await refunded(market, player, order, 10_000)
        await books_agree(market, player)
        assert player.account(market.id).funded["advance"] == 4_000
    assert gave(refund) == {
        ("deposit", "merchant:acme"): 5_000,
        ("advance", "merchant:acme"): 4_000,
        ("platform", "platform:commission"): 1_000,
    }
    assert await market.balance("deposit/acme") == 0
    assert await owing(market) == {"acme": 4_000}
    await no_law_is_broken(market, tmp_path)


async def test_a_chargeback_is_borne_by_who_was_paid_and_owed_to_them_again_when_it_is_reversed(market: Market) -> None:
    async with playing(market).playing() as player:
        order = await sold(market)
        chargeback = moved(order, "chargeback", "cb-1")
        await player.move(chargeback)
        await player.publish(chargeback)

        async def borne() -> int:
            return player.account(market.id).pool_minor

        await until(borne, lambda it: it == 0)
        await until(lambda: market.balance("merchant:returning/acme"), lambda it: it == 0)
        await books_agree(market, player)
        done = player.account(market.id)
        assert (done.returned["merchant:acme"], done.refunded.total()) == (9_000, 0)

        # The money is back with a player, of whom payments knows nothing: it would not pay so much out of this order.
        await player.move(moved(order, "chargeback_reversed", "cb-2", reverses="cb-1"))
        await until(lambda: market.balance("merchant:in_transit/acme"), lambda it: it == 9_000)
        await books_agree(market, player)


async def test_a_chargeback_freezes_what_is_held_and_blocks_refunds_until_it_is_reversed(
    market: Market, tmp_path: Path
) -> None:
    await market.merchant("slow", trigger="shipped")
    async with playing(market).playing() as player:
        order = await held(market, market.order(merchant="slow"), "awaiting_shipped")
        await player.move(moved(order, "chargeback", "cb-1", amount_minor=3_000))
        await market.held(order, "frozen:chargeback:cb-1")
        await market.tell(shipped(order))
        await approve(market, approved(order, 4_000))
        await refund_is(market, order, "waiting", "chargeback_open")
        assert "merchant:slow" not in await market.pockets()
        await player.move(moved(order, "chargeback_reversed", "cb-2", amount_minor=3_000, reverses="cb-1"))
        await refund_is(market, order, "succeeded")
        await paid_out(market, order)
        await books_agree(market, player)
        assert player.account(market.id).refunded.total() == 4_000
    pockets = await market.pockets()
    assert (pockets["merchant:slow"], pockets["platform:commission"]) == (5_400, 600)
    await no_law_is_broken(market, tmp_path)


async def test_a_chargeback_that_comes_while_a_leg_is_on_its_way_is_owed_and_paid_off(
    market: Market, tmp_path: Path
) -> None:
    """Nobody can be asked for what it has not got: the platform advances it, and the next sale brings it back."""
    order = market.order()
    order["payments"][0]["amount_minor"] = 9_500
    order["adjustments"] = [{"kind": "discount", "amount_minor": -500, "party": "platform:marketing"}]
    async with playing(market).playing() as player:
        await market.pay(order)
        await market.publish(order)
        await until(
            lambda: market.status(order), lambda it: [p["waits"] for p in it.get("payouts", [])] == ["waiting_funds"]
        )
        await player.move(moved(order, "chargeback", "cb-1"))
        await until(lambda: owing(market), lambda it: it == {"acme": 9_000})
        await market.fund(500)
        await paid_out(market, order)
        await books_agree(market, player)
        done = player.account(market.id)
        assert (done.returned.total(), done.funded["advance"]) == (0, 9_000)
        await sold_and_owed(market)
        await books_agree(market, player)
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
    async with playing(market).playing() as player:
        order = await sold(market)
        await player.move(moved(order, "console_refund", "cr-1", amount_minor=4_000))
        await until(lambda: player_got_back(market, player), lambda it: it == 3_600)
        await books_agree(market, player)
        done = player.account(market.id)
        assert (done.refunded.total(), done.funded["marketing"], done.pool_minor) == (0, 400, 0)
        # Of 100.00 so much less can be refunded.
        await approve(market, approved(order, 6_001))
        await refund_is(market, order, "refused", "refund_exceeds_paid")
        await refunded(market, player, order, 6_000, number=2)
        await books_agree(market, player)
    await no_law_is_broken(market, tmp_path)


async def player_got_back(market: Market, player: Player) -> int:
    """Return what receivers have given back to the institution."""
    return player.account(market.id).returned.total()
