"""Stories of sellers who collect (WeChat, Alipay): the others are split off, their own comes by finish, freezes end."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.flows.conftest import Cluster, Later
from tests.flows.market import Json, Market, opened, until
from tests.flows.test_payouts import no_law_is_broken, paid, states

from shared.messages import CaseChanged, ChannelMoved, OrderProgressed

pytestmark = pytest.mark.infra

WECHAT = "wechat-profit-sharing"
ECOMMERCE = "wechat-ecommerce"
ALIPAY = "alipay-split"
DAY = timedelta(days=1)


@pytest.fixture
async def market(cluster: Cluster) -> AsyncIterator[Market]:
    async with opened(cluster) as it:
        yield it


async def seller(market: Market, name: str = "shop", *bound: str, profile: str = WECHAT, **terms: Any) -> None:  # noqa: ANN401 - terms of an agreement
    """Let a merchant sell by a profile under which it collects, with the platform and these receivers bound."""
    await market.merchant(name, channel_profile=profile, **terms)
    await market.bind("platform:advance", profile)  # who pays a debt off out of a split pays the platform
    for receiver in ("platform:commission", *bound):
        await bind(market, name, receiver, profile)


async def bind(market: Market, name: str, receiver: str, profile: str = WECHAT) -> None:
    body = {
        "actor": "Ann",
        "reason": "contract 12",
        "kind": "merchant",
        "relation": "partner",
        "consent": {"actor": "legal", "at": "2026-01-05T08:00:00Z"},
    }
    path = f"merchants/{name}/receivers/{profile}/{market.account(profile)}/{receiver}"
    key = {"idempotency-key": f"{name}-{receiver}"}
    answer = await market.http.put(market.url("split", path), json=body, headers=key)
    assert answer.is_success, answer.text
    await market.bind(receiver, profile)


def sold(market: Market, *sellers: str, profile: str = WECHAT, amount_minor: int = 10_000, **changes: Any) -> Json:  # noqa: ANN401 - an order's JSON
    """Return an order of a line of each seller, paid five minutes ago, in a payment of each seller's own."""
    sellers = sellers or ("shop",)
    order = market.order(amount_minor=amount_minor)
    order["paid_at"] = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    (payment,), (line,) = order["payments"], order["lines"]
    payment |= {"channel_profile": profile, "channel_account": market.account(profile)}
    several = len(sellers) > 1
    order["payments"] = [
        payment | ({"merchant": name, "channel_payment_id": f"p-{name}-{order['order_id']}"[:64]} if several else {})
        for name in sellers
    ]
    order["lines"] = [line | {"line_id": str(place), "merchant": name} for place, name in enumerate(sellers, 1)]
    return order | changes


def passed_on(receiver: str, amount_minor: int, seller: str = "shop") -> Json:
    return {"receiver": receiver, "parent": f"merchant:{seller}", "share": "fixed", "value": amount_minor}


async def payouts(market: Market, order: Json) -> list[tuple[str, dict[str, int]]]:
    """Return each payout as payments carried it out: its kind, and what each receiver got of it."""
    found = []
    for number in range(1, len((await market.status(order))["payouts"]) + 1):
        answer = await market.http.get(market.url("payments", f"payouts/o:{order['order_id']}.{number}"))
        shown = answer.json()
        sums: Counter[str] = Counter()
        for leg in shown["legs"]:
            sums[leg["receiver"]] += leg["amount_minor"]
        found.append((shown["kind"], dict(sums)))
    return found


async def stated(market: Market, merchant: str) -> list[tuple[str, int]]:
    answer = await market.http.get(market.url("merchant", f"merchants/{merchant}/statement-lines"))
    return [(it["kind"], it["amount_minor"]) for it in answer.json()["entries"]]


def progress(order: Json, kind: Any, *lines: str) -> OrderProgressed:  # noqa: ANN401 - a literal
    return OrderProgressed(
        marketplace=order["marketplace"],
        order_id=order["order_id"],
        kind=kind,
        progress_id=f"{kind}-{'-'.join(lines)}",
        line_ids=lines,
        occurred_at=datetime.now(UTC),
    )


async def test_the_others_are_split_off_and_the_sellers_own_comes_by_finish(market: Market, tmp_path: Path) -> None:
    """WeChat: line 2 is shipped later; a case opened before the finish keeps the seller's own until it is closed."""
    await seller(market, "shop", "merchant:maker", trigger="shipped")
    order = sold(market, "shop", receivers=[passed_on("maker", 1_500)])
    order["lines"] = [order["lines"][0] | {"line_id": it, "amount_minor": 5_000} for it in ("1", "2")]
    await paid(market, order)
    await market.tell(progress(order, "shipped", "1"))
    await until(lambda: market.pockets(WECHAT), lambda it: it.get("merchant:maker") == 750)
    assert (await states(market, order))["merchant:shop"][0] in {"held", "in_transit"}
    opened_case = CaseChanged(
        marketplace=market.id,
        order_id=order["order_id"],
        case_id="c1",
        revision=1,
        state="opened",
        line_ids=("1",),
        reason="broken",
        changed_at=datetime.now(UTC),
    )
    await market.tell(opened_case, source="/weir/aftersale")
    await until(lambda: market.split(order), lambda it: bool(it["freezes"]))
    await market.tell(progress(order, "shipped", "2"))
    await until(lambda: market.pockets(WECHAT), lambda it: it.get("merchant:shop") == 3_750)
    await market.held(order, "frozen:case:c1")
    assert await no_law_is_broken(market, tmp_path) == {("held", "frozen:case:c1"): 1}
    fields = {"revision": 2, "state": "closed"}
    await market.tell(
        CaseChanged(**{name: getattr(opened_case, name) for name in opened_case.__struct_fields__} | fields),
        source="/weir/aftersale",
    )
    await market.reaches(order, "settled")
    assert {name: amount for name, amount in (await market.pockets(WECHAT)).items() if amount} == {
        "merchant:shop": 7_500,
        "merchant:maker": 1_500,
        "platform:commission": 1_000,
    }
    assert await payouts(market, order) == [
        ("pay", {"merchant:maker": 750, "platform:commission": 500}),
        ("pay", {"merchant:maker": 750, "platform:commission": 500}),
        ("finish", {"merchant:shop": 3_750}),
        ("finish", {"merchant:shop": 3_750}),
    ]
    await until(lambda: stated(market, "shop"), lambda it: it == [("paid", 3_750), ("paid", 3_750)])
    assert (await market.split(order))["channel_freeze"]["closed"] is True
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}


async def test_what_the_profile_refuses_is_held_with_its_reason_and_nothing_is_asked_of_the_channel(
    market: Market, tmp_path: Path
) -> None:
    """More than 30 % goes to others; a receiver is not bound; two sellers share one payment, or have one each."""
    await seller(market)
    await seller(market, "other", profile=ECOMMERCE)
    await seller(market, "third", profile=ECOMMERCE)
    too_much = sold(market, "shop", receivers=[passed_on("maker", 2_001)])
    await bind(market, "shop", "merchant:maker")
    unbound = sold(market, "shop", receivers=[passed_on("stranger", 1)])
    ambiguous = sold(market, "other", "third", profile=ECOMMERCE)
    for payment in ambiguous["payments"]:
        del payment["merchant"]
    clear = sold(market, "other", "third", profile=ECOMMERCE)
    await paid(market, too_much, unbound, ambiguous, clear)
    await market.held(too_much, "cap_exceeded")
    await market.held(unbound, "receiver_not_bound")
    await market.held(ambiguous, "collector_ambiguous")
    await market.reaches(clear, "settled")
    assert await payouts(market, clear) == [
        ("pay", {"platform:commission": 2_000}),
        ("finish", {"merchant:other": 9_000, "merchant:third": 9_000}),
    ]
    legs = (await market.http.get(market.url("payments", f"payouts/o:{clear['order_id']}.1"))).json()["legs"]
    assert [(it["channel_payment_id"], it["amount_minor"]) for it in legs] == [
        (it["channel_payment_id"], 1_000) for it in clear["payments"]
    ]
    assert (await market.pockets(WECHAT))["pool"] == (await market.pockets(ECOMMERCE))["pool"] == 20_000
    await bind(market, "shop", "merchant:stranger")
    await market.reaches(unbound, "settled")
    assert (await market.pockets(WECHAT))["merchant:stranger"] == 1
    held = {("held", "cap_exceeded"): 1, ("held", "collector_ambiguous"): 1, ("settled", ""): 2}
    assert await no_law_is_broken(market, tmp_path) == held


async def test_three_days_before_its_freeze_ends_money_is_split_or_let_go_and_then_the_seller_owes_the_others(
    market: Market, later: Later, tmp_path: Path
) -> None:
    """Two sellers' goods are never completed. One's policy splits; the other's leaves all to it, which it works off."""
    await seller(market, "splits", trigger="completed")
    await seller(market, "lets", trigger="completed", freeze_policy="let_go")
    one, other = sold(market, "splits"), sold(market, "lets")
    await paid(market, one, other)
    await market.held(one, "awaiting_completed")
    await market.held(other, "awaiting_completed")
    clock = (await market.split(other))["channel_freeze"]
    ends_at, acts_at = (datetime.fromisoformat(clock[name]) for name in ("ends_at", "acts_at"))
    assert ends_at - acts_at == 3 * DAY
    await later(27 * DAY - timedelta(hours=1))
    assert (await market.pockets(WECHAT))["pool"] == 20_000
    await later(27 * DAY)
    await market.reaches(one, "settled")
    assert await payouts(market, one) == [
        ("pay", {"platform:commission": 1_000}),
        ("finish", {"merchant:splits": 9_000}),
    ]
    await market.held(other, "let_go")
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1, ("held", "let_go"): 1}

    await later(30 * DAY)
    end = ChannelMoved(
        marketplace=market.id,
        movement_id=f"u-{other['order_id']}"[:64],
        kind="auto_unfreeze",
        order_id=other["order_id"],
        channel_profile=WECHAT,
        channel_account=market.account(WECHAT),
        channel_payment_id=other["payments"][0]["channel_payment_id"],
        currency="CNY",
        amount_minor=10_000,
        receiver="merchant:lets",
        moved_at=ends_at,
    )
    await market.tell(end, end, source="/weir/payments")
    await until(lambda: market.balance("merchant:debt/lets"), lambda it: it == -1_000)
    assert (await states(market, other))["merchant:lets"] == ("paid", "unfrozen")
    assert (await market.split(other))["channel_freeze"]["owed"] == {"lets": 1_000}
    assert (await market.balance("platform:advance"), await market.balance("merchant:held/lets")) == (1_000, 0)
    assert await market.balance(f"channel:clearing/{market.account(WECHAT)}") == 0
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 2}

    await later(timedelta())
    again = sold(market, "lets")
    await market.tell(progress(again, "completed"))
    await paid(market, again)
    await until(lambda: market.balance("merchant:debt/lets"), lambda it: it == 0)
    await market.reaches(again, "settled")
    assert (await market.pockets(WECHAT))["merchant:lets"] == 8_000
    assert await market.balance("platform:advance") == 0


async def test_alipay_splits_after_the_finish_too(market: Market, tmp_path: Path) -> None:
    await seller(market, "shop", profile=ALIPAY)
    order = sold(market, "shop", profile=ALIPAY)
    await paid(market, order)
    await market.reaches(order, "settled")
    assert await payouts(market, order) == [
        ("pay", {"platform:commission": 1_000}),
        ("finish", {"merchant:shop": 9_000}),
    ]
    assert (await market.split(order))["channel_freeze"]["closed"] is False
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}


async def test_an_agreement_that_would_wait_beyond_the_freeze_is_refused(market: Market) -> None:
    for days, working, refused in ((27, False, False), (28, False, True), (15, True, False), (16, True, True)):
        agreement = {
            "effective_from": "2020-01-01T00:00:00Z",
            "channel_profile": WECHAT,
            "commission_bp": 1_000,
            "trigger": "completed",
            "trigger_days": days,
            "trigger_working_days": working,
        }
        item = {"merchant": f"m{days}-{working}".lower(), "name": "m", "kind": "pop", "agreement": agreement}
        url = market.url("merchant", "merchants:batch")
        answer = await market.http.post(url, json={"merchants": [item]})
        assert (answer.status_code >= 400, "trigger_after_freeze" in answer.text) == (refused, refused), answer.text
