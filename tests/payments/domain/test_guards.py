"""What an institution is not asked for: what its profile lacks, and what leads a seller's money over the platform."""

from typing import Any

import pytest
from tests.payments.examples import NOW, leg, payout, subsidy

from payments.domain.guards import Path, lacking, refusal
from payments.domain.payouts import instructions, requested
from shared.messages import Breakdown, Leg, PayoutRequested, Subsidy
from shared.profiles import Profile, shipped

WECHAT = "wechat-profit-sharing"
KNOWN = Path(payments=("pay-o-1",))


def profile(name: str) -> Profile:
    found = shipped().find(name)
    assert found is not None
    return found


def of(it: Leg | Subsidy, payment: str = "pay-o-1") -> Any:  # noqa: ANN401 - either of the two
    return type(it)(**{name: getattr(it, name) for name in it.__struct_fields__} | {"channel_payment_id": payment})


def commission(amount_minor: int, **why: int) -> Leg:
    return leg(path="platform:commission", amount_minor=amount_minor, breakdown=Breakdown(**why))


def asked(name: str, path: Path = KNOWN, **fields: Any) -> str | None:  # noqa: ANN401 - any field of the contract
    event = payout(channel_profile=name, **fields)
    refused = refusal(event, profile(name), path)
    return refused[0] if refused else None


@pytest.mark.parametrize("it", tuple(shipped()), ids=lambda it: it.name)
def test_a_payout_that_a_profile_can_carry_out_is_asked_of_it(it: Profile) -> None:
    legs = (leg(), commission(120, gross_minor=130, fee_minor=10))
    waived = Path(payments=("pay-o-1",), waived=it.compliance.waiver_needed)
    named = tuple(of(one) for one in legs) if it.collector == "merchant" else legs
    assert asked(it.name, waived, legs=named) is None


@pytest.mark.parametrize("it", tuple(shipped()), ids=lambda it: it.name)
def test_what_a_profile_lacks_is_refused_by_name(it: Profile) -> None:
    path = Path(payments=("pay-o-1",), waived=True)
    named = it.collector == "merchant"
    last = (of(leg()),) if named else (leg(),)
    refused = asked(it.name, path, kind="finish", legs=last)
    assert refused == (None if it.has("finish") else "operation_lacking")
    added = (of(subsidy()),) if named else (subsidy(),)
    assert asked(it.name, path, legs=last, subsidies=added) == (None if it.has("subsidy") else "operation_lacking")
    assert lacking(it, ["return"]) == (None if it.returns else ("operation_lacking", f"{it.name} has no return"))


@pytest.mark.parametrize(
    ("reason", "name", "fields"),
    [
        ("payment_not_named", WECHAT, {"legs": (leg(),)}),
        ("payment_not_of_order", WECHAT, {"legs": (of(leg(), "pay-o-2"),)}),
        ("payment_not_named", "wechat-ecommerce", {"legs": (of(leg()),), "subsidies": (subsidy(),)}),
        ("payment_not_split", "pingan-witness", {"legs": (of(leg()),)}),
    ],
)
def test_only_a_payment_of_the_order_is_split(reason: str, name: str, fields: dict[str, Any]) -> None:
    assert asked(name, **fields) == reason


@pytest.mark.parametrize("name", ["stripe-connect", "allinpay-strong-1"])
def test_without_a_waiver_nothing_goes_by_a_profile_that_needs_one(name: str) -> None:
    assert asked(name) == "waiver_missing"
    assert asked(name, Path(waived=True)) is None


def test_a_sellers_money_does_not_leave_an_account_of_the_platforms_own() -> None:
    """Into that account only the platform's own sales may be paid (自营): their proceeds are its own."""
    assert asked("sandbox-direct", Path(own=True)) == "platform_account"
    assert asked("sandbox-direct", Path(own=True, self_operated={"alice"})) is None


@pytest.mark.parametrize(
    ("amount_minor", "why", "justified"),
    [
        (120, {"gross_minor": 120}, True),
        (121, {"gross_minor": 120}, False),
        (110, {"gross_minor": 120, "fee_minor": 10}, True),
        (120, {"gross_minor": 120, "fee_minor": 10}, False),
        (70, {"adjustments_minor": 70}, True),
        (9_000, {"gross_minor": 10_000, "commission_minor": 1_000}, False),
        (900, {"freight_minor": 900}, False),
        (0, {}, True),
    ],
)
def test_a_leg_to_the_platform_is_what_its_breakdown_accounts_for(
    amount_minor: int,
    why: dict[str, int],
    justified: bool,  # noqa: FBT001 - a table's column
) -> None:
    """A seller's whole breakdown on a leg to the platform is its money on the way over it."""
    refused = asked("sandbox-direct", legs=(commission(amount_minor, **why),))
    assert refused == (None if justified else "platform_leg_unjustified")


def test_an_instruction_says_which_payment_it_is_of_and_that_it_is_the_last() -> None:
    def kinds(event: PayoutRequested) -> list[tuple[str, str | None]]:
        stored = requested(event, NOW, NOW)
        return [(it.kind, it.of) for it in instructions(stored)]

    assert kinds(payout(channel_profile=WECHAT, legs=(of(leg()),))) == [("payout", "pay-o-1")]
    assert kinds(payout(channel_profile=WECHAT, kind="finish", legs=(of(leg()),))) == [("finish", "pay-o-1")]
    assert kinds(payout(legs=(leg(),))) == [("payout", None)]
    assert kinds(payout(channel_profile=WECHAT, legs=(), subsidies=(of(subsidy()),))) == [("subsidy", "pay-o-1")]
