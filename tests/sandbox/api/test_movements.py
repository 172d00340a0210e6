"""Money in and out over HTTP, on a real file: idempotent by the caller's number, exact, and slow on demand."""

from typing import Any

import httpx
from tests.sandbox.disk import log_of, no_file_grows_beyond, no_space_for

from sandbox.settings import Settings

SHOP = "merchant:shop"


def payment(number: str, amount_minor: int, fee_minor: int = 0) -> dict[str, Any]:
    return {"payment_id": number, "amount_minor": amount_minor, "currency": "CNY", "fee_minor": fee_minor}


def payout(number: str, amount_minor: int, receiver: str = SHOP) -> dict[str, Any]:
    return {
        "number": number,
        "kind": "payout",
        "receiver": receiver,
        "currency": "CNY",
        "amount_minor": amount_minor,
    }


def subsidy(number: str, amount_minor: int) -> dict[str, Any]:
    return {"number": number, "kind": "subsidy", "currency": "CNY", "amount_minor": amount_minor}


async def pay(institution: httpx.AsyncClient, *payments: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await institution.post("payments", json={"payments": payments})
    assert answer.status_code == 200, answer.text
    answers: list[dict[str, Any]] = answer.json()["payments"]
    return answers


async def transfer(institution: httpx.AsyncClient, *transfers: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await institution.post("transfers", json={"transfers": transfers})
    assert answer.status_code == 200, answer.text
    answers: list[dict[str, Any]] = answer.json()["transfers"]
    return answers


async def ask(institution: httpx.AsyncClient, *numbers: str) -> list[dict[str, Any]]:
    answer = await institution.post("transfers/query", json={"numbers": numbers})
    assert answer.status_code == 200, answer.text
    answers: list[dict[str, Any]] = answer.json()["transfers"]
    return answers


async def pockets(institution: httpx.AsyncClient) -> dict[str, int]:
    rows = (await institution.get("balances")).json()["pockets"]
    return {row["pocket"]: row["balance_minor"] for row in rows}


async def received(institution: httpx.AsyncClient) -> dict[str, int]:
    rows = (await institution.get("receivers")).json()["receivers"]
    return {row["receiver"]: row["balance_minor"] for row in rows}


async def test_a_payment_is_known_to_who_asks_in_the_order_asked(institution: httpx.AsyncClient) -> None:
    await pay(institution, payment("p1", 1000, 6), payment("p2", 50))
    asked = await institution.post("payments/query", json={"payment_ids": ["p2", "p9", "p1"]})
    assert asked.json()["payments"] == [
        {"payment_id": "p2", "state": "succeeded", "amount_minor": 50, "currency": "CNY", "fee_minor": 0},
        {"payment_id": "p9", "state": "not_found"},
        {"payment_id": "p1", "state": "succeeded", "amount_minor": 1000, "currency": "CNY", "fee_minor": 6},
    ]
    assert await pockets(institution) == {"pool": 1044}


async def test_a_payment_sent_again_in_another_request_counts_once(institution: httpx.AsyncClient) -> None:
    first = await pay(institution, payment("p1", 1000))
    assert await pay(institution, payment("p1", 1000)) == first
    differing = await pay(institution, payment("p1", 999), payment("p2", 1))
    assert [(answer["state"], answer["reason"]) for answer in differing] == [
        ("refused", "payment_differs"),
        ("succeeded", None),
    ]
    assert await pockets(institution) == {"pool": 1001}


async def test_a_fund_sent_again_has_the_same_answer(institution: httpx.AsyncClient) -> None:
    fund = {"fund_id": "f1", "pocket": "platform:marketing", "currency": "CNY", "amount_minor": 70}
    first = await institution.post("funds", json=fund)
    again = await institution.post("funds", json=fund)
    other = await institution.post("funds", json=fund | {"amount_minor": 71})
    assert (first.status_code, first.json()) == (200, fund | {"state": "succeeded"})
    assert again.json() == first.json()
    assert (other.status_code, other.json()["reason"]) == (409, "fund_differs")
    assert await pockets(institution) == {"platform:marketing": 70}


async def test_a_subsidy_and_the_payouts_behind_it_are_one_request(institution: httpx.AsyncClient) -> None:
    await pay(institution, payment("p1", 100))
    fund = {"fund_id": "f1", "pocket": "platform:marketing", "currency": "CNY", "amount_minor": 20}
    await institution.post("funds", json=fund)
    answers = await transfer(institution, subsidy("s1", 20), payout("n1", 110), payout("n2", 10, "platform:commission"))
    assert [answer["state"] for answer in answers] == ["succeeded"] * 3
    assert await pockets(institution) == {"platform:marketing": 0, "pool": 0}
    assert await received(institution) == {"merchant:shop": 110, "platform:commission": 10}


async def test_a_transfer_sent_again_has_the_same_answer_to_the_millisecond(institution: httpx.AsyncClient) -> None:
    await pay(institution, payment("p1", 100))
    first = await transfer(institution, payout("n1", 100), payout("n2", 1))
    assert [(answer["state"], answer["reason"]) for answer in first] == [
        ("succeeded", None),
        ("failed", "insufficient_funds"),
    ]
    await pay(institution, payment("p2", 100))
    assert await transfer(institution, payout("n1", 100), payout("n2", 1)) == first
    assert await pockets(institution) == {"pool": 100}


async def test_the_same_money_under_two_numbers_shows_because_the_pool_ends(institution: httpx.AsyncClient) -> None:
    await pay(institution, payment("p1", 100))
    await transfer(institution, payout("n1", 100))
    twice = await transfer(institution, payout("n2", 100))
    assert (twice[0]["state"], twice[0]["reason"]) == ("failed", "insufficient_funds")


async def test_a_number_used_for_another_transfer_is_refused(institution: httpx.AsyncClient) -> None:
    await pay(institution, payment("p1", 100))
    await transfer(institution, payout("n1", 10))
    answers = await transfer(institution, payout("n1", 11), payout("n2", 5))
    assert [(answer["state"], answer["reason"]) for answer in answers] == [
        ("refused", "number_reused"),
        ("succeeded", None),
    ]
    assert [(known["state"], known["amount_minor"]) for known in await ask(institution, "n1")] == [("succeeded", 10)]


async def test_accounts_share_neither_numbers_nor_money(institution: httpx.AsyncClient) -> None:
    await pay(institution, payment("p1", 100))
    answer = await institution.post(
        "http://institution/v1/accounts/acc0/transfers", json={"transfers": [payout("n1", 1)]}
    )
    assert answer.json()["transfers"][0]["reason"] == "insufficient_funds"
    assert (await institution.get("http://institution/v1/accounts/ac/payments")).json()["payments"] == []


async def test_a_thousand_of_each_fit_in_one_request(institution: httpx.AsyncClient) -> None:
    paid = await pay(institution, *(payment(f"p{n}", 10) for n in range(1000)))
    out = await transfer(institution, *(payout(f"n{n}", 10, f"merchant:{n % 300}") for n in range(1000)))
    assert {answer["state"] for answer in paid + out} == {"succeeded"}
    assert await pockets(institution) == {"pool": 0}
    assert sum((await received(institution)).values()) == 10_000
    assert {known["state"] for known in await ask(institution, *(f"n{n}" for n in range(1000)))} == {"succeeded"}


async def test_an_accepted_transfer_succeeds_at_the_next_query(institution: httpx.AsyncClient) -> None:
    await pay(institution, payment("p1", 100))
    await institution.put("faults", json={"accept_only": True})
    assert [answer["state"] for answer in await transfer(institution, payout("n1", 60), payout("n2", 60))] == [
        "accepted",
        "failed",
    ]
    assert await pockets(institution) == {"in_transit": 60, "pool": 40}
    assert [(known["state"], known["executed_at"] is None) for known in await ask(institution, "n1", "n2", "n3")] == [
        ("succeeded", False),
        ("failed", True),
        ("not_found", True),
    ]
    assert await pockets(institution) == {"in_transit": 0, "pool": 40}
    assert await received(institution) == {SHOP: 60}


async def test_an_accepted_transfer_may_still_fail(institution: httpx.AsyncClient) -> None:
    await pay(institution, payment("p1", 100))
    await institution.put("faults", json={"accept_only": True, "fail_receivers": {SHOP: "ACCOUNT_ABNORMAL"}})
    assert (await transfer(institution, payout("n1", 60)))[0]["state"] == "accepted"
    assert (await ask(institution, "n1"))[0]["reason"] == "ACCOUNT_ABNORMAL"
    assert await pockets(institution) == {"in_transit": 0, "pool": 100}


async def test_a_closed_receiver_fails_until_it_is_opened(institution: httpx.AsyncClient) -> None:
    await pay(institution, payment("p1", 100))
    await institution.put("faults", json={"operations": ["transfers"], "fail_receivers": {SHOP: "ACCOUNT_ABNORMAL"}})
    answers = await transfer(institution, payout("n1", 60), payout("n2", 10, "merchant:b"))
    assert [(answer["state"], answer["reason"]) for answer in answers] == [
        ("failed", "ACCOUNT_ABNORMAL"),
        ("succeeded", None),
    ]
    await institution.delete("faults")
    assert [a["state"] for a in await transfer(institution, payout("n1", 60), payout("n3", 60))] == [
        "failed",
        "succeeded",
    ]


async def test_a_closed_institution_does_nothing(institution: httpx.AsyncClient) -> None:
    await institution.put("faults", json={"operations": ["payments"], "answer": "unavailable", "remaining": 2})
    body = {"payments": [payment("p1", 100)]}
    for _ in range(2):
        closed = await institution.post("payments", json=body)
        assert (closed.status_code, closed.json()["reason"]) == (503, "unavailable")
    assert await pockets(institution) == {}
    assert (await institution.post("payments", json=body)).status_code == 200
    assert await pockets(institution) == {"pool": 100}


async def test_a_slow_institution_answers_late_and_right(institution: httpx.AsyncClient) -> None:
    await institution.put("faults", json={"latency_s": 0.05, "remaining": 1})
    assert (await pay(institution, payment("p1", 100)))[0]["state"] == "succeeded"
    assert (await institution.get("faults")).json()["remaining"] == 0


async def test_a_balance_beyond_what_books_can_hold_is_refused_as_a_whole(institution: httpx.AsyncClient) -> None:
    most = 10**13
    await pay(institution, *(payment(f"p{n}", most) for n in range(900)))
    body = {"payments": [payment(f"q{n}", most) for n in range(10)]}
    refused = await institution.post("payments", json=body)
    assert (refused.status_code, refused.json()["reason"]) == (409, "balance_out_of_range")
    assert await pockets(institution) == {"pool": 900 * most}
    unknown = await institution.post("payments/query", json={"payment_ids": ["q0"]})
    assert unknown.json()["payments"][0]["state"] == "not_found"


async def test_a_disk_that_fails_in_the_commit_is_told_as_an_unknown_outcome_and_asking_tells(
    institution: httpx.AsyncClient, settings: Settings
) -> None:
    """Fails when it is a 503: payments takes that for a promise that nothing was done."""
    await pay(institution, payment("p1", 10))
    with no_file_grows_beyond(log_of(settings.database)):
        answer = await institution.post("transfers", json={"transfers": [payout("n1", 4)]})
    assert (answer.status_code, answer.json()["reason"]) == (504, "outcome_unknown")
    assert [it["state"] for it in await ask(institution, "n1")] == ["not_found"]
    assert [it["state"] for it in await transfer(institution, payout("n1", 4))] == ["succeeded"]


async def test_a_full_disk_is_told_as_nothing_done(institution: httpx.AsyncClient, settings: Settings) -> None:
    await pay(institution, payment("p1", 10))
    with no_space_for(log_of(settings.database)):
        answer = await institution.post("transfers", json={"transfers": [payout("n1", 4)]})
    assert (answer.status_code, answer.json()["reason"]) == (503, "store_unavailable")
    assert [it["state"] for it in await ask(institution, "n1")] == ["not_found"]
