"""A charge under the audit's laws: a reward has no order at payments, and all else is held to what an order's is."""

from typing import Any

import msgspec
import pytest

from ops.audit.case import Case
from ops.audit.laws import standing
from ops.audit.rows import Booked, Divided, Instructed, Leg, Moved, Owed, Share, Stated
from ops.audit.shapes import of_document, order_of

KEY = "demo-x/charges/r1"
LEG = "demo-x/c:r1/merchant:driver/1"
SUBSIDY = "demo-x/c:r1/platform:marketing/1"
SHARE = Share(
    path="merchant:driver",
    receiver="merchant:driver",
    amount_minor=500,
    state="paid",
    reason="",
    part=1,
    attempt=1,
    gross_minor=500,
    freight_minor=0,
    adjustments_minor=0,
    commission_minor=0,
    fee_minor=0,
    passed_on_minor=0,
)
DIVIDED = Divided(
    order=KEY,
    account="demo-x",
    currency="CNY",
    paid_minor=0,
    pooled_minor=0,
    surcharge_minor=0,
    due_minor=0,
    payouts=1,
    divided_ms=1,
    shares=(SHARE,),
    subsidies=(Owed(SUBSIDY, 500, "succeeded"),),
    charge=True,
)
PAYOUT = Instructed(
    order=KEY,
    payout="demo-x/c:r1.1",
    kind="pay",
    account="demo-x",
    currency="CNY",
    waits="",
    timed=False,
    created_ms=1,
    legs=(
        Leg(LEG, "merchant:driver", 500, 1, "succeeded", "N1", ""),
        Leg(SUBSIDY, "", 500, 1, "succeeded", "N2", ""),
    ),
)
BOOKED = [
    Booked(KEY, 1, {"platform:marketing": -500, "merchant:in_transit/driver": 500}),
    Booked(
        KEY,
        2,
        {
            "merchant:in_transit/driver": -500,
            "platform:marketing": 500,
        },
    ),
]


def case(**changes: Any) -> Case:  # noqa: ANN401 - parts of a case
    given: dict[str, Any] = {"divided": DIVIDED, "payouts": [PAYOUT], "booked": BOOKED}
    given["stated"] = [Stated(KEY, LEG, "paid", 500)]
    given["moved"] = {
        "demo-x/N1": Moved(KEY, "demo-x/N1", "succeeded", "payout", "merchant:driver", "CNY", 500),
        "demo-x/N2": Moved(KEY, "demo-x/N2", "succeeded", "subsidy", "pool", "CNY", 500),
    }
    return Case(KEY, **(given | changes))


def found(it: Case) -> set[str]:
    verdict = standing.judge(it)
    return {breach.law for breach in verdict.breaches} | {missing.hop for missing in verdict.missing}


def test_a_reward_in_good_order_breaks_no_law_and_is_no_order() -> None:
    assert found(case()) == set()
    assert case().is_charge


@pytest.mark.parametrize(
    ("laws", "changes"),
    [
        ({"order_sums", "order_booked"}, {"divided": msgspec.structs.replace(DIVIDED, subsidies=())}),
        ({"order_booked"}, {"booked": BOOKED[:1]}),
        ({"payout", "leg_as_requested"}, {"payouts": []}),
        ({"stated"}, {"stated": []}),
        ({"leg_as_requested", "order_booked"}, {"divided": None, "booked": BOOKED[:1]}),
    ],
)
def test_a_reward_in_disorder_is_named(laws: set[str], changes: dict[str, Any]) -> None:
    assert laws <= found(case(**changes))


def test_a_charge_is_never_taken_for_an_order() -> None:
    for key, document in ((KEY, "demo-x/c:r1"), ("demo-x/c:r1", "demo-x/o:c:r1"), ("demo-x/r1", "demo-x/o:r1")):
        assert of_document(key) == document
        assert order_of(f"{document}/merchant:driver/1") == key
