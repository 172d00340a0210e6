"""Money back in flow tests: what aftersale and the institution would say, and what split answers of it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from tests.flows.market import Json, Market, until
from tests.player.player import Player

from shared.messages import ChannelMoved, OrderProgressed, RefundApproved, RefundLine


async def sold(market: Market, **changes: Any) -> Json:  # noqa: ANN401 - an order's JSON
    """Have an order of 100.00 paid and settled: 90.00 to acme, 10.00 commission, unless `changes` say else."""
    order = market.order(**({"amount_minor": 10_000} | changes))
    await market.pay(order)
    await market.publish(order)
    await paid_out(market, order)
    return order


async def paid_out(market: Market, order: Json) -> None:
    """Wait until nothing of an order is to come any more; payments waits for the refunded part of one for ever."""
    done = {"paid", "taken"}
    await until(
        lambda: market.split(order), lambda it: bool(it["shares"]) and {at["state"] for at in it["shares"]} <= done
    )


async def held(market: Market, order: Json, reason: str) -> Json:
    """Have an order paid of which a share is held for this reason."""
    await market.pay(order)
    await market.publish(order)
    await market.held(order, reason)
    return order


def name_of(order: Json, number: int = 1) -> str:
    """Return the id of an order's first refund, or of another."""
    return f"r{number}-{order['order_id']}"[:64]


def approved(order: Json, *amounts: int, number: int = 1, **changes: Any) -> RefundApproved:  # noqa: ANN401 - any field
    """Approve a refund of so much of each line of an order."""
    given: dict[str, Any] = {
        "marketplace": order["marketplace"],
        "order_id": order["order_id"],
        "refund_id": name_of(order, number),
        "case_id": "case-1",
        "currency": "CNY",
        "lines": tuple(RefundLine(line_id=str(at), amount_minor=it) for at, it in enumerate(amounts, 1) if it),
        "goods_state": "returned",
        "reason": "wrong size",
        "approved_at": datetime.now(UTC),
    }
    return RefundApproved(**(given | changes))


async def approve(market: Market, *refunds: RefundApproved) -> None:
    """Say what aftersale has approved."""
    await market.tell(*refunds, source="/weir/aftersale")


async def refunds(market: Market, order: Json) -> dict[str, Json]:
    """Return the refunds of an order by id, as split answers."""
    answer = await market.http.get(market.url("split", f"orders/{order['order_id']}/refunds"))
    return {it["refund_id"]: it for it in answer.json()["items"]} if answer.is_success else {}


async def refund_is(market: Market, order: Json, state: str, reason: str = "", number: int = 1) -> Json:
    """Wait until a refund of an order is in this state, for this reason, and return it."""

    async def ask() -> Json:
        return (await refunds(market, order)).get(name_of(order, number), {"state": "unknown", "reason": ""})

    return await until(ask, lambda it: (it["state"], it["reason"]) == (state, reason))


async def refunded(market: Market, player: Player, order: Json, *amounts: int, **changes: Any) -> Json:  # noqa: ANN401 - any field
    """Approve a refund, and wait until the buyer has it in split's books and at the institution; return it."""
    event = approved(order, *amounts, **changes)
    await approve(market, event)

    async def done() -> Json:
        return (await refunds(market, order)).get(event.refund_id, {"state": "unknown"})

    refund = await until(done, lambda it: it["state"] == "succeeded")
    assert await market.balance("buyer:refund_in_transit") == 0
    await player.caught_up()
    return refund


def gave(refund: Json) -> dict[tuple[str, str], int]:
    """Return what each party gave for a refund, by source and party."""
    return {(it["source"], it["party"]): it["amount_minor"] for it in refund["given"]}


async def listed(market: Market, state: str) -> Sequence[Json]:
    """Return the refunds of the marketplace that are in a state."""
    answer = await market.http.get(market.url("split", "refunds"), params={"state": state})
    return list(answer.json()["items"])


async def books_agree(market: Market, player: Player) -> None:
    """Compare the clearing account with the pool as the topics tell of it; nothing may be asked that nobody had."""
    await player.caught_up()
    expected = -player.pool_minor(market.id)
    await until(lambda: market.balance(f"channel:clearing/{market.id}"), lambda it: it == expected)
    assert player.mistakes() == []


def moved(order: Json, kind: str, movement_id: str, **changes: Any) -> ChannelMoved:  # noqa: ANN401 - any field
    """Have the institution move all that was paid for an order by itself, unless `changes` say else."""
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
        "moved_at": datetime.now(UTC),
    }
    return msgspec.convert(facts | changes, ChannelMoved)


def shipped(order: Json) -> OrderProgressed:
    """Say that all of an order was shipped."""
    return OrderProgressed(
        marketplace=order["marketplace"],
        order_id=order["order_id"],
        kind="shipped",
        progress_id="1",
        line_ids=(),
        occurred_at=datetime.now(UTC),
    )
