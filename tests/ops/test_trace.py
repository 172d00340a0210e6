"""The way of one order's money, from live stores and the institution's record."""

from tests.ops.audit.world import MP, Bank

from ops.institution import Institution
from ops.stores import Stores
from ops.trace import Trace, find, trace


async def traced(stores: Stores, key: str) -> Trace | None:
    async with Institution("http://bank", Bank().transport()) as institution:
        return await trace(stores, institution, key)


async def test_a_settled_order_is_shown_from_payment_to_statement(filled: Stores) -> None:
    found = await traced(filled, f"{MP}/a")
    assert found is not None
    assert found.place.name == "settled"
    whats = [(step.part, step.what) for step in found.steps]
    assert whats[0] == ("institution", "payment")
    for expected, count in {
        ("payments", "received"): 1,
        ("payments", "accepted"): 1,
        ("split", "share"): 2,
        ("split", "booked split"): 1,
        ("split", "booked settle"): 1,
        ("payments", "payout o:a.1"): 3,
        ("institution", "transfer"): 3,
        ("merchant", "statement, paid"): 2,
    }.items():
        assert whats.count(expected) == count, expected
    times = [step.at for step in found.steps if step.at]
    assert times == sorted(times)


async def test_a_held_order_says_what_it_waits_for(filled: Stores) -> None:
    found = await traced(filled, f"{MP}/b")
    assert found is not None
    assert (found.place.name, found.place.detail) == ("held", "merchant_unknown")
    shares = [step for step in found.steps if step.what == "share"]
    assert [step.facts["reason"] for step in shares] == ["merchant_unknown"]


async def test_an_order_that_nobody_knows_has_no_way(filled: Stores) -> None:
    assert await traced(filled, f"{MP}/z") is None


async def test_an_order_is_found_by_its_bare_id_in_every_marketplace_that_has_it(filled: Stores) -> None:
    other = await filled.payments.orders.find_one({"_id": f"{MP}/a"}) or {}
    await filled.payments.orders.insert_one(other | {"_id": "olist/a", "marketplace": "olist"})
    assert await find(filled, "a", None) == [f"{MP}/a", "olist/a"]
    assert await find(filled, "a", "olist") == ["olist/a"]
    assert await find(filled, "olist/a", None) == ["olist/a"]
    assert await find(filled, "z", None) == []
