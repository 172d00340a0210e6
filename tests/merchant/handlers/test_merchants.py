"""Changing merchants on a real MongoDB: one transaction with its event, and of two at once neither is lost."""

import asyncio
from collections.abc import Iterable

import pytest
from tests.merchant.examples import FACTS, LEAD, MARKETPLACE, PROFILE, day, terms
from tests.merchant.published import Published

from merchant.app import Parts
from merchant.domain.merchants import Draft, Facts, Merchant
from merchant.handlers import MerchantHandlers
from merchant.handlers.merchants import NotChanged
from merchant.store.merchants import Merchants
from shared.commits import Commits
from shared.marketplaces import Marketplace, Marketplaces
from shared.messages import MerchantChanged, body_hash, decode
from shared.mongo import Database, Session

pytestmark = pytest.mark.infra


@pytest.fixture
def shop(marketplaces: Marketplaces) -> Marketplace:
    found = marketplaces.find(MARKETPLACE)
    assert found is not None
    return found


def events(published: Published) -> list[MerchantChanged]:
    return [decode(MerchantChanged, record.value or b"") for record in published.records]


async def test_a_change_is_stored_and_told_in_one_transaction(
    parts: Parts, shop: Marketplace, published: Published, database: Database
) -> None:
    await parts.change_merchants.change(shop, [Draft("alice", FACTS, terms())])
    [event] = events(published)
    stored = await database.merchants.find_one({"_id": "test-shop/alice"})
    assert stored is not None
    assert (event.version, event.agreements[0].commission_bp) == (1, 1_200)
    assert bytes(stored["hash"]) == body_hash(event)
    assert stored["agreements"][0]["channel_profile"] == PROFILE
    assert published.records[0].key == b"test-shop/alice"


async def test_a_repeat_is_answered_again_and_tells_nobody(
    parts: Parts, shop: Marketplace, published: Published
) -> None:
    draft = Draft("alice", FACTS, terms())
    first = await parts.change_merchants.change(shop, [draft])
    again = await parts.change_merchants.change(shop, [draft])
    assert isinstance(first, list)
    assert isinstance(again, list)
    assert again[0].merchant == first[0].merchant
    assert len(published.records) == 1


async def test_many_are_changed_together_or_not_at_all(
    parts: Parts, shop: Marketplace, published: Published, database: Database
) -> None:
    good = [Draft(f"m{it}", FACTS, terms()) for it in range(20)]
    answer = await parts.change_merchants.change(shop, [*good, Draft("platform:fee", FACTS)])
    assert isinstance(answer, NotChanged)
    assert [(at, refused.reason) for at, refused in answer.refused] == [(20, "merchant_reserved")]
    assert await database.merchants.count_documents({}) == 0
    assert published.records == []
    assert isinstance(await parts.change_merchants.change(shop, good), list)
    assert await database.merchants.count_documents({}) == 20
    assert {event.merchant for event in events(published)} == {draft.merchant for draft in good}


async def test_a_merchant_stands_in_a_request_once(parts: Parts, shop: Marketplace) -> None:
    answer = await parts.change_merchants.change(shop, [Draft("a", FACTS), Draft("b", FACTS), Draft("a", FACTS)])
    assert isinstance(answer, NotChanged)
    assert [(at, refused.reason) for at, refused in answer.refused] == [(0, "merchant_twice"), (2, "merchant_twice")]


async def test_marketplaces_do_not_see_each_others_merchants(
    parts: Parts, shop: Marketplace, marketplaces: Marketplaces, database: Database
) -> None:
    other = marketplaces.find("test-shop2")
    assert other is not None
    await parts.change_merchants.change(shop, [Draft("alice", FACTS)])
    await parts.change_merchants.change(other, [Draft("alice", Facts("Another Alice", "pop"))])
    pages = [await Merchants(database).page(it, "", 10) for it in ("test-shop", "test-shop2")]
    assert [[it["name"] for it in page] for page in pages] == [[FACTS.name], ["Another Alice"]]


async def test_of_many_changes_at_once_none_is_lost(
    parts: Parts, shop: Marketplace, published: Published, database: Database
) -> None:
    await parts.change_merchants.change(shop, [Draft("alice", FACTS)])
    days = [terms(day(it), effective_to=day(it + 1)) for it in range(-9, -5)]
    renamed = Draft("alice", Facts("Renamed", "pop", ("kyc",)))
    answers = await asyncio.gather(
        *(parts.change_merchants.change(shop, [Draft("alice", terms=it)]) for it in days),
        parts.change_merchants.change(shop, [renamed]),
    )
    assert all(isinstance(answer, list) for answer in answers)
    stored = await database.merchants.find_one({"_id": "test-shop/alice"})
    assert stored is not None
    assert (stored["version"], stored["name"], stored["blocked"]) == (6, "Renamed", ["kyc"])
    assert {it["effective_from"] for it in stored["agreements"]} == {it.effective_from for it in days}
    assert sorted(event.version for event in events(published)) == [1, 2, 3, 4, 5, 6]


class Meeting(Merchants):
    """Lets two units of work read before either writes."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.reads = 0
        self._both_have_read = asyncio.Barrier(2)

    async def known(self, marketplace: str, merchants: Iterable[str], session: Session) -> dict[str, Merchant]:
        self.reads += 1
        first = self.reads <= 2
        found = await super().known(marketplace, merchants, session)
        if first:
            await self._both_have_read.wait()
        return found


@pytest.mark.parametrize("there_already", [True, False])
async def test_of_two_open_transactions_on_one_merchant_one_runs_again(
    there_already: bool,  # noqa: FBT001 - the case
    parts: Parts,
    shop: Marketplace,
    commits: Commits,
    database: Database,
) -> None:
    if there_already:
        await parts.change_merchants.change(shop, [Draft("alice", FACTS)])
    meeting = Meeting(database)
    handlers = MerchantHandlers(meeting, commits, LEAD)
    wishes = [Draft("alice", FACTS, terms(day(-2), effective_to=day(-1))), Draft("alice", FACTS, terms(day(-1)))]
    await asyncio.gather(*(handlers.change(shop, [wish]) for wish in wishes))
    stored = await database.merchants.find_one({"_id": "test-shop/alice"})
    assert stored is not None
    assert stored["version"] == (3 if there_already else 2)
    assert {it["effective_from"] for it in stored["agreements"]} == {day(-2), day(-1)}
    assert meeting.reads == 3
