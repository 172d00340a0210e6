"""Payout-requested on a real MongoDB: stored before anything is sent, each leg held by one payout."""

from typing import Any

import msgspec
import pytest
from pymongo.errors import DuplicateKeyError
from tests.payments.edge import Edge, Institution
from tests.payments.examples import leg, order, payment, payout, subsidy

from shared.messages import Breakdown, Leg, PayoutSettled
from shared.work import Work

COLLECTED: dict[str, Any] = {"channel_profile": "alipay-split-sync", "channel_account": "test-shop.alipay-split-sync"}
seller_money_to_the_platform = leg(
    path="platform:commission", amount_minor=1_080, breakdown=Breakdown(gross_minor=1_200, commission_minor=120)
)


async def proved(edge: Edge, institution: Institution, **fields: Any) -> None:  # noqa: ANN401 - any field of the contract
    """Have order o-1 accepted, with 12.00 in the pool."""
    await institution.pay(payment("pay-o-1"))
    await edge.take(order(**fields))
    edge.start()
    await edge.order_in("accepted")


async def stopped(edge: Edge, institution: Institution) -> None:
    """Have order o-1 accepted, and the lanes stand still."""
    await proved(edge, institution)
    await edge.stop()
    edge.published.records.clear()


async def test_a_payout_is_stored_as_sending_with_its_numbers_before_anything_is_sent(
    still_edge: Edge, institution: Institution
) -> None:
    await stopped(still_edge, institution)
    await still_edge.take(payout())
    stored = await still_edge.payout()
    assert (stored["state"], stored["waits"], stored["order"]) == ("sending", "sending", "test-shop/o-1")
    assert [(it["state"], len(it["channel_number"])) for it in stored["legs"]] == [("sending", 26)] * 2
    assert await institution.transfers() == []


async def test_a_repeated_payout_changes_nothing(still_edge: Edge, institution: Institution) -> None:
    await stopped(still_edge, institution)
    await still_edge.take(payout(), payout())
    before = await still_edge.payout()
    await still_edge.take(payout())
    assert await still_edge.payout() == before
    assert still_edge.published.records == []


@pytest.mark.parametrize(
    ("reason", "event"),
    [
        ("payout_conflict", payout(legs=(leg(amount_minor=1),))),
        ("leg_open_elsewhere", payout(number=2)),
        ("payout_above_paid", payout(number=2, legs=(leg(path="merchant:bob", amount_minor=1_201),))),
        ("receiver_unknown", payout(number=2, legs=(leg(path="merchant:bob", receiver="pool"),))),
        ("payout_account_differs", payout(number=2, channel_account="olist")),
        ("operation_lacking", payout(number=2, kind="finish")),
        ("payment_not_split", payout(number=2, legs=(leg(path="merchant:bob", channel_payment_id="pay-o-1"),))),
        ("platform_leg_unjustified", payout(number=2, legs=(seller_money_to_the_platform,))),
        ("payout_account_differs", payout(number=2, currency="USD")),
        ("order_not_accepted", payout("o-9")),
        ("payout_account_differs", payout(number=9, document="s:1", channel_account="olist", legs=())),
    ],
)
async def test_a_payout_that_must_not_be_carried_out_is_a_dead_letter(
    still_edge: Edge,
    institution: Institution,
    reason: str,
    event: Any,  # noqa: ANN401 - an event
) -> None:
    await stopped(still_edge, institution)
    await still_edge.take(payout())
    stored = await still_edge.database.payouts.find({}).to_list(None)
    await still_edge.take(event)
    assert [it.split(":")[0] for it in still_edge.published.dead()] == [reason]
    assert await still_edge.database.payouts.find({}).to_list(None) == stored


@pytest.mark.parametrize("together", [True, False])
async def test_payouts_under_way_leave_only_the_rest_to_the_next_one(
    still_edge: Edge, institution: Institution, *, together: bool
) -> None:
    await stopped(still_edge, institution)
    first = payout(legs=(leg(amount_minor=1_000),))
    too_much = payout(number=2, legs=(leg(path="merchant:bob", amount_minor=201),))
    the_rest = payout(number=3, legs=(leg(path="merchant:bob", amount_minor=200),))
    for events in [(first, too_much, the_rest)] if together else [(first,), (too_much,), (the_rest,)]:
        await still_edge.take(*events)
    assert still_edge.published.dead() == ["payout_above_paid: 201 asked, 0 subsidised, 200 left"]
    assert (await still_edge.payout("test-shop/o:o-1.3"))["state"] == "sending"


async def test_a_subsidy_that_is_not_in_yet_lends_nothing_to_another_payout(
    still_edge: Edge, institution: Institution
) -> None:
    await stopped(still_edge, institution)
    await still_edge.take(payout(subsidies=(subsidy(5_000),)))
    await still_edge.take(payout(number=2, legs=(leg(path="merchant:bob", amount_minor=1_201),)))
    assert still_edge.published.dead() == ["payout_above_paid: 1201 asked, 0 subsidised, 1200 left"]


async def test_two_payouts_of_one_leg_in_one_batch_pay_it_once(still_edge: Edge, institution: Institution) -> None:
    await stopped(still_edge, institution)
    await still_edge.take(payout(), payout(number=2))
    assert [it.split(":")[0] for it in still_edge.published.dead()] == ["leg_open_elsewhere"]


async def test_with_a_second_payout_an_order_has_all_its_legs_in_the_index_that_keeps_each_in_one(
    still_edge: Edge, institution: Institution
) -> None:
    """Fails when the first payout keeps out of it: a mistake in a handler could then pay its legs once more."""
    await proved(still_edge, institution)
    await still_edge.take(payout(legs=(leg(),)))
    assert "open_legs" not in await still_edge.payout()
    await still_edge.take(payout(number=2, legs=(leg(path="merchant:bob", amount_minor=20),)))
    first, second = await still_edge.payout(), await still_edge.payout("test-shop/o:o-1.2")
    assert [it["open_legs"] for it in (first, second)] == [[it["legs"][0]["leg_id"]] for it in (first, second)]
    with pytest.raises(DuplicateKeyError):
        await still_edge.database.payouts.insert_one({"_id": "third", "open_legs": first["open_legs"]})
    assert (await still_edge.order())["several"]


async def test_a_first_payout_that_comes_last_is_judged_beside_the_others(
    still_edge: Edge, institution: Institution
) -> None:
    await proved(still_edge, institution)
    await still_edge.take(payout(number=2, legs=(leg(),)))
    await still_edge.take(payout())
    assert [it.split(":")[0] for it in still_edge.published.dead()] == ["leg_open_elsewhere"]


async def test_a_failed_leg_is_paid_by_a_later_attempt_only(still_edge: Edge, institution: Institution) -> None:
    await proved(still_edge, institution)
    await institution.fault(fail_receivers={"merchant:alice": "ACCOUNT_ABNORMAL"})
    await still_edge.take(payout())
    await still_edge.payout_in("final")
    await institution.heal()
    await still_edge.take(payout(number=2, legs=(leg(),)))
    assert [it.split(":")[0] for it in still_edge.published.dead()] == ["attempt_not_greater"]
    await still_edge.take(payout(number=3, legs=(leg(attempt=2),)))
    retried = await still_edge.payout_in("final", "test-shop/o:o-1.3")
    assert [it["state"] for it in retried["legs"]] == ["succeeded"]
    assert await still_edge.unpaid_minor() == 0


@pytest.mark.parametrize("legs", [(), (leg(amount_minor=0),)])
async def test_a_payout_of_nothing_is_settled_at_once(
    still_edge: Edge, institution: Institution, legs: tuple[Leg, ...]
) -> None:
    await stopped(still_edge, institution)
    await still_edge.take(payout(legs=legs))
    [settled] = still_edge.published.events(PayoutSettled)
    assert (settled.revision, [it.state for it in settled.legs]) == (1, ["succeeded"] * len(legs))
    assert (await still_edge.payout())["state"] == "final"


def split_off(number: int = 1, kind: Any = "pay", **fields: Any) -> Any:  # noqa: ANN401 - any field of the contract
    """Return a request about an order whose seller has collected it: each leg is of its payment."""
    legs = (it for it in fields.pop("legs"))
    named = tuple(msgspec.structs.replace(it, channel_payment_id="pay-o-1") for it in legs)
    return payout(number=number, kind=kind, legs=named, **COLLECTED)


async def collected(edge: Edge, institution: Institution) -> Institution:
    """Have order o-1 accepted, with 12.00 frozen in its seller's account; return that account's holder."""
    place = Institution(institution.url, COLLECTED["channel_account"])
    await place.open(COLLECTED["channel_profile"], "platform:commission")
    await place.pay(payment("pay-o-1"))
    await edge.take(order(payments=(payment("pay-o-1", **COLLECTED),)))
    edge.start()
    await edge.order_in("accepted")
    return place


async def test_a_finish_pays_the_collectors_own_after_the_others(still_edge: Edge, institution: Institution) -> None:
    place = await collected(still_edge, institution)
    others, own = leg(path="platform:commission", amount_minor=120), leg()
    finish = split_off(2, "finish", legs=(own,))
    await still_edge.take(split_off(legs=(others,)))
    await still_edge.payout_in("final")
    await still_edge.take(finish, finish)
    await still_edge.payout_in("final", "test-shop/o:o-1.2")
    told = still_edge.published.events(PayoutSettled)[-1]
    assert (told.kind, [(it.receiver, it.state) for it in told.legs]) == ("finish", [("merchant:alice", "succeeded")])
    assert await place.balances() == {"pool": 0, "platform:commission": 120, "merchant:alice": 1_080}
    assert [(it["kind"], it["of"]) for it in await place.transfers()] == [("payout", "pay-o-1"), ("finish", "pay-o-1")]
    await place.close()


async def test_a_finish_gives_no_more_than_is_left(still_edge: Edge, institution: Institution) -> None:
    place = await collected(still_edge, institution)
    await still_edge.stop()
    await still_edge.take(split_off(legs=(leg(path="platform:commission", amount_minor=121),)))
    await still_edge.take(split_off(2, "finish", legs=(leg(),)))
    assert [it.partition(":")[0] for it in still_edge.published.dead()] == ["payout_above_paid"]
    await place.close()


async def test_a_payment_of_another_order_is_not_split(still_edge: Edge, institution: Institution) -> None:
    place = await collected(still_edge, institution)
    other = msgspec.structs.replace(leg(), channel_payment_id="pay-o-2")
    await still_edge.take(payout(legs=(other,), **COLLECTED), payout(number=2, legs=(leg(),), **COLLECTED))
    reasons = [it.partition(":")[0] for it in still_edge.published.dead()]
    assert reasons == ["payment_not_of_order", "payment_not_named"]
    assert await still_edge.payout() == {}
    await place.close()


async def test_a_finish_without_legs_leaves_nothing_to_be_done(still_edge: Edge, institution: Institution) -> None:
    place = await collected(still_edge, institution)
    await still_edge.take(split_off(kind="finish", legs=()), split_off(kind="finish", legs=()))
    [settled] = still_edge.published.events(PayoutSettled)
    assert (settled.kind, settled.revision, settled.legs) == ("finish", 1, ())
    await place.close()


async def test_a_finish_that_a_refund_calls_off_too_late_says_how_it_stands(
    still_edge: Edge, institution: Institution
) -> None:
    place = await collected(still_edge, institution)
    await still_edge.stop()
    await still_edge.take(split_off(kind="finish", legs=(leg(),)), split_off(kind="cancel", legs=(leg(),)))
    assert still_edge.published.dead() == []
    [told] = still_edge.published.events(PayoutSettled)
    assert (told.kind, [it.state for it in told.legs]) == ("finish", ["sending"])
    await place.close()


async def test_a_cancel_stops_legs_that_wait_for_funds(still_edge: Edge, institution: Institution) -> None:
    await proved(still_edge, institution)
    await still_edge.take(payout(subsidies=(subsidy(),)))
    await still_edge.payout_in("waiting_funds")
    await still_edge.take(payout(kind="cancel", legs=()), payout(kind="cancel", legs=()))
    stored = await still_edge.payout()
    assert [it["state"] for it in stored["legs"] + stored["subsidies"]] == ["cancelled"] * 3
    assert stored["ask_at"] is None
    revisions = [it.revision for it in still_edge.published.events(PayoutSettled)]
    assert revisions == [1, 2]
    await institution.fund(300)
    await still_edge.let_time_pass()
    assert await still_edge.payout() == stored


async def test_a_cancel_that_comes_too_late_says_what_was_paid(still_edge: Edge, institution: Institution) -> None:
    await proved(still_edge, institution)
    await still_edge.take(payout())
    await still_edge.payout_in("final")
    await still_edge.take(payout(kind="cancel"))
    answer = still_edge.published.events(PayoutSettled)[-1]
    assert (answer.revision, {it.state for it in answer.legs}) == (2, {"succeeded"})


@pytest.mark.parametrize("together", [True, False])
async def test_a_cancel_that_comes_first_keeps_the_payout_from_being_sent(
    still_edge: Edge, institution: Institution, *, together: bool
) -> None:
    await stopped(still_edge, institution)
    if together:
        await still_edge.take(payout(kind="cancel"), payout())
    else:
        await still_edge.take(payout(kind="cancel"))
        await still_edge.take(payout())
    await still_edge.take(payout())
    answers = still_edge.published.events(PayoutSettled)
    assert [(it.kind, it.revision) for it in answers] == [("cancel", 1), ("pay", 2)]
    assert {leg.state for answer in answers for leg in answer.legs} == {"cancelled"}
    stored = await still_edge.payout()
    assert (stored["state"], stored["ask_at"]) == ("final", None)


@pytest.mark.parametrize(
    ("moved_minor", "covered", "taken"),
    [(1_199, False, False), (1_200, False, True), (-1, False, False), (-1_200, True, True), (1, True, True)],
)
async def test_what_came_back_for_an_order_can_be_paid_out_of_it_and_what_left_it_cannot(
    still_edge: Edge, institution: Institution, *, moved_minor: int, covered: bool, taken: bool
) -> None:
    """What the institution took by itself limits nothing: a payout on its way then would be refused, and for ever."""
    await stopped(still_edge, institution)
    first = payout() if moved_minor > 0 and not covered else payout(legs=(leg(path="merchant:bob", amount_minor=0),))

    async def decide(work: Work) -> None:
        still_edge.parts.orders.moved(work, "test-shop/o-1", moved_minor, covered_minor=moved_minor if covered else 0)

    await still_edge.take(first)
    await still_edge.commits.run(decide, origin="clock")
    await still_edge.take(payout(number=2, legs=(leg(path="merchant:late", amount_minor=1_200),)))
    assert bool(await still_edge.payout("test-shop/o:o-1.2")) is taken
    assert ["payout_above_paid" in it for it in still_edge.published.dead()] == ([] if taken else [True])
