"""Books filled by hand: transactions at chosen times, on chosen stripes, and what they must add up to."""

import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from shared import mongo
from shared.mongo import Database
from shared.work import Work
from split.domain.ledger import Kind
from split.domain.orders import Order
from split.store.books import Books

BEGIN = datetime(2025, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = 24 * HOUR
ORDER = Order(
    marketplace="test-a", order_id="1", currency="BRL", channel_profile="sandbox-direct", channel_account="test-a"
)
ACCOUNTS = ("channel:clearing/test-a", "merchant:held/m1", "merchant:held/a.b%2E$c", "platform:commission")


class Made(NamedTuple):
    """One transaction."""

    at: datetime
    order_id: str
    entries: Mapping[str, int]
    kind: Kind = "split"


async def book(
    database: Database, at: datetime, made: Iterable[Made], stripe: str = "a#0", **order_fields: str
) -> None:
    """Commit one unit of work of some time, with these transactions."""
    async with await database.client.start_session() as session:
        work = Work(service="split", session=session, stripe=stripe, group="split.test", now=at)
        async with mongo.start_transaction(session):
            books = await Books.opened(database, work, lambda _: None)
            for it in made:
                order = msgspec.structs.replace(ORDER, order_id=it.order_id, **order_fields)
                books.post(order, it.kind, dict(it.entries), f"cause of {it.order_id}")
            books.close()
            await work.write(database)


async def fill(database: Database, seed: int, units: int = 30) -> list[Made]:
    """Book units of some transactions each, at times within five days; return them in the order of time.

    Some units have the same time, some are booked later than one of a later time.
    """
    draw = random.Random(seed)
    times = sorted(BEGIN + draw.randrange(5 * 24 * 3600) * timedelta(seconds=1) for _ in range(units))
    times[units // 2] = times[units // 2 - 1]
    shuffled = [(at, place) for place, at in enumerate(times)]
    for place in range(0, units - 1, 7):
        shuffled[place], shuffled[place + 1] = shuffled[place + 1], shuffled[place]
    found: list[Made] = []
    for at, number in shuffled:
        made = [Made(at, f"{number}.{place}", _entries(draw)) for place in range(draw.randrange(1, 70))]
        await book(database, at, made, stripe=f"s#{draw.randrange(3)}")
        await book(database, at, [made[0]], currency="JPY")
        await book(database, at, [made[0]], marketplace="test-b")
        found += made
    return sorted(found, key=lambda it: it.at)


def _entries(draw: random.Random) -> dict[str, int]:
    amounts = {name: draw.randrange(-(10**13), 10**13) for name in draw.sample(ACCOUNTS, draw.randrange(1, 4))}
    rest = "merchant:available/m9"
    return {**amounts, rest: -sum(amounts.values())}


def held(made: Iterable[Made], until: datetime) -> dict[str, int]:
    """Return what each account holds at a moment, zeros left out."""
    sums: dict[str, int] = {}
    for it in made:
        if it.at < until:
            for account, amount in it.entries.items():
                sums[account] = sums.get(account, 0) + amount
    return {account: amount for account, amount in sums.items() if amount}
