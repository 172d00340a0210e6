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


FINED = msgspec.structs.replace(SHARE, amount_minor=0, gross_minor=0, adjustments_minor=-500, netted_minor=-500)
FINE: dict[str, Any] = {
    "divided": msgspec.structs.replace(DIVIDED, shares=(FINED,), subsidies=()),
    "payouts": [
        msgspec.structs.replace(PAYOUT, legs=(Leg(LEG, "merchant:driver", 0, 1, "succeeded", "N1", ""),)),
    ],
    "booked": [Booked(KEY, 1, {"merchant:debt/driver": -500, "platform:advance": 500})],
    "stated": [Stated(KEY, LEG, "paid", 0)],
    "moved": {},
}
"""A debit by hand: what its receiver owes from then on."""

CREDITED = (
    msgspec.structs.replace(SHARE, amount_minor=300, gross_minor=0, adjustments_minor=500, netted_minor=200),
    msgspec.structs.replace(
        SHARE,
        path="platform:advance",
        receiver="platform:advance",
        amount_minor=200,
        gross_minor=0,
        adjustments_minor=200,
        state="in_transit",
    ),
)
OWED = {"platform:marketing": -500, "merchant:in_transit/driver": 300, "merchant:debt/driver": 200}


def test_a_debit_by_hand_breaks_no_law() -> None:
    assert found(case(**FINE)) == set()


@pytest.mark.parametrize(
    "entries",
    [
        {"merchant:debt/driver": -500, "platform:commission": 500},
        {"merchant:debt/driver": -400, "platform:advance": 400},
        {"merchant:available/driver": -500, "platform:advance": 500},
    ],
)
def test_a_debit_that_is_booked_otherwise_than_it_says_is_named(entries: dict[str, int]) -> None:
    assert "order_booked" in found(case(**(FINE | {"booked": [Booked(KEY, 1, entries)]})))


def test_of_a_credit_the_platform_gets_no_more_than_its_receiver_owed() -> None:
    divided = msgspec.structs.replace(DIVIDED, shares=CREDITED, subsidies=(Owed(SUBSIDY, 500, "requested"),))
    booked = [
        Booked(KEY, 1, OWED),
        Booked(KEY, 2, {"merchant:in_transit/driver": -300, "channel:clearing/demo-x": 300}),
    ]
    credit = {"divided": divided, "booked": booked}
    laws = {"order_sums", "order_booked", "sellers_money_apart", "breakdown_adds_up"}
    assert not laws & found(case(**credit))
    more = msgspec.structs.replace(CREDITED[1], amount_minor=300, adjustments_minor=300)
    taken = msgspec.structs.replace(divided, shares=(CREDITED[0], more))
    assert laws & found(case(**(credit | {"divided": taken}))) >= {"sellers_money_apart", "order_sums"}


def test_a_charge_is_never_taken_for_an_order() -> None:
    for key, document in ((KEY, "demo-x/c:r1"), ("demo-x/c:r1", "demo-x/o:c:r1"), ("demo-x/r1", "demo-x/o:r1")):
        assert of_document(key) == document
        assert order_of(f"{document}/merchant:driver/1") == key
