"""The profiles' files: every institution that has to work is there, and each mistake is named where it stands."""

from pathlib import Path

import msgspec
import pytest

from shared.profiles import FOLDER, Custody, Profile, ProfilesError, load, shipped

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
    limits = {"receivers_per_request_max", "requests_per_order_max", "partial_success"}
    assert differ == {"name", "title", "accepts_first", "rates"} | limits


def test_a_profile_never_changes() -> None:
    with pytest.raises(AttributeError):
        profile("sandbox-direct").freeze_days = 1  # type: ignore[misc]
    assert shipped() is shipped()


def test_wechat_says_what_it_says_in_its_own_words() -> None:
    wechat = profile("wechat-profit-sharing")
    assert (wechat.said("receiver_limit"), wechat.meant("RECEIVER_RECEIPT_LIMIT")) == (
        "RECEIVER_RECEIPT_LIMIT",
        "receiver_limit",
    )
    assert (wechat.said("return_too_late"), wechat.meant("SOMETHING_ELSE")) == ("return_too_late", "SOMETHING_ELSE")
    assert len(wechat.callback_schedule_s) == 15
    assert sum(wechat.callback_schedule_s) == 86_640
    assert profile("wechat-ecommerce").rates.per_receiver == {"finish": 60}
    assert (wechat.has("subsidy"), profile("wechat-ecommerce").has("subsidy")) == (False, True)


def test_what_would_be_split_again_or_never_is_in_the_institutions_own_words() -> None:
    """A word of the lists that the institution never says would be a rule that never holds."""
    for it in shipped():
        translated = set(it.codes) - set(it.codes.values())
        assert not translated & (set(it.failures.retryable) | set(it.failures.never)), it.name


def test_custody_is_one_behaviour_with_flags() -> None:
    custody = {it.name: it.custody for it in shipped() if it.custody is not None}
    assert {name for name, it in custody.items() if it.receive_only_merchants} == {"pingan-witness"}
    assert {name for name, it in custody.items() if it.by_hand} == {"allinpay-weak"}
    real = {"touronghui-eqingsuan", "touronghui-zhifutong"}
    assert {name for name, it in custody.items() if it.real_account_needed} == real
    assert len(custody) == 8
    verification = profile("pingan-witness").verification
    assert verification is not None
    assert (verification.micro_deposit_max_minor, verification.code_valid_s) == (50, 120)


def test_what_is_re_routed_or_held_by_the_platform_needs_a_waiver() -> None:
    assert {it.name for it in shipped() if it.compliance.waiver_needed} == {"allinpay-strong-1", "stripe-connect"}
    assert profile("allinpay-strong-1").compliance.rerouted_payout
    assert profile("stripe-connect").compliance.platform_holds


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
    "family: direct": ("family: custody", "custody: exactly for the family"),
    "collector: pool\ncombined": ("collector: platform\ncombined", "family: direct is where the pool collects"),
    "operations: [prove, pay, query": ("operations: [prove, query", "pay is lacking"),
    "[prove, pay, query, return, refund": ("[prove, pay, query, refund", "'return'. is not as"),
    "[prove, pay,": ("[prove, pay, finish,", "'finish'. is not as"),
    "subsidy, advance, bind": ("subsidy, advance, bind, verify", "'verify'. is not as"),
    ", bill, callback]": (", bill, bill, callback]", "one stands there twice"),
    "callback_schedule_s: [15, 15, 30]": ("callback_schedule_s: []", "'callback'. is not as"),
    "custody: null": (
        f"custody: {{{', '.join(f'{name}: false' for name in Custody.__struct_fields__)}}}",
        "custody: exactly for the family",
    ),
    "per_account: {}": ("per_account: {finish: 1}", "rates: finish is no operation here"),
    "codes: {}": ("codes: {closed: X, too_early: X}", "one word for two reasons"),
    "verification: null": (
        "verification: {methods: [code], micro_deposit_max_minor: null, code_valid_s: null}",
        r"code: a method and its figure .*\$\.verification",
    ),
    "platform_holds: false": ("platform_holds: true", "waiver_needed: exactly where"),
    "waiver_needed: false": ("waiver_needed: true", "waiver_needed: exactly where"),
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


CONTRADICTIONS = {
    "accepts_first: true": ("accepts_first: false", "accepts_first: what is done by hand"),
    "receive_only_merchants: false": ("receive_only_merchants: true", "returns: merchants only receive"),
    "bind, verify": ("verify", "verify without bind"),
}


@pytest.mark.parametrize("right", CONTRADICTIONS)
def test_a_custody_profile_that_contradicts_itself_is_refused(right: str, tmp_path: Path) -> None:
    content = (FOLDER / "allinpay-weak.yaml").read_text(encoding="utf-8")
    wrong, place = CONTRADICTIONS[right]
    assert right in content
    (tmp_path / "allinpay-weak.yaml").write_text(content.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(ProfilesError, match=place):
        load(tmp_path)


def test_a_file_that_is_no_profile_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nothing.yaml").write_text("", encoding="utf-8")
    with pytest.raises(ProfilesError, match=r"nothing\.yaml"):
        load(tmp_path)
    (tmp_path / "nothing.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ProfilesError, match="not YAML"):
        load(tmp_path)


def test_no_field_of_a_profile_has_a_default() -> None:
    assert [it.name for it in msgspec.structs.fields(Profile) if not it.required] == []
