"""The gauges that show money standing still, and the time from order to payout."""

from datetime import timedelta

from tests.payments.edge import Edge, Institution
from tests.payments.examples import order, payment, payout


def value(edge: Edge, name: str, **labels: str) -> float | None:
    return edge.registry.get_sample_value(name, labels)


async def age(edge: Edge, collection: str, field: str) -> None:
    """Let everything in a collection be an hour older."""
    stored = await edge.database[collection].find_one({})
    assert stored is not None
    await edge.database[collection].update_many({}, {"$set": {field: stored[field] - timedelta(hours=1)}})


async def test_what_waits_for_an_institution_shows_its_age_and_then_no_more(
    still_edge: Edge, institution: Institution
) -> None:
    edge = still_edge
    await edge.take(order())
    await age(edge, "handovers", "since")
    await edge.metrics.sample(edge.database, {})
    proving = {"channel": "sandbox-direct", "state": "proving"}
    assert (value(edge, "weir_instructions_oldest_seconds", **proving) or 0) > 3_500

    await institution.pay(payment("pay-o-1"))
    edge.start()
    await edge.order_in("accepted")
    await institution.fault(operations=["transfers"], answer="drop_after", remaining=1)
    await edge.take(payout())
    await edge.payout_in("unknown")
    await age(edge, "payouts", "created_at")
    await edge.metrics.sample(edge.database, {})
    assert value(edge, "weir_instructions_oldest_seconds", **proving) is None
    unknown = {"channel": "sandbox-direct", "state": "unknown"}
    assert (value(edge, "weir_instructions_oldest_seconds", **unknown) or 0) > 3_500

    await edge.let_time_pass()
    await edge.payout_in("final")
    await edge.metrics.sample(edge.database, {})
    assert value(edge, "weir_instructions_oldest_seconds", **unknown) is None


async def test_an_order_paid_out_in_full_is_timed_once(edge: Edge, institution: Institution) -> None:
    await institution.pay(payment("pay-o-1"))
    await edge.take(order())
    await edge.order_in("accepted")
    await edge.take(payout(), payout())
    await edge.payout_in("final")
    assert value(edge, "weir_order_to_payout_seconds_count") == 1


async def test_an_order_whose_leg_failed_is_not_timed(edge: Edge, institution: Institution) -> None:
    await institution.pay(payment("pay-o-1"))
    await edge.take(order())
    await edge.order_in("accepted")
    await institution.fault(fail_receivers={"merchant:alice": "ACCOUNT_ABNORMAL"})
    await edge.take(payout())
    await edge.payout_in("final")
    assert value(edge, "weir_order_to_payout_seconds_count") == 0
