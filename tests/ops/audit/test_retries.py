"""A leg that is tried again after a debt was netted of it: less is paid than was asked for first, and that is right."""

from typing import Any

import msgspec
from tests.ops.audit.test_charges import DIVIDED, KEY, LEG, PAYOUT, SHARE

from ops.audit.case import Case, Verdict
from ops.audit.laws import legs
from ops.audit.rows import Leg, Moved, Stated
from ops.places import SETTLED

AGAIN = msgspec.structs.replace(SHARE, amount_minor=300, attempt=2, netted_minor=200)
FIRST = Leg(LEG, "merchant:driver", 500, 1, "failed", "N1", "account_abnormal")
SECOND = Leg(LEG, "merchant:driver", 300, 2, "succeeded", "N3", "")


def found(second: Leg = SECOND, stated_minor: int = 300) -> list[str]:
    """Return what is found about a leg that failed once and was paid then."""
    divided = msgspec.structs.replace(DIVIDED, shares=(AGAIN,), payouts=2, subsidies=())
    case = Case(KEY, divided=divided, stated=[Stated(KEY, LEG, "paid", stated_minor)])
    case.payouts.append(msgspec.structs.replace(PAYOUT, legs=(FIRST,)))
    case.payouts.append(msgspec.structs.replace(PAYOUT, payout="demo-x/c:r1.2", legs=(second,)))
    moved: dict[str, Any] = {"demo-x/N1": ("failed", 500), "demo-x/N3": ("succeeded", second.amount_minor)}
    for number, (state, amount) in moved.items():
        case.add(Moved(KEY, number, state, "payout", "merchant:driver", "CNY", amount))
    verdict = Verdict(SETTLED, 0)
    legs.judge(case, verdict)
    return [it.law for it in verdict.breaches] + [it.breach.law for it in verdict.missing]


def test_an_attempt_for_less_than_the_one_that_failed_breaks_no_law() -> None:
    assert found() == []


def test_an_attempt_for_another_amount_than_split_has_is_named() -> None:
    assert found(msgspec.structs.replace(SECOND, amount_minor=301), stated_minor=301) == ["leg_as_requested"]


def test_a_statement_of_the_attempt_that_failed_is_named() -> None:
    assert found(stated_minor=500) == ["leg_stated"]
