"""The story of each profile, on the institution that speaks it: paid, divided, settled, refunded in part."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.flows import places
from tests.flows.conftest import Cluster
from tests.flows.market import Json, Market, opened, until
from tests.flows.refunding import approve, approved, refunds
from tests.flows.test_collectors import bind
from tests.flows.test_payouts import no_law_is_broken, paid

from shared.profiles import Profile, shipped

pytestmark = pytest.mark.infra

PLATFORM = ("platform:commission", "platform:tax", "platform:fee")
SUBSIDY = 500
REFUNDED = 3_000
LEVELS = (("outlet", "merchant:shop", 3_000), ("fleet", "receiver:outlet", 2_000), ("driver", "receiver:fleet", 1_500))
"""The tree of an industry chain (快捷通): each level passes on a part of what it gets."""


@pytest.fixture
async def market(cluster: Cluster) -> AsyncIterator[Market]:
    async with opened(cluster) as it:
        yield it


async def ready(market: Market, profile: Profile) -> None:
    """Have a shop that sells under a profile, and everybody known at the institution who will be paid."""
    await market.merchant("shop", channel_profile=profile.name)
    payees = [*PLATFORM, "merchant:shop"]
    if profile.name == "kuaijietong":
        for name, _, _ in LEVELS:
            await market.merchant(name, channel_profile=profile.name)
            payees.append(f"merchant:{name}")
    if profile.collector == "merchant":
        for receiver in PLATFORM:
            await bind(market, "shop", receiver, profile.name)
    elif profile.custody is not None and profile.custody.real_account_needed:
        for receiver in payees:
            await market.bind(receiver, profile.name)
    if profile.has("subsidy"):
        await market.fund(SUBSIDY, profile=profile.name)
    await market.fund(REFUNDED, pocket="platform:advance", profile=profile.name)


def sold(market: Market, profile: Profile) -> Json:
    """Return an order of 100.00 of the shop, paid five minutes ago under a profile."""
    order = market.order(merchant="shop", paid_at=(datetime.now(UTC) - timedelta(minutes=5)).isoformat())
    order["payments"][0] |= {"channel_profile": profile.name, "channel_account": market.account(profile.name)}
    if profile.name == "kuaijietong":
        order["receivers"] = [
            {"receiver": name, "parent": parent, "share": "fixed", "value": amount} for name, parent, amount in LEVELS
        ]
    if profile.name == "wechat-ecommerce":  # 补差: the platform pays a part of the price
        order["payments"][0]["amount_minor"] -= SUBSIDY
        off = {"kind": "discount", "amount_minor": -SUBSIDY, "party": "platform:marketing"}
        order["adjustments"] = [off]
    return order


def due(profile: Profile) -> dict[str, int]:
    """Return what everybody has got once an order of 100.00 is settled: 10 % is the platform's."""
    if profile.name == "kuaijietong":
        chain = {"merchant:outlet": 1_000, "merchant:fleet": 500, "merchant:driver": 1_500}
        return chain | {"merchant:shop": 6_000, "platform:commission": 1_000}
    return {"merchant:shop": 9_000, "platform:commission": 1_000}


async def got(market: Market, profile: Profile) -> dict[str, int]:
    """Return what everybody has got of the institution; what is left in its pool would be among it."""
    pockets = await market.pockets(profile.name)
    own = ("platform:marketing", "platform:advance")
    return {name: amount for name, amount in pockets.items() if amount and name not in own}


async def confirmed(market: Market, profile: Profile) -> list[str]:
    """Do what stands on the institution's sheet, as the platform's people do at the bank; return the numbers."""
    url = f"{market.cluster.urls['institution']}/v1/accounts/{market.account(profile.name)}/sheet"
    sheet = (await market.http.get(url)).json()
    numbers = [it["number"] for it in sheet["transfers"]]
    if numbers:
        answer = await market.http.post(f"{url}/confirm", json={"numbers": numbers, "done": True})
        assert answer.is_success, answer.text
    return numbers


async def settled(market: Market, order: Json, profile: Profile) -> list[str]:
    """Wait until an order is settled; return the numbers that people had to confirm."""
    done: list[str] = []

    async def look() -> Any:  # noqa: ANN401 - an order's JSON
        if profile.custody is not None and profile.custody.by_hand:
            done.extend(await confirmed(market, profile))
        return await market.status(order)

    await until(look, lambda it: it["state"] == "settled")
    return done


async def refunded(market: Market, order: Json, profile: Profile) -> None:
    """Have a part of an order refunded, and wait until the buyer has it at the institution."""
    event = approved(order, REFUNDED)
    await approve(market, event)

    async def look() -> Any:  # noqa: ANN401 - a refund's JSON
        if profile.custody is not None and profile.custody.by_hand:
            await confirmed(market, profile)
        return (await refunds(market, order)).get(event.refund_id, {"state": "unknown"})

    await until(look, lambda it: it["state"] == "succeeded")


@pytest.mark.parametrize("profile", tuple(shipped()), ids=lambda it: it.name)
async def test_an_order_is_paid_divided_settled_and_refunded_in_part_by_every_profile(
    market: Market, profile: Profile, tmp_path: Path
) -> None:
    """Everybody has got its part at the institution, nothing is left there, and no law is broken."""
    await ready(market, profile)
    order = sold(market, profile)
    await paid(market, order)
    by_hand = await settled(market, order, profile)
    assert bool(by_hand) == (profile.name == "allinpay-weak")
    assert await got(market, profile) == due(profile)
    clearing = f"channel:clearing/{market.account(profile.name)}"
    await until(lambda: market.balance(clearing), lambda it: it == 0)
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}

    await refunded(market, order, profile)
    await settled(market, order, profile)
    await until(lambda: market.balance(clearing), lambda it: it == 0)
    gave_back = due(profile)["merchant:shop"] - (await got(market, profile))["merchant:shop"]
    assert (gave_back > 0) == (profile.returns is not None)
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}


def test_the_two_that_lead_over_the_platform_have_a_waiver_here(tmp_path: Path) -> None:
    told = places.marketplaces(tmp_path).read_text(encoding="utf-8")
    assert [name for name in ("stripe-connect", "allinpay-strong-1") if f"profile: {name}, by:" in told] == [
        "stripe-connect",
        "allinpay-strong-1",
    ]
