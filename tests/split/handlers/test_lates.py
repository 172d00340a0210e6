"""Versions that come too late, on a real MongoDB: every order split before them gets the difference, once."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.split.examples import LONG_AGO, PAID_AT, agreement, line, merchant, paid_order
from tests.split.replica import Replica, settled

from shared.clock import move
from shared.messages import MerchantChanged, SplitRequested
from split.handlers import lates
from split.store.lates import SETTLED

STRIPE = "split.split-requested#0"
FIRST = agreement()


def order(number: int = 1, currency: str = "BRL") -> SplitRequested:
    return paid_order(line(1, 1_000), order_id=f"{number}", currency=currency)


def later(version: int = 2, **terms: Any) -> MerchantChanged:  # noqa: ANN401 - any term
    """Return a merchant with a second agreement that was in force when the orders were paid."""
    return merchant("m1", FIRST, agreement(version=2, **terms), version=version)


async def legs(replica: Replica) -> list[dict[str, int]]:
    return [{leg.receiver: leg.amount_minor for leg in it.legs} for it in replica.published.payouts()]


@pytest.fixture
async def selling(replica: Replica) -> Replica:
    await replica.take(merchant("m1", FIRST), order())
    await replica.take(settled(replica.published.payouts()[0]))
    return replica


async def test_a_late_version_pays_what_is_lacking_out_of_marketing(selling: Replica) -> None:
    await selling.take(later(commission_bp=1_000))
    assert await selling.parts.corrections.sweep() == 1
    assert await legs(selling) == [{"merchant:m1": 880, "platform:commission": 120}, {"merchant:m1": 20}]
    payout = selling.published.payouts()[1]
    assert [it.amount_minor for it in payout.subsidies] == [20]
    await selling.take(settled(payout))
    assert await selling.balances() == {}
    shares = {it["path"]: it for it in (await selling.order())["shares"]}
    assert shares["merchant:m1"]["agreement_version"] == 1
    assert (shares["adjustment:2"]["amount_minor"], shares["adjustment:2"]["agreement_version"]) == (20, 2)


async def test_a_late_version_that_takes_more_makes_a_debt_that_the_next_order_pays_off(selling: Replica) -> None:
    await selling.take(later(commission_bp=1_500))
    assert await selling.parts.corrections.sweep() == 1
    assert await selling.balances() == {"merchant:debt/m1": -30, "platform:advance": 30}
    await selling.take(order(2))
    assert (await legs(selling))[2] == {"merchant:m1": 820, "platform:commission": 150, "platform:advance": 30}
    for payout in selling.published.payouts()[1:]:
        await selling.take(settled(payout))
    assert await selling.balances() == {}


async def test_a_correction_is_posted_once_however_often_it_is_looked_for(selling: Replica) -> None:
    await selling.take(later(commission_bp=1_000))
    assert await selling.parts.corrections.sweep() == 1
    booked = await selling.booked()
    assert await selling.parts.corrections.sweep() == 0
    await selling.take(later(version=3, commission_bp=1_000))
    assert await selling.parts.corrections.sweep() == 0
    assert await selling.booked() == booked


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_every_order_split_before_is_found_page_by_page(
    replica: Replica, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(lates, "ORDERS_PER_UNIT_MAX", limit)
    held = agreement(trigger="shipped")
    await replica.take(merchant("m1", FIRST), merchant("m2", held), merchant("m3", FIRST))
    await replica.take(*(order(number, ("BRL", "JPY")[number % 2]) for number in range(5)))
    await replica.take(paid_order(line(1, 1_000, merchant="m2"), order_id="held"))
    await replica.take(paid_order(line(1, 1_000, merchant="m3"), order_id="other"))
    await replica.take(later(commission_bp=1_000))
    assert await replica.parts.corrections.sweep() == 5
    await replica.take(merchant("m2", held, msgspec.structs.replace(held, version=2, commission_bp=1_000), version=2))
    assert await replica.parts.corrections.sweep() == 1
    assert [it["version"] for it in (await replica.order("test-a/held"))["late"]] == [2]
    assert len(replica.published.payouts()) == 5 + 1 + 5


async def test_a_first_agreement_and_one_for_a_time_without_any_are_not_late(replica: Replica) -> None:
    ended = agreement(effective_to=PAID_AT - timedelta(days=1))
    await replica.take(merchant("m1"), merchant("m2", ended))
    await replica.take(paid_order(line(1, 1_000), line(2, 1_000, merchant="m2")))
    await replica.take(merchant("m1", FIRST, version=2))
    filling = agreement(version=2, effective_from=PAID_AT - timedelta(days=1))
    await replica.take(merchant("m2", ended, filling, version=2))
    assert await replica.database.lates.count_documents({}) == 0
    soon = agreement(version=2, effective_from=replica.clock.now() + timedelta(hours=1))
    await replica.take(merchant("m1", FIRST, soon, version=3))
    assert await replica.database.lates.count_documents({}) == 0


async def test_an_order_whose_split_was_under_way_is_corrected_too(selling: Replica) -> None:
    async with selling.unit(order(2), STRIPE) as unit:
        await unit.decide()
        await selling.take(later(commission_bp=1_000))
        assert await selling.parts.corrections.sweep() == 1
        await unit.write()
    assert await selling.parts.corrections.sweep() == 1
    assert (await legs(selling))[-1] == {"merchant:m1": 20}


async def test_what_was_looked_at_is_forgotten_when_no_open_split_can_be_missed(selling: Replica) -> None:
    await selling.take(later(commission_bp=1_000))
    await selling.parts.corrections.sweep()
    assert await selling.database.lates.count_documents({}) == 1
    await move(selling.database, SETTLED + timedelta(seconds=5))
    await selling.clock.ask()
    assert await selling.parts.corrections.sweep() == 0
    assert await selling.database.lates.count_documents({}) == 0


async def test_the_corrector_is_told_at_once(selling: Replica) -> None:
    running = asyncio.create_task(selling.parts.corrections.run())
    try:
        await selling.take(later(commission_bp=1_000))
        async with asyncio.timeout(10):
            while len(selling.published.payouts()) < 2:  # noqa: ASYNC110 - nothing else tells
                await asyncio.sleep(0.02)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_version_since_a_while_ago_looks_at_what_was_booked_since_then(selling: Replica) -> None:
    await selling.take(later(commission_bp=1_000))
    (late,) = await selling.database.lates.find().to_list(None)
    assert late["since"] == LONG_AGO
    newer = agreement(version=3, commission_bp=500, effective_from=PAID_AT)
    copy = later(version=3, commission_bp=1_000)
    await selling.take(msgspec.structs.replace(copy, agreements=(*copy.agreements, newer)))
    (late,) = await selling.database.lates.find().to_list(None)
    assert (late["since"], late["version"]) == (LONG_AGO, 3)
    assert await selling.parts.corrections.sweep() == 1
    assert (await legs(selling))[-1] == {"merchant:m1": 70}
