"""A number is executed once, in order, and takes nothing that is not there."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from sandbox.domain.behaviours.about import About
from sandbox.domain.books import ADVANCE, IN_TRANSIT, MARKETING, POOL, Change
from sandbox.domain.execution import conclude, execute, give_back
from sandbox.domain.faults import NORMAL, Faults
from sandbox.domain.payments import Payment
from sandbox.domain.transfers import Kind, Record, Transfer, TransferAnswer, found

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
    assert states(answers) == [(state, None if state == "accepted" else "r")]  # how it will end nobody is told before
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


def moved(kind: Kind, number: str, amount_minor: int, of: str | None = None, receiver: str = "pool") -> Transfer:
    return Transfer(number=number, kind=kind, receiver=receiver, currency="CNY", amount_minor=amount_minor, of=of)


PAID = Record(transfer=payout("n1", 300), state="succeeded", executed_at=NOW)
BOUGHT = About(payments={"p1": Payment(payment_id="p1", amount_minor=500, currency="CNY")})


def test_a_receiver_gives_back_what_a_payout_brought_it_and_not_one_more() -> None:
    batch = [moved("return", f"r{n}", amount, "n1", SHOP) for n, amount in enumerate((200, 101, 100, 1))]
    answers, change = execute(batch, {"n1": PAID}, {}, NORMAL, NOW)
    over = ("refused", "return_above_paid")
    assert states(answers) == [("succeeded", None), over, ("succeeded", None), over]
    assert change.pockets == {(POOL, "CNY"): 300}


@pytest.mark.parametrize(
    ("of", "receiver", "state", "reason"),
    [
        ("n9", SHOP, "succeeded", "return_not_allowed"),
        (None, SHOP, "succeeded", "return_not_allowed"),
        ("n1", SHOP, "accepted", "return_not_allowed"),
        ("n1", SHOP, "returned", "return_not_allowed"),
        ("n1", "merchant:other", "succeeded", "return_not_allowed"),
    ],
)
def test_nobody_gives_back_what_he_has_not_got(of: str | None, receiver: str, state: Any, reason: str) -> None:  # noqa: ANN401 - a literal
    known = {"n1": msgspec.structs.replace(PAID, state=state)}
    answers, change = execute([moved("return", "r1", 1, of, receiver)], known, {}, NORMAL, NOW)
    assert (states(answers), change) == ([("refused", reason)], Change())


def test_a_payout_and_its_return_may_be_one_request() -> None:
    answers, change = execute([payout("n1", 5), moved("return", "r1", 5, "n1", SHOP)], {}, WITH_1000, NORMAL, NOW)
    assert (states(answers), change.pockets) == ([("succeeded", None)] * 2, {(POOL, "CNY"): 0})


def test_the_buyer_gets_back_at_most_what_it_paid() -> None:
    batch = [moved("refund", f"r{n}", amount, "p1", "buyer") for n, amount in enumerate((400, 101, 100))]
    answers, change = execute(batch, {}, WITH_1000, NORMAL, NOW, BOUGHT)
    assert states(answers) == [("succeeded", None), ("refused", "refund_above_paid"), ("succeeded", None)]
    assert change.pockets == {(POOL, "CNY"): -500}


@pytest.mark.parametrize(
    ("of", "receiver", "reason"), [("p9", "buyer", "payment_unknown"), ("p1", SHOP, "receiver_unknown")]
)
def test_a_refund_goes_to_the_buyer_of_a_payment(of: str, receiver: str, reason: str) -> None:
    answers, _ = execute([moved("refund", "r1", 1, of, receiver)], {}, WITH_1000, NORMAL, NOW, BOUGHT)
    assert states(answers) == [("refused", reason)]


def test_what_was_refunded_before_counts() -> None:
    about = About(payments=BOUGHT.payments, used=Counter({("refund", "p1"): 450}))
    answers, _ = execute([moved("refund", "r1", 51, "p1", "buyer")], {}, WITH_1000, NORMAL, NOW, about)
    assert states(answers) == [("refused", "refund_above_paid")]


def test_what_the_platform_adds_comes_out_of_its_own_pockets_and_goes_back_there() -> None:
    balances = {(ADVANCE, "CNY"): 70, (POOL, "CNY"): 0}
    batch = [moved("advance", "a1", 70), moved("advance", "a2", 1), moved("marketing_back", "m1", 30)]
    answers, change = execute(batch, {}, balances, NORMAL, NOW)
    assert states(answers) == [("succeeded", None), ("failed", "insufficient_funds"), ("succeeded", None)]
    assert change.pockets == {(ADVANCE, "CNY"): -70, (POOL, "CNY"): 40, (MARKETING, "CNY"): 30}


def test_a_return_that_is_accepted_brings_its_money_when_it_is_concluded() -> None:
    first = Faults(accept_only=True)
    answers, change = execute([moved("return", "r1", 9, "n1", SHOP)], {"n1": PAID}, {}, first, NOW)
    assert (states(answers), +change.pockets) == ([("accepted", None)], Counter())
    assert conclude(change.records, NORMAL, NOW).pockets == {(POOL, "CNY"): 9}
    assert +conclude(change.records, CLOSED, NOW).pockets == Counter()


def test_what_the_buyers_bank_sends_back_is_in_the_pool_again() -> None:
    refund = Record(transfer=moved("refund", "r1", 9, "p1", "buyer"), state="succeeded", executed_at=NOW)
    back = give_back([refund], "account_closed")
    assert ([it.state for it in back.records], back.pockets) == (["returned"], {(POOL, "CNY"): 9})


def test_no_bank_returns_a_payout_of_which_a_part_was_given_back() -> None:
    assert give_back([PAID], "late", Counter({("return", "n1"): 1})) == Change()


@pytest.mark.parametrize(
    ("faults", "failing"),
    [
        (Faults(fail_receivers={SHOP: "CLOSED"}, kinds=("return",)), {"r1"}),
        (Faults(fail_receivers={SHOP: "CLOSED"}), {"n2", "r1"}),
        (Faults(fail_refunds={"p1": "CLOSED"}), {"b1"}),
        (Faults(fail_refunds={"p2": "CLOSED"}), set()),
        (Faults(fail_refunds={"*": "CLOSED"}), {"b1"}),
    ],
)
def test_a_fault_hits_the_kinds_that_it_names(faults: Faults, failing: set[str]) -> None:
    batch = [payout("n2", 1), moved("return", "r1", 1, "n1", SHOP), moved("refund", "b1", 1, "p1", "buyer")]
    answers, _ = execute(batch, {"n1": PAID}, WITH_1000, faults, NOW, BOUGHT)
    assert {it.number for it in answers if it.state == "failed"} == failing
