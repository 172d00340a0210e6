"""Each law, broken in live stores, is named by the audit; a world in good order breaks none."""

import uuid
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from tests.ops.audit import world
from tests.ops.audit.world import MP, Bank

from ops.audit import rest
from ops.audit.findings import LAWS
from ops.audit.run import Report, Scope, run
from ops.institution import Institution
from ops.settled import Look
from ops.stores import opened

Plant = Callable[["Live"], None]


class Live:
    """The world in real stores, open to be harmed."""

    def __init__(self, client: MongoClient[dict[str, Any]], prefix: str, bank: Bank) -> None:
        self.client = client
        self.prefix = prefix
        self.bank = bank
        self.sent: tuple[str, ...] = (f"{MP}/a", f"{MP}/b")

    def __getitem__(self, service: str) -> Database[dict[str, Any]]:
        """Return the database of a service."""
        return self.client[f"{self.prefix}{service}"]


@pytest.fixture
def live(mongo_url: str) -> Iterator[Live]:
    prefix = f"audit_{uuid.uuid4().hex[:8]}_"
    world.write(mongo_url, prefix, world.documents())
    with MongoClient[dict[str, Any]](mongo_url) as client:
        yield Live(client, prefix, Bank())
        for service in ("payments", "split", "merchant", "aftersale", "ops"):
            client.drop_database(f"{prefix}{service}")


@pytest.fixture
def audited(mongo_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[Live], Awaitable[Report]]:
    monkeypatch.setattr(rest, "LOOKS_APART_S", 0.01)  # nothing runs here that could do something in between

    async def audit(live: Live) -> Report:
        institution = Institution("http://bank", live.bank.transport())
        async with opened(mongo_url, live.prefix) as stores, institution:
            scope = Scope(None, {}, live.sent)
            return await run(Look(stores, "", ()), institution, scope, lambda _: None)

    return audit


async def test_a_world_in_good_order_breaks_no_law(live: Live, audited: Callable[[Live], Awaitable[Report]]) -> None:
    report = await audited(live)
    assert report.answer() == {
        "orders": 2, "settled": 1, "held": 1, "waiting": 0, "rejected": 0, "dlq": 0, "parked": 0, "lost": 0,
        "duplicated": 0, "imbalance_minor": 0, "at_rest": True, "reasons": {"held": {"merchant_unknown": 1}},
        "breaches_total": 0, "breaches": [],
    }  # fmt: skip


def unbalance(live: Live) -> None:
    live["split"].transactions.update_one({"kind": "settle"}, {"$inc": {"entries.0.amount_minor": 7}})


def edit(live: Live) -> None:
    live["split"].transactions.update_one({"kind": "settle"}, {"$set": {"cause": "another"}})


def cut_the_chain(live: Live) -> None:
    live["split"].links.delete_one({"seq": 1})


def cut_the_end_of_the_chain(live: Live) -> None:
    live["split"].links.delete_one({"seq": 2})


def take_a_transaction_out(live: Live) -> None:
    live["split"].transactions.delete_one({"kind": "settle"})


def forge_a_link(live: Live) -> None:
    live["split"].links.update_one({"seq": 1}, {"$pop": {"transactions": 1}})


COMMISSION = "amounts.platform:commission"


def raise_a_balance(live: Live) -> None:
    live["split"].balances.update_one({COMMISSION: {"$exists": True}}, {"$inc": {COMMISSION: 1}})


def lose_a_balance(live: Live) -> None:
    live["split"].balances.delete_one({"amounts.merchant:held/new": {"$exists": True}})


def raise_a_share(live: Live) -> None:
    live["split"].orders.update_one({"order_id": "b"}, {"$inc": {"shares.0.amount_minor": 1}})


def move_a_share(live: Live) -> None:
    live["split"].orders.update_one({"order_id": "b"}, {"$set": {"shares.0.state": "available"}})


def book_more_than_paid(live: Live) -> None:
    live["payments"].orders.update_one({"order_id": "b"}, {"$set": {"paid_minor": 4_000}})


def book_what_was_not_accepted(live: Live) -> None:
    live["payments"].orders.update_one({"order_id": "b"}, {"$set": {"state": "unverified"}})


def misexplain_a_leg(live: Live) -> None:
    live["split"].orders.update_one({"order_id": "a"}, {"$inc": {"shares.0.breakdown.fee_minor": 1}})


def pay_a_leg_in_two_payouts(live: Live) -> None:
    payout = live["payments"].payouts.find_one({"payout_id": "o:a.1"}) or {}
    again = {**payout["legs"][0], "state": "sending", "channel_number": "N9"}
    twin = payout | {"_id": f"{MP}/o:a.2", "payout_id": "o:a.2", "state": "sending", "legs": [again], "subsidies": []}
    live["payments"].payouts.insert_one(twin)


def pay_a_leg_under_two_numbers(live: Live) -> None:
    pay_a_leg_in_two_payouts(live)
    live.bank.transfers.append({**live.bank.transfers[1], "number": "N9"})


def instruct_another_amount(live: Live) -> None:
    live["payments"].payouts.update_one({}, {"$inc": {"legs.0.amount_minor": -1}})
    live["merchant"].statement_lines.update_one({"merchant": "shop"}, {"$inc": {"amount_minor": -1}})
    live.bank.transfers[1]["amount_minor"] -= 1
    live.bank.pools["CNY"] += 1


def pay_another_receiver(live: Live) -> None:
    live.bank.transfers[1]["receiver"] = "merchant:thief"


def forget_a_transfer(live: Live) -> None:
    live.bank.transfers.pop(1)
    live.bank.pools["CNY"] += 9_240


def leave_a_paid_leg_unposted(live: Live) -> None:
    """Split has posted all of the payout but the leg of the shop, and no event is on its way."""
    live["split"].orders.update_one({"order_id": "a"}, {"$set": {"shares.0.state": "in_transit"}})
    entries = {world.CLEARING: 700, "platform:commission": -1_200, "platform:marketing": 500}
    first, _, last = world.TRANSACTIONS
    for collection, them in world.ledger((first, world.booked(2, "a", "CNY", entries), last)).items():
        live["split"][collection].delete_many({})
        live["split"][collection].insert_many(them)


def state_a_leg_twice(live: Live) -> None:
    line = live["merchant"].statement_lines.find_one({"merchant": "shop"}) or {}
    live["merchant"].statement_lines.insert_one(line | {"_id": "again"})


def state_nothing(live: Live) -> None:
    live["merchant"].statement_lines.delete_one({"merchant": "shop"})


def state_another_amount(live: Live) -> None:
    live["merchant"].statement_lines.update_one({"merchant": "shop"}, {"$inc": {"amount_minor": 1}})


def move_money_uninstructed(live: Live) -> None:
    live.bank.transfers.append({**live.bank.transfers[1], "number": "N7", "amount_minor": 50, "currency": "KWD"})
    live.bank.pools["KWD"] -= 50


def take_from_the_pool(live: Live) -> None:
    live.bank.pools["KWD"] -= 50


def leave_an_event_unpublished(live: Live) -> None:
    old = datetime.now(UTC) - timedelta(minutes=10)
    live["split"].outbox.insert_one({"group": "api", "partition": -1, "seq": 1, "at": old, "events": []})


def lose_an_order(live: Live) -> None:
    live.sent = (*live.sent, f"{MP}/c")


PLANTED: list[tuple[Plant, set[str]]] = [
    (unbalance, {"entries_sum_to_zero", "transaction_unchanged", "chain_whole", "balances_derived", "order_booked",
                 "pool_is_owed"}),
    (edit, {"transaction_unchanged", "chain_whole"}),
    (cut_the_chain, {"chain_whole"}),
    (cut_the_end_of_the_chain, {"chain_whole"}),
    (take_a_transaction_out, {"chain_whole", "balances_derived", "order_booked", "pool_is_owed"}),
    (forge_a_link, {"chain_whole"}),
    (raise_a_balance, {"balances_derived"}),
    (lose_a_balance, {"balances_derived"}),
    (raise_a_share, {"order_sums", "order_booked"}),
    (move_a_share, {"order_booked"}),
    (book_more_than_paid, {"paid_as_proved"}),
    (book_what_was_not_accepted, {"paid_as_proved"}),
    (misexplain_a_leg, {"breakdown_adds_up"}),
    (pay_a_leg_in_two_payouts, {"leg_paid_once"}),
    (pay_a_leg_under_two_numbers, {"leg_paid_once", "pool_is_owed"}),
    (instruct_another_amount, {"leg_as_requested", "pool_is_owed"}),
    (pay_another_receiver, {"leg_as_requested"}),
    (forget_a_transfer, {"leg_as_requested", "pool_is_owed"}),
    (leave_a_paid_leg_unposted, {"leg_as_requested", "order_not_lost"}),
    (state_a_leg_twice, {"leg_stated"}),
    (state_nothing, {"leg_stated"}),
    (state_another_amount, {"leg_stated"}),
    (move_money_uninstructed, {"transfer_known", "pool_is_owed"}),
    (take_from_the_pool, {"pool_is_owed"}),
    (leave_an_event_unpublished, {"outbox_young"}),
    (lose_an_order, {"order_not_lost"}),
]  # fmt: skip


@pytest.mark.parametrize(("plant", "laws"), PLANTED, ids=lambda it: getattr(it, "__name__", ""))
async def test_a_planted_breach_is_named(
    plant: Plant, laws: set[str], live: Live, audited: Callable[[Live], Awaitable[Report]]
) -> None:
    plant(live)
    report = await audited(live)
    assert {breach.law for breach in report.findings.shown} == laws
    assert report.findings.total == len(report.findings.shown)


def test_every_law_has_a_breach_that_shows_it() -> None:
    assert set().union(*(laws for _, laws in PLANTED)) == set(LAWS)


async def test_what_is_paid_twice_is_counted(live: Live, audited: Callable[[Live], Awaitable[Report]]) -> None:
    pay_a_leg_under_two_numbers(live)
    assert (await audited(live)).findings.duplicated == 1


async def test_what_is_out_of_balance_is_summed(live: Live, audited: Callable[[Live], Awaitable[Report]]) -> None:
    unbalance(live)
    assert (await audited(live)).findings.imbalance_minor == 7


async def test_a_lost_order_is_counted(live: Live, audited: Callable[[Live], Awaitable[Report]]) -> None:
    lose_an_order(live)
    report = await audited(live)
    assert (report.lost, report.tally.of("waiting")) == (1, 1)


async def test_money_on_its_way_is_no_breach(live: Live, audited: Callable[[Live], Awaitable[Report]]) -> None:
    """A young event in an outbox: the paid leg is posted when it arrives, not lost."""
    live["merchant"].statement_lines.delete_one({"merchant": "shop"})
    live["payments"].outbox.insert_one({"group": "g", "partition": 0, "seq": 1, "at": datetime.now(UTC), "events": []})
    live.sent = (*live.sent, f"{MP}/c")
    report = await audited(live)
    assert (report.at_rest, report.lost, report.findings.shown) == (False, 0, [])
