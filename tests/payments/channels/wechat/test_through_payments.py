"""Payments itself beside WeChat Pay's counterpart: an order is proved, split, finished, and partly refunded."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx
from tests.payments.channels.wechat.counterpart import ACME, Counterpart
from tests.payments.edge import Edge, until
from tests.payments.examples import back, leg, order, payment, payout, plan, to_buyer

from payments.channels.chosen import WECHAT
from payments.channels.wechat import Wallet, WechatChannel
from shared.messages import PayoutSettled, RefundSettled

TRANSACTION = "4200000000000000000000000001"
PLACE: dict[str, Any] = {"channel_profile": WECHAT, "channel_account": f"test-shop.{WECHAT}"}
MONEY = PLACE | {"currency": "CNY"}


async def test_an_order_goes_all_the_way_at_wechat_pay(still_edge: Edge, keys: Counterpart, tmp_path: Path) -> None:
    """It accepts first; what became of each number is asked for, and told as the next revision."""
    there = Counterpart(PLACE["channel_account"], keys.ours, keys.own)
    there.write(tmp_path)

    async def identify(_: str, receivers: Sequence[str]) -> Mapping[str, str]:
        return dict.fromkeys(receivers, ACME)

    wechat = WechatChannel(Wallet(tmp_path), identify, 5, transport=httpx.MockTransport(there.answer))
    cast("dict[str, WechatChannel]", still_edge.parts.channels)[WECHAT] = wechat
    there.pay(TRANSACTION, 1_200)
    still_edge.start()
    today = datetime.now(UTC)
    await still_edge.take(order(payments=(payment(TRANSACTION, **PLACE),), currency="CNY", paid_at=today))
    await still_edge.order_in("accepted")

    share = leg(path="merchant:bob", amount_minor=300, channel_payment_id=TRANSACTION)
    rest = leg(amount_minor=900, channel_payment_id=TRANSACTION)
    await still_edge.take(payout(legs=(share,), **MONEY))
    await still_edge.payout_in("waiting")
    await concluded(still_edge, there)
    await still_edge.payout_in("final")
    await still_edge.take(payout(number=2, kind="finish", legs=(rest,), **MONEY))
    await still_edge.payout_in("waiting", "test-shop/o:o-1.2")
    await concluded(still_edge, there)
    await still_edge.payout_in("final", "test-shop/o:o-1.2")
    told = still_edge.published.events(PayoutSettled)
    assert [it.state for event in told for it in event.legs] == ["accepted", "succeeded", "accepted", "succeeded"]
    assert [it["body"]["receivers"][0]["amount"] for it in there.splits.values() if "receivers" in it["body"]] == [300]
    assert there.payments[TRANSACTION]["finished"]

    back_from_bob = (back("bob", 300),)
    await still_edge.take(plan(returns=back_from_bob, fundings=(), refunds=(to_buyer(300, TRANSACTION),), **MONEY))
    await still_edge.refund_in("accepted")
    await concluded(still_edge, there)
    await until(lambda: asyncio.sleep(0, there.refunds), bool)
    await still_edge.refund_in("accepted")
    await concluded(still_edge, there)
    await still_edge.refund_in("final")
    assert still_edge.published.events(RefundSettled)[-1].state == "succeeded"
    assert [it["body"]["amount"] for it in there.returns.values()] == [300]
    assert [it["body"]["amount"]["refund"] for it in there.refunds.values()] == [300]
    await still_edge.stop()


async def concluded(edge: Edge, there: Counterpart) -> None:
    """Have all that was accepted succeed, and payments ask for it."""
    for number in [*there.splits, *there.returns, *there.refunds]:
        there.conclude(number)
    await edge.let_time_pass()
