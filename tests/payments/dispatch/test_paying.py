"""Payouts at the real institution: every leg is paid exactly once, whatever happens on the way."""

import asyncio

import pytest
from tests.payments.edge import Edge, Institution, until
from tests.payments.examples import ACCOUNT, NOW, order, payment, payout, subsidy

from payments.channels.sandbox import SandboxChannel
from payments.dispatch.lanes import Line, NotRecordedError
from payments.dispatch.paying import Paying
from payments.domain.payouts import requested
from payments.store.payouts import Payouts
from shared.messages import PayoutSettled
from shared.mongo import Database


@pytest.fixture
async def paid(edge: Edge, institution: Institution) -> Edge:
    """Return payments with order o-1 accepted: 12.00 in the pool."""
    await institution.pay(payment("pay-o-1"))
    await edge.take(order())
    await edge.order_in("accepted")
    return edge


async def broken(*_: object) -> None:
    raise KeyError


def revisions(edge: Edge) -> list[tuple[int, set[str]]]:
    return [(it.revision, {leg.state for leg in it.legs}) for it in edge.published.events(PayoutSettled)]


async def test_legs_are_paid_and_the_order_is_settled(paid: Edge, institution: Institution) -> None:
    await paid.take(payout())
    stored = await paid.payout_in("final")
    assert [it["state"] for it in stored["legs"]] == ["succeeded"] * 2
    assert await paid.unpaid_minor() == 0
    assert revisions(paid) == [(1, {"succeeded"})]
    balances = await institution.balances()
    assert (balances["pool"], balances["merchant:alice"], balances["platform:commission"]) == (0, 1_080, 120)


async def test_a_leg_that_fails_is_told_with_its_reason_and_stays_in_the_pool(
    paid: Edge, institution: Institution
) -> None:
    await institution.fault(fail_receivers={"merchant:alice": "ACCOUNT_ABNORMAL"})
    await paid.take(payout())
    stored = await paid.payout_in("final")
    assert [(it["state"], it["reason"]) for it in stored["legs"]] == [
        ("failed", "ACCOUNT_ABNORMAL"),
        ("succeeded", None),
    ]
    assert [it["state"] for it in stored["legs"]] == ["failed", "succeeded"]
    assert await paid.unpaid_minor() == 1_080
    assert (await institution.balances())["pool"] == 1_080


@pytest.mark.parametrize("lost", ["drop_after", "drop_before"])
async def test_a_lost_answer_is_unknown_and_then_paid_exactly_once(
    paid: Edge, institution: Institution, lost: str
) -> None:
    await institution.fault(operations=["transfers"], answer=lost, remaining=1)
    await paid.take(payout())
    unknown = await paid.payout_in("unknown")
    assert (unknown["state"], {it["state"] for it in unknown["legs"]}) == ("waiting", {"unknown"})
    await paid.let_time_pass()
    await paid.payout_in("final")
    assert revisions(paid) == [(1, {"unknown"}), (2, {"succeeded"})]
    assert [it["amount_minor"] for it in await institution.transfers()].count(1_080) == 1
    assert (await institution.balances())["merchant:alice"] == 1_080


async def test_an_outcome_stays_unknown_for_as_long_as_nobody_answers(paid: Edge, institution: Institution) -> None:
    await institution.fault(operations=["transfers"], answer="drop_after", remaining=1)
    await paid.take(payout())
    unknown = await paid.payout_in("unknown")
    await institution.fault(operations=["transfers/query"], answer="drop_before", remaining=1)
    await paid.let_time_pass()
    await paid.payout_in("final")
    assert unknown["asks"] == 1
    assert revisions(paid) == [(1, {"unknown"}), (2, {"succeeded"})]


async def test_a_closed_institution_delays_payouts_and_nothing_is_unknown(paid: Edge, institution: Institution) -> None:
    await institution.fault(operations=["transfers"], answer="unavailable", remaining=2)
    await paid.take(payout())
    await paid.payout_in("final")
    assert revisions(paid) == [(1, {"succeeded"})]


async def test_a_transfer_that_is_accepted_first_is_asked_for_until_it_is_final(
    paid: Edge, institution: Institution
) -> None:
    await institution.fault(accept_only=True)
    await paid.take(payout())
    await paid.payout_in("accepted")
    assert await paid.unpaid_minor() == 1_200
    await paid.let_time_pass()
    await paid.payout_in("final")
    assert revisions(paid) == [(1, {"accepted"}), (2, {"succeeded"})]
    assert await paid.unpaid_minor() == 0


async def test_a_subsidy_comes_in_before_the_legs_go_out(paid: Edge, institution: Institution) -> None:
    await institution.fund(1_000)
    legs = payout().legs
    await paid.take(payout(subsidies=(subsidy(300),), legs=legs))
    await paid.payout_in("final")
    balances = await institution.balances()
    assert (balances["platform:marketing"], balances["pool"]) == (700, 300)
    assert revisions(paid) == [(1, {"sending"}), (2, {"succeeded"})]


async def test_without_funds_legs_wait_until_there_are_some(paid: Edge, institution: Institution) -> None:
    await paid.take(payout(subsidies=(subsidy(300),)))
    waiting = await paid.payout_in("waiting_funds")
    assert (waiting["state"], {it["state"] for it in waiting["legs"]}) == ("waiting", {"created"})
    await paid.let_time_pass()
    still = await until(paid.payout, lambda it: it["subsidies"][0]["attempt"] == 3 and it["waits"] == "waiting_funds")
    assert still["revision"] == waiting["revision"]
    assert (await institution.balances())["pool"] == 1_200
    await institution.fund(300)
    await paid.let_time_pass()
    await paid.payout_in("final")
    assert (await institution.balances())["platform:marketing"] == 0


async def test_an_institution_that_answers_again_is_asked_at_once(paid: Edge, institution: Institution) -> None:
    await institution.fault(operations=["transfers"], answer="drop_after", remaining=1)
    await paid.take(payout())
    unknown = await paid.payout_in("unknown")
    await institution.pay(payment("pay-o-2"))
    await paid.take(order("o-2"))
    await paid.order_in("accepted", "test-shop/o-2")
    await paid.take(payout("o-2"))  # the lane answers again
    due = await until(paid.payout, lambda it: it["ask_at"] is not None and it["ask_at"] < unknown["ask_at"])
    assert due["waits"] == "unknown"
    await paid.parts.sweep.payouts(paid.parts.transfers)
    await paid.payout_in("final")


async def test_what_cannot_be_recorded_is_told_with_whether_the_institution_answered(
    still_edge: Edge, institution: Institution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Paying, "_record", broken)
    channels = still_edge.parts.channels
    paying = Paying(channels.__getitem__, Payouts(still_edge.database), still_edge.commits)
    answered = list[bool]()
    for answer in ("drop_before", "normal"):
        await institution.fault(operations=["transfers"], answer=answer)
        with pytest.raises(NotRecordedError) as told:
            await paying.send(Line("sandbox-direct", ACCOUNT), [requested(payout(), NOW, NOW)])
        answered.append(told.value.answered)
    assert answered == [False, True]


async def test_two_replicas_with_the_same_payout_tell_of_it_once(
    paid: Edge, database: Database, institution: Institution
) -> None:
    await paid.stop()
    await paid.take(payout())
    replicas = [Edge(database, SandboxChannel(institution.url, timeout_s=5)) for _ in range(2)]
    for replica in replicas:
        await replica.let_time_pass()
    for replica in replicas:
        replica.start()
    await paid.payout_in("final")
    await asyncio.gather(*(replica.let_time_pass() for replica in replicas))
    for replica in replicas:
        await replica.stop()
    assert sorted(it for replica in replicas for it in revisions(replica)) == [(1, {"succeeded"})]
    assert (await institution.balances())["merchant:alice"] == 1_080
    assert await paid.unpaid_minor() == 0
