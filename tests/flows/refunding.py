"""Money back in flow tests: what aftersale says, what split and payments answer, and what the institution did of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.flows.market import Json, Market, until

from shared.messages import OrderProgressed, RefundApproved, RefundLine


async def sold(market: Market, **changes: Any) -> Json:  # noqa: ANN401 - an order's JSON
    """Have an order of 100.00 paid and settled: 90.00 to acme, 10.00 commission, unless `changes` say else."""
    order = market.order(**({"amount_minor": 10_000} | changes))
    await market.pay(order)
    await market.publish(order)
    await paid_out(market, order)
    return order


ENOUGH = 1_000_000


@dataclass(frozen=True)
class Done:
    """What the institution did for refunds: by receiver, by kind of funding, and by payment."""

    returned: Counter[str] = field(default_factory=Counter)
    funded: Counter[str] = field(default_factory=Counter)
    refunded: Counter[str] = field(default_factory=Counter)


async def done(market: Market) -> Done:
    """Return what the institution did, by its own record."""
    found = Done()
    for it in await market.transfers():
        amount = it["amount_minor"] if it["state"] == "succeeded" else 0
        if it["kind"] == "return":
            found.returned[it["receiver"]] += amount
        elif it["kind"] == "refund":
            found.refunded[it["of"]] += amount
        elif it["kind"] in {"subsidy", "advance", "marketing_back"}:
            found.funded[it["kind"]] += amount
    return Done(+found.returned, +found.funded, +found.refunded)


async def rich(market: Market) -> None:
    """Give the platform the money for all that it bears and advances."""
    await market.fund(ENOUGH)
    await market.fund(ENOUGH, pocket="platform:advance")


async def nothing_comes_back(market: Market) -> None:
    """Let no receiver have what it is asked to give back."""
    await market.fault(fail_receivers={"merchant:acme": "NOT_ENOUGH"}, kinds=["return"])


async def paid_out(market: Market, order: Json) -> None:
    """Wait until split has nothing of an order to pay any more."""
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


async def refunded(market: Market, order: Json, *amounts: int, **changes: Any) -> Json:  # noqa: ANN401 - any field
    """Approve a refund, and wait until the buyer has it in split's books and at the institution; return it."""
    event = approved(order, *amounts, **changes)
    await approve(market, event)

    async def look() -> Json:
        return (await refunds(market, order)).get(event.refund_id, {"state": "unknown"})

    refund = await until(look, lambda it: it["state"] == "succeeded")
    assert await market.balance("buyer:refund_in_transit") == 0
    shown = await market.http.get(market.url("payments", f"refunds/{event.refund_id}"))
    assert (shown.json()["standing"], shown.json()["waits"]) == ("succeeded", None)
    return refund


def gave(refund: Json) -> dict[tuple[str, str], int]:
    """Return what each party gave for a refund, by source and party."""
    return {(it["source"], it["party"]): it["amount_minor"] for it in refund["given"]}


async def listed(market: Market, state: str) -> Sequence[Json]:
    """Return the refunds of the marketplace that are in a state."""
    answer = await market.http.get(market.url("split", "refunds"), params={"state": state})
    return list(answer.json()["items"])


async def books_agree(market: Market) -> None:
    """Compare split's clearing account with the institution's own pool, less what the platform stands for there."""

    async def both() -> tuple[int, int]:
        there = await market.pockets()
        pool = there.get("pool", 0) + there.get("platform:liable", 0)
        return -await market.balance(f"channel:clearing/{market.id}"), pool

    await until(both, lambda it: it[0] == it[1])


def moved(order: Json, kind: str, movement_id: str, **changes: Any) -> Json:  # noqa: ANN401 - any field
    """Return that the institution moves all that was paid for an order, unless `changes` say else."""
    payment = order["payments"][0]
    facts = {
        "movement_id": movement_id,
        "kind": kind,
        "payment_id": payment["channel_payment_id"],
        "currency": order["currency"],
        "amount_minor": payment["amount_minor"],
    }
    return {name: it for name, it in (facts | changes).items() if it is not None}


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
