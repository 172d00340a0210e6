"""The conservation law again, on what the file really holds after requests that overlapped and were repeated."""

import asyncio
import random

import pytest

from sandbox.domain.faults import Faults
from sandbox.domain.payments import Fund, Payment
from sandbox.domain.transfers import Transfer
from sandbox.handlers import Handlers
from sandbox.settings import Settings
from sandbox.store import books
from sandbox.store.connection import Connection


async def request(use: Handlers, draw: random.Random) -> None:
    currency = draw.choice(["CNY", "JPY"])
    faults = Faults(accept_only=draw.random() < 0.3, fail_receivers={"merchant:2": "CLOSED"})
    numbers = [f"n{draw.randrange(60)}" for _ in range(8)]
    match draw.randrange(4):
        case 0:
            ids = [f"p{draw.randrange(60)}" for _ in range(8)]
            paid = [Payment(payment_id=it, amount_minor=draw.randrange(9), currency=currency) for it in ids]
            await use.take_payments("acc", paid)
        case 1:
            fund = Fund(fund_id=numbers[0], pocket="platform:marketing", currency=currency, amount_minor=5)
            await use.take_fund("acc", fund)
        case 2:
            await use.find_transfers("acc", numbers, faults)
        case _:
            batch = [
                Transfer(
                    number=number,
                    kind=draw.choice(["payout", "subsidy"]),
                    receiver=f"merchant:{draw.randrange(4)}",
                    currency=currency,
                    amount_minor=draw.randrange(1, 7),
                )
                for number in numbers
            ]
            await use.execute("acc", batch, faults)


@pytest.mark.parametrize("seed", range(4))
async def test_stored_balances_equal_what_came_in_and_what_was_recorded(settings: Settings, seed: int) -> None:
    joined = Connection(settings.database)
    joined.prepare()
    joined.open()
    use = Handlers(joined)
    for _ in range(10):
        await asyncio.gather(*(request(use, random.Random(f"{seed}/{n}")) for n in range(8)))
        seed += 1
    paid = await joined.read(books.payments_after, "acc", "", 1000)
    funds = await joined.read(lambda session: session.execute("SELECT currency, amount_minor FROM funds").fetchall())
    executed = await joined.read(books.transfers_after, "acc", "", 1000)
    pockets = dict(await joined.read(books.pockets, "acc", 1000))
    receivers = dict(await joined.read(books.receivers_after, "acc", "", 1000))
    joined.close()
    assert {record.state for record in executed} >= {"succeeded", "failed"}
    assert min([*pockets.values(), *receivers.values()]) >= 0
    for currency in ("CNY", "JPY"):
        came = sum(it.amount_minor for it in paid if it.currency == currency)
        came += sum(amount for funded, amount in funds if funded == currency)
        here = [balance for (_, held), balance in (*pockets.items(), *receivers.items()) if held == currency]
        assert sum(here) == came
        waiting = (it.transfer for it in executed if it.state == "accepted")
        in_transit = sum(it.amount_minor for it in waiting if it.currency == currency)
        assert pockets.get(("in_transit", currency), 0) == in_transit
