"""Split over HTTP, on a real MongoDB."""

from typing import Any, get_args

import httpx
import pytest
from tests.split.examples import agreement, line, merchant, paid_order
from tests.split.replica import Replica, settled

from shared.messages import Adjustment
from split.api.models import EntryAnswer
from split.domain.ledger import Kind


async def got(api: httpx.AsyncClient, path: str, **query: str | int) -> dict[str, Any]:
    answer = await api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def refused(api: httpx.AsyncClient, path: str, **query: str | int) -> tuple[int, str]:
    answer = await api.get(path, params=query)
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["reason"]


async def test_a_split_shows_every_share_its_state_and_why(replica: Replica, api: httpx.AsyncClient) -> None:
    discount = Adjustment(kind="discount", amount_minor=-569, party="platform:marketing")
    lines = (line(1, 1_000, freight_minor=50), line(2, 500, merchant="m2"))
    await replica.take(merchant("m1", agreement()), paid_order(*lines, adjustments=(discount,), fee=3))
    await replica.take(settled(replica.published.payouts()[0], "unknown", revision=4))
    answer = await got(api, "orders/1/split")
    assert {it["path"]: (it["state"], it["reason"], it["amount_minor"]) for it in answer["shares"]} == {
        "merchant:m2": ("held", "merchant_unknown", 499),
        "merchant:m1": ("in_transit", "", 930),
        "platform:commission": ("in_transit", "", 118),
    }
    (own,) = [it for it in answer["shares"] if it["path"] == "merchant:m1"]
    assert own["breakdown"] == {
        "gross_minor": 1_000,
        "freight_minor": 50,
        "adjustments_minor": 0,
        "commission_minor": 120,
        "fee_minor": 0,
        "passed_on_minor": 0,
        "commission_tax_minor": 0,
        "netted_minor": 0,
    }
    assert (own["agreement_version"], own["part"], own["attempt"], own["payout_id"]) == (1, 1, 1, "o:1.1")
    assert answer["payouts"] == [
        {"payout_id": "o:1.1", "amount_minor": 1_048, "subsidy_minor": 70, "revision": 4},
    ]
    assert answer["subsidy_due_minor"] == 499
    assert (answer["state"], answer["currency"], answer["paid_at"]) == ("split", "BRL", "2026-03-01T12:00:00Z")


async def test_an_order_of_which_only_a_payout_has_come_is_waiting(replica: Replica, api: httpx.AsyncClient) -> None:
    await replica.take(merchant("m1", agreement()), paid_order())
    early = settled(replica.published.payouts()[0])
    await replica.database.orders.delete_many({})
    await replica.take(early)
    answer = await got(api, "orders/1/split")
    assert (answer["state"], answer["shares"], answer["currency"]) == ("waiting", [], None)


async def test_a_balance_is_the_sum_of_its_stripes(replica: Replica, api: httpx.AsyncClient) -> None:
    await replica.take(merchant("m1", agreement()), paid_order(line(1, 1_000)))
    await replica.take(settled(replica.published.payouts()[0], "failed"))
    answer = await got(api, "accounts/merchant:in_transit/m1/balance", currency="BRL")
    assert answer == {"account": "merchant:in_transit/m1", "currency": "BRL", "balance_minor": 0}
    answer = await got(api, "accounts/channel:clearing/test-a/balance", currency="BRL")
    assert answer["balance_minor"] == -1_000
    answer = await got(api, "accounts/platform:commission/balance", currency="BRL")
    assert answer["balance_minor"] == 120


async def walked(api: httpx.AsyncClient, path: str, **query: str | int) -> list[dict[str, Any]]:
    """Read all pages of a listing."""
    items: list[dict[str, Any]] = []
    page = await got(api, path, **query)
    while True:
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        page = await got(api, path, **query, cursor=page["next_cursor"])


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_pages_of_balances_have_no_gap_and_no_repeat(
    replica: Replica, api: httpx.AsyncClient, limit: int
) -> None:
    await replica.take(merchant("m1", agreement()), merchant("m|1", agreement()))
    await replica.take(paid_order(line(1, 1_000), line(2, 500, merchant="m|1")))
    await replica.take(paid_order(line(1, 1_000), order_id="2", currency="JPY"))
    await replica.take(settled(replica.published.payouts()[0]))
    found = await walked(api, "accounts", limit=limit)
    assert sorted((it["currency"], it["account"], it["balance_minor"]) for it in found) == [
        ("BRL", "channel:clearing/test-a", 0),
        ("BRL", "merchant:in_transit/m1", 0),
        ("BRL", "merchant:in_transit/m|1", 0),
        ("BRL", "platform:commission", 0),
        ("JPY", "channel:clearing/test-a", -1_000),
        ("JPY", "merchant:in_transit/m1", 880),
        ("JPY", "platform:commission", 120),
    ]
    assert [it["currency"] for it in found] == ["BRL"] * 4 + ["JPY"] * 3
    only = await walked(api, "accounts", limit=limit, currency="JPY")
    assert only == found[4:]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_pages_of_entries_have_no_gap_and_no_repeat(replica: Replica, api: httpx.AsyncClient, limit: int) -> None:
    await replica.take(merchant("m1", agreement()))
    for number in range(3):
        await replica.take(paid_order(line(1, 1_000 + number * 100), order_id=f"{number}"))
    await replica.take(paid_order(line(1, 777), order_id="j", currency="JPY"))
    await replica.take(settled(replica.published.payouts()[0]))
    found = await walked(api, "accounts/platform:commission/entries", currency="BRL", limit=limit)
    assert [(it["kind"], it["order_id"], it["amount_minor"]) for it in found] == [
        ("split", "0", 120),
        ("split", "1", 132),
        ("split", "2", 144),
        ("settle", "0", -120),
    ]


def test_an_entry_has_every_kind_that_can_be_booked() -> None:
    assert EntryAnswer.model_json_schema()["properties"]["kind"]["enum"] == list(get_args(Kind))


async def test_other_marketplaces_see_nothing(replica: Replica, api: httpx.AsyncClient) -> None:
    await replica.take(merchant("m1", agreement()), paid_order())
    other = "http://split/v1/marketplaces/test-b"
    assert await refused(api, f"{other}/orders/1/split") == (404, "order_unknown")
    assert await refused(api, f"{other}/accounts/platform:commission/balance", currency="BRL") == (
        404,
        "account_unknown",
    )
    assert (await got(api, f"{other}/accounts"))["items"] == []
    assert (await got(api, f"{other}/accounts/platform:commission/entries", currency="BRL"))["items"] == []


async def test_what_cannot_be_answered_says_why(api: httpx.AsyncClient) -> None:
    nowhere = "http://split/v1/marketplaces/nowhere"
    for path in ("orders/1/split", "accounts", "accounts/a/balance", "accounts/a/entries"):
        assert await refused(api, f"{nowhere}/{path}", currency="BRL") == (404, "marketplace_unknown")
    assert await refused(api, "orders/none/split") == (404, "order_unknown")
    assert await refused(api, "orders/a/b/split") == (404, "route_unknown")
    assert await refused(api, "accounts", cursor="nonsense") == (422, "cursor_invalid")
    assert await refused(api, "accounts/a/entries", currency="BRL", cursor="WzFd") == (422, "cursor_invalid")
    assert await refused(api, "accounts/a/balance") == (422, "contract")
    assert await refused(api, "accounts/a/balance", currency="brl") == (422, "contract")
    assert await refused(api, "accounts", limit=0) == (422, "contract")
    assert await refused(api, "accounts", limit=501) == (422, "contract")
