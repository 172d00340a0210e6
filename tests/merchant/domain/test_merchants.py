"""One decision for creating, changing and agreeing; a repeated wish changes nothing."""

from dataclasses import replace

import pytest
from tests.merchant.examples import FACTS, MARKETPLACE, NOW, RULES, day, merchant, terms, version

from merchant.domain.decisions import Refused
from merchant.domain.merchants import STATE_BYTES_MAX, Decided, Draft, Facts, changed_event, decide
from shared.messages import CategoryRate, encode


def decided(known: object, draft: Draft) -> Decided:
    answer = decide(MARKETPLACE, known, draft, RULES)  # type: ignore[arg-type] # a merchant or None
    assert isinstance(answer, Decided)
    return answer


def refused(known: object, draft: Draft) -> str:
    answer = decide(MARKETPLACE, known, draft, RULES)  # type: ignore[arg-type] # a merchant or None
    assert isinstance(answer, Refused)
    return answer.reason


def test_a_merchant_begins_at_version_one() -> None:
    answer = decided(None, Draft("alice", FACTS))
    assert answer.changed
    assert answer.merchant == merchant()


def test_the_same_facts_again_change_nothing() -> None:
    known = merchant(version=7, blocked=("kyc",))
    answer = decided(known, Draft("alice", replace(FACTS, blocked=("kyc",))))
    assert not answer.changed
    assert answer.merchant == known


def test_each_change_is_a_version() -> None:
    answer = decided(merchant(version=7), Draft("alice", Facts("Alice SE", "distributor", ("kyc", "risk"))))
    assert answer.merchant == merchant(version=8, name="Alice SE", kind="distributor", blocked=("kyc", "risk"))


def test_facts_that_do_not_name_blocks_leave_them_and_an_empty_list_lifts_them() -> None:
    known = merchant(blocked=("kyc",))
    assert decided(known, Draft("alice", FACTS)).merchant.blocked == ("kyc",)
    assert decided(known, Draft("alice", replace(FACTS, blocked=()))).merchant.blocked == ()


def test_a_merchant_and_its_agreement_are_one_change() -> None:
    answer = decided(None, Draft("alice", FACTS, terms()))
    assert answer.merchant.version == 1
    assert answer.agreement is not None
    assert answer.merchant.agreements == (answer.agreement,)


def test_the_same_agreement_again_changes_nothing_and_names_its_version() -> None:
    known = merchant(version(1), version(2, day(10)), version=5)
    answer = decided(known, Draft("alice", FACTS, terms(day(10))))
    assert not answer.changed
    assert answer.agreement == known.agreements[1]


def test_an_agreement_needs_its_merchant() -> None:
    assert refused(None, Draft("alice", terms=terms())) == "merchant_unknown"


@pytest.mark.parametrize("identity", ["platform:commission", "merchant:alice"])
def test_a_merchant_may_not_be_named_like_another_kind_of_receiver(identity: str) -> None:
    assert refused(None, Draft(identity, FACTS)) == "merchant_reserved"


def test_a_refused_agreement_refuses_the_whole_draft() -> None:
    known = merchant(version(1))
    assert refused(known, Draft("alice", Facts("New name", "pop"), terms(NOW))) == "agreement_too_soon"


def test_what_no_longer_fits_a_record_is_refused() -> None:
    rates = tuple(CategoryRate(category=f"{it}".zfill(128), commission_bp=1) for it in range(200))
    agreements = [version(it, day(it), category_rates=rates) for it in range(1, 29)]
    known = merchant(*agreements[:-4])
    assert len(encode(changed_event(known, RULES))) < STATE_BYTES_MAX
    assert refused(merchant(*agreements), Draft("alice", Facts("New name", "pop"))) == "merchant_too_large"


def test_the_event_carries_the_whole_state_less_what_is_long_over() -> None:
    known = merchant(version(1, day(-2_000)), version(2, day(-500)), version(3, day(-10)), version=9, blocked=("kyc",))
    event = changed_event(known, RULES)
    assert (event.marketplace, event.merchant, event.version) == (MARKETPLACE, "alice", 9)
    assert (event.name, event.kind, event.blocked) == (FACTS.name, FACTS.kind, ("kyc",))
    assert [(it.version, it.effective_to) for it in event.agreements] == [(2, day(-10)), (3, None)]
