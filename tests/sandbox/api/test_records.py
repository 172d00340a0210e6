"""The record can be read to its end while it grows, and holds every number once."""

import httpx
import pytest

pytestmark = pytest.mark.infra


async def pay(institution: httpx.AsyncClient, *numbers: str) -> None:
    payments = [{"payment_id": number, "amount_minor": 10, "currency": "CNY"} for number in numbers]
    assert (await institution.post("payments", json={"payments": payments})).status_code == 200


async def test_pages_follow_each_other_without_gap_or_repeat(institution: httpx.AsyncClient) -> None:
    numbers = sorted(f"p{n}" for n in range(25))
    await pay(institution, *numbers)
    read: list[str] = []
    cursor = ""
    while cursor is not None:
        page = (await institution.get("payments", params={"cursor": cursor, "limit": 10})).json()
        read += [row["payment_id"] for row in page["payments"]]
        cursor = page["next_cursor"]
        await pay(institution, "a-late-one")  # before the cursor: it moves nothing that is still to be read
    assert read == numbers


async def test_the_record_tells_failed_transfers_too(institution: httpx.AsyncClient) -> None:
    await pay(institution, "p1")
    transfers = [
        {"number": f"n{n}", "kind": "payout", "receiver": "merchant:a", "currency": "CNY", "amount_minor": 6}
        for n in range(2)
    ]
    await institution.post("transfers", json={"transfers": transfers})
    page = (await institution.get("transfers")).json()
    assert [(row["number"], row["state"], row["amount_minor"]) for row in page["transfers"]] == [
        ("n0", "succeeded", 6),
        ("n1", "failed", 6),
    ]
    assert page["next_cursor"] is None


async def test_receivers_are_paged_by_name_and_currency(institution: httpx.AsyncClient) -> None:
    await pay(institution, "p1")
    transfers = [
        {"number": name, "kind": "payout", "receiver": f"merchant:{name}", "currency": "CNY", "amount_minor": 5}
        for name in ("b", "a.b$")
    ]
    await institution.post("transfers", json={"transfers": transfers})
    first = (await institution.get("receivers?limit=1")).json()
    assert first == {
        "receivers": [{"receiver": "merchant:a.b$", "currency": "CNY", "balance_minor": 5}],
        "next_cursor": "merchant:a.b$/CNY",
    }
    rest = (await institution.get("receivers", params={"cursor": first["next_cursor"]})).json()
    assert [row["receiver"] for row in rest["receivers"]] == ["merchant:b"]


async def test_an_account_that_never_moved_has_an_empty_record(institution: httpx.AsyncClient) -> None:
    assert (await institution.get("balances")).json() == {"pockets": []}
    assert (await institution.get("payments")).json() == {"payments": [], "next_cursor": None}
