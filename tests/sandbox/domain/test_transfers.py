"""A number is executed once, in order, and takes nothing that is not there."""

from datetime import UTC, datetime

import pytest

from sandbox.domain.books import IN_TRANSIT, MARKETING, POOL, Change
from sandbox.domain.faults import NORMAL, Faults
from sandbox.domain.transfers import Record, Transfer, TransferAnswer, conclude, execute, found, give_back

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
SHOP = "merchant:shop"
WITH_1000 = {(POOL, "CNY"): 1000}
CLOSED = Faults(fail_receivers={SHOP: "ACCOUNT_ABNORMAL"})


def payout(number: str, amount_minor: int, receiver: str = SHOP) -> Transfer:
    return Transfer(number=number, kind="payout", receiver=receiver, currency="CNY", amount_minor=amount_minor)


def subsidy(number: str, amount_minor: int) -> Transfer:
    return Transfer(number=number, kind="subsidy", currency="CNY", amount_minor=amount_minor)


def states(answers: list[TransferAnswer]) -> list[tuple[str, str | None]]:
    return [(answer.state, answer.reason) for answer in answers]


def test_a_payout_goes_from_the_pool_to_its_receiver() -> None:
    answers, change = execute([payout("n1", 300)], {}, WITH_1000, NORMAL, NOW)
    assert states(answers) == [("succeeded", None)]
    assert answers[0].executed_at == NOW
    assert change.pockets == {(POOL, "CNY"): -300}
    assert [(it.state, it.transfer) for it in change.records] == [("succeeded", payout("n1", 300))]


def test_the_last_unit_can_be_paid_and_not_one_more() -> None:
    answers, change = execute([payout("n1", 1000), payout("n2", 1)], {}, WITH_1000, NORMAL, NOW)
    assert states(answers) == [("succeeded", None), ("failed", "insufficient_funds")]
    assert change.pockets[POOL, "CNY"] == -1000


def test_a_payout_too_large_does_not_stop_the_ones_behind_it() -> None:
    answers, _ = execute([payout("n1", 1001), payout("n2", 1000)], {}, WITH_1000, NORMAL, NOW)
    assert states(answers) == [("failed", "insufficient_funds"), ("succeeded", None)]


def test_a_subsidy_pays_for_the_payouts_behind_it() -> None:
    balances = {(MARKETING, "CNY"): 50}
    answers, change = execute([subsidy("s1", 50), payout("n1", 50)], {}, balances, NORMAL, NOW)
    assert states(answers) == [("succeeded", None), ("succeeded", None)]
    assert change.pockets == {(MARKETING, "CNY"): -50, (POOL, "CNY"): 0}


def test_a_subsidy_without_funds_fails() -> None:
    answers, change = execute([subsidy("s1", 51)], {}, {(MARKETING, "CNY"): 50}, NORMAL, NOW)
    assert states(answers) == [("failed", "insufficient_funds")]
    assert not +change.pockets
    assert not -change.pockets


def test_money_of_one_currency_pays_nothing_in_another() -> None:
    answers, _ = execute([payout("n1", 1)], {}, {(POOL, "JPY"): 1000}, NORMAL, NOW)
    assert states(answers) == [("failed", "insufficient_funds")]


@pytest.mark.parametrize("state", ["succeeded", "accepted", "failed"])
def test_a_repeated_number_gets_the_same_answer_and_moves_nothing(state: str) -> None:
    known = Record(transfer=payout("n1", 300), state=state, reason="r", executed_at=NOW)  # type: ignore[arg-type]
    answers, change = execute([payout("n1", 300)], {"n1": known}, WITH_1000, NORMAL, NOW)
    assert states(answers) == [(state, "r")]
    assert change == Change()


def test_a_number_twice_in_one_request_is_executed_once() -> None:
    answers, change = execute([payout("n1", 300), payout("n1", 300)], {}, WITH_1000, NORMAL, NOW)
    assert states(answers) == [("succeeded", None)] * 2
    assert change.pockets == {(POOL, "CNY"): -300}


@pytest.mark.parametrize(
    "other", [payout("n1", 301), payout("n1", 300, "merchant:other"), subsidy("n1", 300)], ids=["amount", "to", "kind"]
)
def test_a_number_means_one_transfer_for_ever(other: Transfer) -> None:
    answers, change = execute([payout("n1", 300), other], {}, WITH_1000, NORMAL, NOW)
    assert states(answers) == [("succeeded", None), ("refused", "number_reused")]
    assert len(change.records) == 1


@pytest.mark.parametrize("receiver", [SHOP, "platform:commission", "platform:fee", "platform:tax", "platform:advance"])
def test_sellers_and_what_the_platform_earns_are_paid(receiver: str) -> None:
    answers, _ = execute([payout("n1", 1, receiver)], {}, WITH_1000, NORMAL, NOW)
    assert states(answers) == [("succeeded", None)]


@pytest.mark.parametrize("receiver", ["pool", "platform:marketing", "in_transit", "merchant:", "bank", "xmerchant:a"])
def test_money_is_paid_to_receivers_only(receiver: str) -> None:
    answers, change = execute([payout("n1", 1, receiver)], {}, WITH_1000, NORMAL, NOW)
    assert states(answers) == [("refused", "receiver_unknown")]
    assert change == Change()


def test_a_transfer_of_nothing_is_refused_and_its_number_stays_free() -> None:
    answers, _ = execute([payout("n1", 0), payout("n1", 5)], {}, WITH_1000, NORMAL, NOW)
    assert states(answers) == [("refused", "amount_zero"), ("succeeded", None)]


def test_a_closed_receiver_fails_with_its_reason_and_the_money_stays() -> None:
    answers, change = execute([payout("n1", 5), payout("n2", 5, "merchant:b")], {}, WITH_1000, CLOSED, NOW)
    assert states(answers) == [("failed", "ACCOUNT_ABNORMAL"), ("succeeded", None)]
    assert change.pockets == {(POOL, "CNY"): -5}


def test_accepted_money_has_left_the_pool_and_not_arrived() -> None:
    answers, change = execute([payout("n1", 600), payout("n2", 600)], {}, WITH_1000, Faults(accept_only=True), NOW)
    assert states(answers) == [("accepted", None), ("failed", "insufficient_funds")]
    assert answers[0].executed_at is None
    assert change.pockets == {(POOL, "CNY"): -600, (IN_TRANSIT, "CNY"): 600}


def test_an_accepted_transfer_arrives_when_it_is_concluded() -> None:
    accepted = [Record(transfer=transfer, state="accepted") for transfer in (payout("n1", 600), subsidy("s1", 9))]
    change = conclude(accepted, NORMAL, NOW)
    assert [(record.state, record.executed_at) for record in change.records] == [("succeeded", NOW)] * 2
    assert change.pockets == {(IN_TRANSIT, "CNY"): -609, (POOL, "CNY"): 9}


def test_an_accepted_transfer_to_a_closed_receiver_goes_back_where_it_came_from() -> None:
    change = conclude([Record(transfer=payout("n1", 600), state="accepted")], CLOSED, NOW)
    assert [(record.state, record.reason) for record in change.records] == [("failed", "ACCOUNT_ABNORMAL")]
    assert change.pockets == {(IN_TRANSIT, "CNY"): -600, (POOL, "CNY"): 600}


def test_an_unknown_number_is_told_without_an_amount() -> None:
    assert found("n9", None).state == "not_found"
    known = found("n1", Record(transfer=payout("n1", 5), state="failed", reason="insufficient_funds"))
    assert (known.state, known.reason, known.amount_minor) == ("failed", "insufficient_funds", 5)


def test_what_a_bank_returns_is_in_the_pool_again_and_its_number_is_not_executed_anew() -> None:
    _, change = execute([payout("n1", 300), payout("n2", 900)], {}, WITH_1000, NORMAL, NOW)
    known = {it.transfer.number: it for it in change.records}
    back = give_back(known.values(), "account closed")
    assert [(it.transfer.number, it.state, it.reason) for it in back.records] == [("n1", "returned", "account closed")]
    assert back.pockets == {(POOL, "CNY"): 300}
    known |= {it.transfer.number: it for it in back.records}
    assert give_back(known.values(), "again").records == []
    answers, change = execute([payout("n1", 300)], known, WITH_1000, NORMAL, NOW)
    assert (states(answers), change.records) == ([("returned", "account closed")], [])
    assert found("n1", known["n1"]).state == "returned"


def test_a_subsidy_is_no_banks_to_return() -> None:
    _, change = execute([subsidy("s1", 50)], {}, {(MARKETING, "CNY"): 50}, NORMAL, NOW)
    assert give_back(change.records, "why").records == []
