"""The record can be read to its end while it grows, and holds every number once."""

import httpx


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


async def transfer(institution: httpx.AsyncClient, *rows: tuple[str, str, str, int], kind: str = "payout") -> None:
    transfers = [
        {"number": number, "kind": kind, "receiver": receiver, "currency": currency, "amount_minor": amount}
        for number, receiver, currency, amount in rows
    ]
    assert (await institution.post("transfers", json={"transfers": transfers})).status_code == 200


async def test_a_receiver_comes_once_with_the_sum_of_what_it_got_in_a_currency(institution: httpx.AsyncClient) -> None:
    a, b, c, closed = (f"merchant:{name}" for name in ("a", "b", "c", "closed"))
    payments = [{"payment_id": f"p{it}", "amount_minor": 100, "currency": it} for it in ("CNY", "JPY")]
    other = "http://institution/v1/accounts/acc0"
    for account in (other, "http://institution/v1/accounts/acc"):
        assert (await institution.post(f"{account}/payments", json={"payments": payments})).status_code == 200
    strange = {"number": "n1", "kind": "payout", "receiver": a, "currency": "CNY", "amount_minor": 9}
    assert (await institution.post(f"{other}/transfers", json={"transfers": [strange]})).status_code == 200
    fund = {"fund_id": "f", "pocket": "platform:marketing", "currency": "CNY", "amount_minor": 50}
    assert (await institution.post("funds", json=fund)).status_code == 200

    await institution.put("faults", json={"fail_receivers": {closed: "CLOSED"}})
    await transfer(
        institution, ("n1", a, "CNY", 1), ("n2", c, "JPY", 7), ("n3", closed, "CNY", 5), ("n4", b, "CNY", 999)
    )
    await transfer(institution, ("n5", a, "CNY", 2), ("n6", a, "JPY", 4), ("n7", b, "CNY", 8))
    await transfer(institution, ("s1", b, "CNY", 50), kind="subsidy")
    await institution.put("faults", json={"accept_only": True})
    await transfer(institution, ("n8", a, "CNY", 20))

    expected = [(a, "CNY", 3), (a, "JPY", 4), (b, "CNY", 8), (c, "JPY", 7)]
    for limit in range(1, 6):
        read: list[tuple[str, str, int]] = []
        cursor = ""
        while cursor is not None:
            page = (await institution.get("receivers", params={"cursor": cursor, "limit": limit})).json()
            assert len(page["receivers"]) <= limit
            read += [(row["receiver"], row["currency"], row["balance_minor"]) for row in page["receivers"]]
            cursor = page["next_cursor"]
        assert read == expected


async def test_an_account_that_never_moved_has_an_empty_record(institution: httpx.AsyncClient) -> None:
    assert (await institution.get("balances")).json() == {"pockets": []}
    assert (await institution.get("payments")).json() == {"payments": [], "next_cursor": None}
