"""What a payout leaves on statements: nothing before it is paid, everything explained to the last minor unit."""

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.merchant.examples import MARKETPLACE, NOW, leg, payout, sale

from merchant.domain.statements import ENTRIES, lines_of, owner_of, settlement, unexplained
from shared.messages import Breakdown, LegOutcome

STATES = get_args(LegOutcome.__annotations__["state"])
LEFT = {"succeeded": ["paid"], "returned": ["paid", "returned"]}


@pytest.mark.parametrize("state", STATES)
def test_only_what_was_paid_or_came_back_stands_on_a_statement(state: str) -> None:
    found = settlement(payout(sale(state)))
    kinds = [entry.kind for entry in found.entries] if found else []
    assert kinds == LEFT.get(state, [])


def test_every_state_of_a_leg_has_its_row() -> None:
    assert set(ENTRIES) == set(STATES)


def test_commission_and_sale_are_two_lines_of_one_payment() -> None:
    found = settlement(payout(sale()))
    assert found is not None
    assert (found.marketplace, found.document, found.currency, found.at) == (MARKETPLACE, "o:o-1", "EUR", NOW)
    [entry] = found.entries
    assert (entry.owner, entry.amount_minor) == ("alice", 1_080)
    assert entry.lines == (("gross", 1_000), ("freight", 200), ("commission", -120))


def test_money_that_came_back_is_taken_off_line_by_line() -> None:
    found = settlement(payout(sale("returned")))
    assert found is not None
    paid, returned = found.entries
    assert (paid.amount_minor, returned.amount_minor) == (1_080, -1_080)
    assert returned.lines == (("gross", -1_000), ("freight", -200), ("commission", 120))
    assert paid.identity != returned.identity


def test_each_attempt_at_a_leg_is_an_entry_of_its_own() -> None:
    first = settlement(payout(sale("returned")))
    second = settlement(payout(sale(attempt=2), payout_id="o:o-1.2"))
    assert first is not None
    assert second is not None
    assert len({entry.identity for entry in first.entries + second.entries}) == 3


def test_a_sale_of_nothing_is_kept_on_the_statement() -> None:
    found = settlement(payout(leg(amount_minor=0)))
    assert found is not None
    assert found.entries[0].lines == (("gross", 0),)


def test_a_periodic_statement_leaves_its_lines_elsewhere() -> None:
    assert settlement(payout(sale(), document="s:2026-03/alice")) is None


def test_a_reward_stands_on_its_receivers_statement() -> None:
    stated = settlement(payout(leg(amount_minor=500), document="c:reward-1"))
    assert stated is not None
    assert [(it.owner, it.lines) for it in stated.entries] == [("alice", (("gross", 500),))]


def test_an_amount_that_its_lines_do_not_explain_is_found() -> None:
    wrong = leg("merchant:bob", 100, breakdown=Breakdown(gross_minor=101))
    found = settlement(payout(sale(), wrong))
    assert found is not None
    bad = unexplained(found.entries)
    assert bad is not None
    assert bad.owner == "bob"
    assert unexplained(found.entries[:1]) is None


amounts = st.integers(-(10**13), 10**13)


@given(st.lists(amounts, min_size=6, max_size=6), st.none() | amounts, st.none() | amounts)
def test_lines_sum_to_what_the_breakdown_means(parts: list[int], tax: int | None, netted: int | None) -> None:
    gross, freight, adjustments, commission, fee, passed_on = parts
    breakdown = Breakdown(
        gross_minor=gross,
        freight_minor=freight,
        adjustments_minor=adjustments,
        commission_minor=commission,
        fee_minor=fee,
        passed_on_minor=passed_on,
        commission_tax_minor=msgspec.UNSET if tax is None else tax,
        netted_minor=msgspec.UNSET if netted is None else netted,
    )
    taken = commission + fee + passed_on + (tax or 0) + (netted or 0)
    assert sum(minor for _, minor in lines_of(breakdown)) == gross + freight + adjustments - taken


def test_tax_and_debt_paid_off_are_lines_of_their_own() -> None:
    why = Breakdown(gross_minor=1_000, commission_minor=120, commission_tax_minor=7, netted_minor=300)
    found = settlement(payout(leg(amount_minor=573, breakdown=why)))
    assert found is not None
    assert unexplained(found.entries) is None
    assert found.entries[0].lines == (("gross", 1_000), ("commission", -120), ("commission_tax", -7), ("netted", -300))


def test_merchants_and_the_platform_find_their_statements_by_name() -> None:
    assert owner_of("merchant:alice") == "alice"
    assert owner_of("platform:commission") == "platform:commission"


names = st.text("amp:", max_size=4)
prefixes = st.sampled_from(["merchant:", "platform:", "merchant:merchant:", "merchant:platform:"])


@given(st.tuples(prefixes, names), st.tuples(prefixes, names))
def test_no_two_receivers_share_a_statement(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (owner_of("".join(one)) == owner_of("".join(other))) == ("".join(one) == "".join(other))
