"""Stories of money back through the cluster, with a player in payments' part: split's books against its account."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.flows.conftest import Cluster
from tests.flows.market import Json, Market, selling, until
from tests.player.player import Player
from tests.player.script import ALL, Failure, Script

from shared.messages import ChannelMoved, RefundApproved, RefundLine

pytestmark = pytest.mark.infra


@pytest.fixture
async def market(cluster: Cluster) -> AsyncIterator[Market]:
    async with selling(cluster) as it:
        yield it


async def sold(market: Market) -> Json:
    """Have an order of 100.00 paid and settled: 90.00 to acme, 10.00 commission."""
    order = market.order(amount_minor=10_000)
    await market.pay(order)
    await market.publish(order)
    await market.reaches(order, "settled")
    await until(lambda: market.split(order), lambda it: {share["state"] for share in it["shares"]} == {"paid"})
    return order


def approved(order: Json, amount_minor: int) -> RefundApproved:
    return RefundApproved(
        marketplace=order["marketplace"],
        order_id=order["order_id"],
        refund_id=f"r-{order['order_id']}"[:64],
        case_id="case-1",
        currency="CNY",
        lines=(RefundLine(line_id="1", amount_minor=amount_minor),),
        goods_state="returned",
        reason="wrong size",
        approved_at=datetime.now(UTC),
    )


async def refunded(market: Market, player: Player, order: Json, amount_minor: int) -> None:
    """Approve a refund, and wait until the buyer has it in split's books and at the institution."""
    await market.tell(approved(order, amount_minor), source="/weir/aftersale")
    payment = order["payments"][0]["channel_payment_id"]

    async def back() -> int:
        return player.account(market.id).refunded[payment]

    await until(back, lambda it: it == amount_minor)
    await until(lambda: market.balance("buyer:refund_in_transit"), lambda it: it == 0)
    await player.caught_up()


async def books_agree(market: Market, player: Player) -> None:
    """Compare the clearing account with the pool as the topics tell of it; nothing may be asked that nobody had."""
    expected = -player.pool_minor(market.id)
    await until(lambda: market.balance(f"channel:clearing/{market.id}"), lambda it: it == expected)
    assert player.mistakes() == []


@pytest.mark.parametrize(
    "script", [Script(), Script(repeats=1, order="reversed", shown=frozenset({"sending", "funded"}))]
)
async def test_a_refund_after_payout_is_given_back_by_who_was_paid(market: Market, script: Script) -> None:
    async with Player(market.cluster.urls["kafka"], market.id, lambda _: script).playing() as player:
        order = await sold(market)
        await refunded(market, player, order, 4_000)
        await books_agree(market, player)
        done = player.account(market.id)
    assert done.returned["merchant:acme"] == 3_600
    assert done.pool_minor == done.returned.total() + done.funded.total() - 4_000 == 0
    assert await market.balance("merchant:returning/acme") == 0


async def test_what_a_receiver_does_not_give_back_the_platform_advances_and_the_receiver_owes(market: Market) -> None:
    script = Script(returns={ALL: Failure("NOT_ENOUGH")}, waits=True)
    async with Player(market.cluster.urls["kafka"], market.id, lambda _: script).playing() as player:
        order = await sold(market)
        await refunded(market, player, order, 10_000)
        await books_agree(market, player)
        done: Any = player.account(market.id)
    assert (done.returned.total(), done.pool_minor) == (0, 0)
    assert await market.balance("merchant:debt/acme") == -9_000
    assert await market.balance("merchant:returning/acme") == 0


def moved(order: Json, kind: str, movement_id: str, reverses: str | None = None) -> ChannelMoved:
    payment = order["payments"][0]
    facts = {
        "marketplace": order["marketplace"],
        "movement_id": movement_id,
        "kind": kind,
        "order_id": order["order_id"],
        "channel_profile": payment["channel_profile"],
        "channel_account": payment["channel_account"],
        "channel_payment_id": payment["channel_payment_id"],
        "currency": "CNY",
        "amount_minor": payment["amount_minor"],
        "reverses": reverses,
        "moved_at": datetime.now(UTC),
    }
    return msgspec.convert(facts, ChannelMoved)


async def test_a_chargeback_is_borne_by_who_was_paid_and_owed_to_them_again_when_it_is_reversed(market: Market) -> None:
    async with Player(market.cluster.urls["kafka"], market.id).playing() as player:
        order = await sold(market)
        chargeback = moved(order, "chargeback", "cb-1")
        await player.move(chargeback)
        await player.publish(chargeback)

        async def borne() -> int:
            return player.account(market.id).pool_minor

        await until(borne, lambda it: it == 0)
        await until(lambda: market.balance("merchant:returning/acme"), lambda it: it == 0)
        await player.caught_up()
        await books_agree(market, player)
        done = player.account(market.id)
        assert (done.returned["merchant:acme"], done.refunded.total()) == (9_000, 0)

        # The money is back with a player, of whom payments knows nothing: it would not pay so much out of this order.
        await player.move(moved(order, "chargeback_reversed", "cb-2", reverses="cb-1"))
        await until(lambda: market.balance("merchant:in_transit/acme"), lambda it: it == 9_000)
        await books_agree(market, player)
