"""What an institution cannot do is not agreed: caps out of its bounds, and money that waits longer than its freeze."""

from dataclasses import replace
from typing import Any

import pytest
from tests.merchant.examples import RULES, terms

from merchant.domain.agreements import Version, agree
from merchant.domain.channels import days
from merchant.domain.decisions import Refused
from merchant.domain.merchants import Draft, Facts, decide

CHANNELS = replace(RULES, profiles=frozenset({"sandbox-direct", "wechat-profit-sharing", "alipay-split"}))


@pytest.mark.parametrize(
    ("profile", "fields", "reason"),
    [
        ("wechat-profit-sharing", {"split_cap_bp": 100}, None),
        ("wechat-profit-sharing", {"split_cap_bp": 10_000}, None),
        ("wechat-profit-sharing", {"split_cap_bp": 99}, "split_cap_invalid"),
        ("alipay-split", {"split_cap_bp": 0}, None),
        ("sandbox-direct", {"split_cap_bp": 5_000}, "split_cap_invalid"),
        ("wechat-profit-sharing", {"trigger": "completed", "trigger_days": 27}, None),
        ("wechat-profit-sharing", {"trigger": "completed", "trigger_days": 28}, "trigger_after_freeze"),
        ("wechat-profit-sharing", {"trigger_days": 15, "trigger_working_days": True}, None),
        ("wechat-profit-sharing", {"trigger_days": 16, "trigger_working_days": True}, "trigger_after_freeze"),
        ("sandbox-direct", {"trigger_days": 365}, None),
        ("wechat-profit-sharing", {"freeze_policy": "let_go"}, None),
        ("alipay-split", {"freeze_policy": "split_now"}, None),
        ("sandbox-direct", {"freeze_policy": "split_now"}, "freeze_policy_unused"),
        ("stripe-connect", {}, "channel_profile_unknown"),
        ("nobody", {}, "channel_profile_unknown"),
    ],
)
def test_an_agreement_keeps_to_its_channel(profile: str, fields: dict[str, Any], reason: str | None) -> None:
    answer = agree((), terms(channel_profile=profile, **fields), None, CHANNELS)
    assert (answer.reason if isinstance(answer, Refused) else None) == reason
    assert isinstance(answer, Version) == (reason is None)


@pytest.mark.parametrize(
    ("kind", "profile", "waived", "own", "reason"),
    [
        ("pop", "stripe-connect", False, False, "waiver_missing"),
        ("pop", "allinpay-strong-1", False, False, "waiver_missing"),
        ("pop", "stripe-connect", True, False, None),
        ("self_operated", "stripe-connect", False, False, None),
        ("pop", "sandbox-direct", False, True, "platform_account"),
        ("distributor", "sandbox-direct", False, True, "platform_account"),
        ("self_operated", "sandbox-direct", False, True, None),
        ("pop", "sandbox-direct", False, False, None),
    ],
)
def test_a_seller_agrees_to_no_profile_by_which_its_money_would_take_a_way_over_the_platform(
    kind: Any,  # noqa: ANN401 - a literal
    profile: str,
    reason: str | None,
    *,
    waived: bool,
    own: bool,
) -> None:
    """Its own sales are the platform's own money (自营)."""
    here = frozenset({profile})
    rules = replace(RULES, profiles=here, waived=here if waived else frozenset(), own=here if own else frozenset())
    draft = Draft("m1", Facts("m1", kind), terms(channel_profile=profile))
    answer = decide("test-a", None, draft, rules)
    assert (answer.reason if isinstance(answer, Refused) else None) == reason


@pytest.mark.parametrize(("working", "calendar"), [(0, 0), (1, 7), (5, 7), (6, 14), (10, 14)])
def test_working_days_are_counted_in_whole_weeks(working: int, calendar: int) -> None:
    assert days(working, working=True) == calendar
    assert days(working, working=False) == working
