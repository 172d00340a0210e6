"""Orders that their sellers collect under the audit's laws: the finish comes last, a freeze's end is booked once."""

from typing import Any

import msgspec
import pytest
from tests.ops.audit.test_charges import DIVIDED, PAYOUT, SHARE

from ops.audit.case import Case, Verdict
from ops.audit.laws import books, collected
from ops.audit.rows import Leg, Unfrozen
from ops.places import SETTLED

KEY = "demo-x/1"
OWN = Leg("demo-x/o:1/merchant:driver/1", "merchant:driver", 500, 1, "succeeded", "N2", "")
OTHER = Leg("demo-x/o:1/platform:commission/1", "platform:commission", 100, 1, "succeeded", "N1", "")
ORDER = msgspec.structs.replace(DIVIDED, order=KEY, charge=False, collected=True, payouts=2)
PAID = msgspec.structs.replace(PAYOUT, order=KEY, payout="demo-x/o:1.1", legs=(OTHER,))
FINISHED = msgspec.structs.replace(PAID, payout="demo-x/o:1.2", kind="finish", legs=(OWN,))


def found(*payouts: Any, **changes: Any) -> set[str]:  # noqa: ANN401 - rows, and fields of the order's
    verdict = Verdict(SETTLED, 1)
    order = msgspec.structs.replace(ORDER, **changes)
    collected.judge(Case(KEY, divided=order, payouts=list(payouts)), verdict)
    return {breach.law for breach in verdict.breaches}


def test_a_finish_after_all_others_breaks_no_law() -> None:
    assert found(PAID, FINISHED) == set()
    assert found(msgspec.structs.replace(PAID, waits="checked"), FINISHED) == set()
    assert found(PAID, FINISHED, msgspec.structs.replace(PAID, payout="demo-x/o:1.3", waits="sending")) == set()


@pytest.mark.parametrize(
    "payouts",
    [
        (msgspec.structs.replace(PAID, waits="unknown"), FINISHED),
        (msgspec.structs.replace(PAID, legs=(OTHER, OWN)),),
        (msgspec.structs.replace(FINISHED, legs=(OTHER,)),),
    ],
)
def test_a_finish_that_is_not_the_last_or_not_the_collectors_is_named(payouts: tuple[Any, ...]) -> None:
    assert found(*payouts) == {"finish_last"}
    assert found(*payouts, collected=False) == set()


@pytest.mark.parametrize(
    ("told", "booked", "laws"),
    [
        (("u1",), (Unfrozen("u1", 500, 100),), set()),
        (("u1",), (), {"freeze_end_booked"}),
        ((), (Unfrozen("u1", 500, 100),), {"freeze_end_booked"}),
        (("u1",), (Unfrozen("u1", 500, 100), Unfrozen("u1", 500, 100)), {"freeze_end_booked"}),
        (("u1",), (Unfrozen("u1", 500, 501),), {"freeze_end_booked"}),
    ],
)
def test_the_end_of_a_freeze_is_booked_once(told: Any, booked: Any, laws: set[str]) -> None:  # noqa: ANN401 - rows
    assert found(unfrozen_told=told, unfrozen=booked) == laws


def test_what_the_platform_is_owed_by_a_collector_stands_as_an_advance() -> None:
    own = msgspec.structs.replace(SHARE, state="paid", reason="unfrozen", attempt=0)
    commission = msgspec.structs.replace(
        SHARE, path="platform:commission", receiver="platform:commission", amount_minor=100, state="written_off"
    )
    order = msgspec.structs.replace(
        ORDER, pooled_minor=600, shares=(own, commission), subsidies=(), unfrozen=(Unfrozen("u1", 600, 100),)
    )
    assert books.expected(order) == {"platform:advance": 100}
