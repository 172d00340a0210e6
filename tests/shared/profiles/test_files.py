"""The profiles' files: every institution that has to work is there, and each mistake is named where it stands."""

from pathlib import Path

import msgspec
import pytest

from shared.profiles import FOLDER, Profile, ProfilesError, load, shipped

NAMED = {
    "wechat-profit-sharing",
    "wechat-ecommerce",
    "alipay-split",
    "pingan-witness",
    "allinpay-strong-1",
    "allinpay-strong-2",
    "allinpay-weak",
    "touronghui-ezhangtong",
    "touronghui-eqingsuan",
    "touronghui-zhifutong",
    "kuaijietong",
    "stripe-connect",
    "sandbox-direct",
}
"""As money.md 2 has them; Alipay's two modes are a file each."""


def profile(name: str) -> Profile:
    found = shipped().find(name)
    assert found is not None
    return found


def test_every_profile_that_has_to_work_is_there() -> None:
    assert {it.name for it in shipped()} == NAMED | {"alipay-split-sync"}
    assert shipped().find("paypal") is None


def test_who_collects_is_as_the_rules_say() -> None:
    collectors = {it.name: it.collector for it in shipped()}
    merchants = {"wechat-profit-sharing", "wechat-ecommerce", "alipay-split", "alipay-split-sync"}
    assert {name for name, it in collectors.items() if it == "merchant"} == merchants
    assert {name for name, it in collectors.items() if it == "platform"} == {"stripe-connect"}


def test_wechat_is_as_its_documents_say() -> None:
    wechat = profile("wechat-profit-sharing")
    assert (wechat.receivers_per_request_max, wechat.requests_per_order_max) == (50, 50)
    assert (wechat.freeze_days, wechat.split_after_payment_s, wechat.split_after_release) == (30, 60, False)
    assert wechat.cap is not None
    assert wechat.returns is not None
    assert (wechat.returns.days, wechat.returns.receiver_kinds) == (180, ("merchant",))
    assert wechat.failures.retryable == {"RECEIVER_RECEIPT_LIMIT": "next_month"}
    for_platforms = profile("wechat-ecommerce")
    assert (for_platforms.freeze_days, for_platforms.subsidies is not None) == (180, True)


@pytest.mark.parametrize(("agreed", "cap"), [(None, 3_000), (5_000, 5_000), (50, 100), (10_000, 10_000)])
def test_a_cap_is_what_is_agreed_as_far_as_the_institution_allows_it(agreed: int | None, cap: int) -> None:
    wechat = profile("wechat-profit-sharing")
    assert wechat.cap is not None
    assert wechat.cap.of(agreed) == cap


def test_alipays_modes_differ_in_what_they_take_at_once() -> None:
    later, now = profile("alipay-split"), profile("alipay-split-sync")
    assert (later.receivers_per_request_max, later.requests_per_order_max, later.partial_success) == (50, 300, True)
    assert (now.receivers_per_request_max, now.requests_per_order_max, now.partial_success) == (5, 50, False)
    differ = {name for name in Profile.__struct_fields__ if getattr(later, name) != getattr(now, name)}
    same = {"name", "title", "receivers_per_request_max", "requests_per_order_max", "partial_success"}
    assert differ == same


def test_a_profile_never_changes() -> None:
    with pytest.raises(AttributeError):
        profile("sandbox-direct").freeze_days = 1  # type: ignore[misc]
    assert shipped() is shipped()


WRONG = {
    "collector: pool": ("collector: bank", r"\$\.collector"),
    "partial_success: true": ("partial_success: maybe", r"\$\.partial_success"),
    "split_after_payment_s: 0": ("split_after_payment_s: -1", r"\$\.split_after_payment_s"),
    "freeze_days: null": ("freeze_days: 0", r"\$\.freeze_days"),
    "cap: null": ("cap: {default_bp: 5, least_bp: 6, most_bp: 7}", r"default_bp .*\$\.cap"),
    "may_go_negative: false": ("may_go_negative: false\ncolour: red", "colour"),
    "finish: false": ("finish: true", "finish: only where the merchant collects"),
    "receivers_bound_first: false": ("receivers_bound_first: true", "receivers_bound_max: no number"),
    "receivers_per_request_max: null": ("receivers_per_request_max: 9", "receivers_per_request_max: only where"),
    "combined_payment: false": ("combined_payment: true", "combined_payment: only where"),
    "receivers_bound_max: null\n": ("", "`receivers_bound_max`"),
    "name: sandbox-direct": ("name: sandbox", "name: is 'sandbox'"),
    "  days: null": ("  days: 1.5", r"\$\.returns\.days"),
    "insufficient_funds: at_once": ("insufficient_funds: soon", r"\$\.failures\.retryable"),
    "never: [ACCOUNT_ABNORMAL": ("never: [insufficient_funds", "insufficient_funds is both"),
    "amount_max_minor: {}": ("amount_max_minor: {cny: 1}", r"\$\.subsidies\.amount_max_minor"),
    "title: Sandbox, direct": ("title: a\ntitle: b", "title stands there twice"),
    "requests_per_order_max: null": ("requests_per_order_max: [", "not YAML"),
}


@pytest.mark.parametrize("right", WRONG)
def test_a_bad_file_is_refused_with_the_place(right: str, tmp_path: Path) -> None:
    content = (FOLDER / "sandbox-direct.yaml").read_text(encoding="utf-8")
    wrong, place = WRONG[right]
    assert right in content
    (tmp_path / "sandbox-direct.yaml").write_text(content.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(ProfilesError, match=place) as refused:
        load(tmp_path)
    assert str(tmp_path / "sandbox-direct.yaml") in str(refused.value)


def test_a_file_that_is_no_profile_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nothing.yaml").write_text("", encoding="utf-8")
    with pytest.raises(ProfilesError, match=r"nothing\.yaml"):
        load(tmp_path)
    (tmp_path / "nothing.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ProfilesError, match="not YAML"):
        load(tmp_path)


def test_no_field_of_a_profile_has_a_default() -> None:
    assert [it.name for it in msgspec.structs.fields(Profile) if not it.required] == []
