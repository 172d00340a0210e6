"""The lifecycle of a binding: every cell of its table, and that nothing changes once it is over."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.payments.examples import NOW

from payments.domain.bindings import ATTEMPTS_MAX, BINDING, Binding, Said, answered, answering, refusal
from shared.profiles import shipped

DIRECT = shipped().find("sandbox-direct")


def binding(**fields: object) -> Binding:
    usual = {
        "marketplace": "m",
        "merchant": "acme",
        "binding_id": "b-1",
        "requested": 1,
        "channel_profile": "sandbox-direct",
        "channel_account": "m",
        "name": "Acme",
        "method": "micro_deposit",
        "last_four": "4711",
        "fingerprint": None,
        "number": "N",
        "state": "requested",
        "requested_at": NOW,
        "origin_time": NOW,
    }
    return msgspec.convert(usual | fields, Binding)


@pytest.mark.parametrize(("state", "event"), list(itertools.product(BINDING, ("verifying", "succeeded", "failed"))))
def test_every_cell_of_the_table(state: str, event: str) -> None:
    before = binding(state=state, revision=3)
    after = answered(before, msgspec.convert({"state": event}, Said), DIRECT, NOW)
    if before.is_final:
        assert after == before
    else:
        assert after.state == event
        assert after.revision == 3 + (after.state != state)


SAID = st.sampled_from([None, Said("verifying"), Said("verifying", "answer_wrong"), Said("succeeded"), Said("failed")])


@given(st.lists(st.tuples(st.sampled_from(["1", "17", "51", "x"]), SAID), max_size=12))
def test_no_merchant_answers_more_than_three_times_and_revisions_never_fall(
    course: list[tuple[str, Said | None]],
) -> None:
    it, taken = answered(binding(), Said("verifying"), DIRECT, NOW), 0
    for answer, said in course:
        after = answering(it, answer, DIRECT, NOW)
        if isinstance(after, Binding):
            taken, it = taken + 1, after
        told = answered(it, said, DIRECT, NOW)
        assert told.revision >= it.revision
        assert not (it.is_final and told != it)
        it = told
    assert taken <= ATTEMPTS_MAX


@pytest.mark.parametrize(
    ("profile", "method", "no"),
    [
        ("sandbox-direct", "code", None),
        ("pingan-witness", "micro_deposit", None),
        ("pingan-witness", "none", "method_not_offered"),
        ("no-profile", "none", "channel_account_unknown"),
    ],
)
def test_what_a_profile_does_not_offer_is_not_sent(profile: str, method: str, no: str | None) -> None:
    assert refusal(shipped().find(profile), method, owned=True) == no  # type: ignore[arg-type] # one of three


def test_who_has_answered_three_times_answers_no_more() -> None:
    assert answering(binding(state="verifying", attempts=ATTEMPTS_MAX), "1", DIRECT, NOW) == "attempts_exhausted"
    assert isinstance(answering(binding(state="verifying", attempts=ATTEMPTS_MAX - 1), "1", DIRECT, NOW), Binding)
