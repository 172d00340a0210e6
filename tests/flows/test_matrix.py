"""Every fault of an institution, at every operation, in every family of profiles: who ends with what stays the same.

Each cell is a marketplace of its own, in which an order is paid, settled, and partly refunded while one thing is wrong.
All cells run beside each other.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import batched
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from tests.flows.conftest import Cluster
from tests.flows.market import Json, Market, opened
from tests.flows.refunding import approve, approved, moved
from tests.flows.test_audit import audited
from tests.flows.test_collectors import bind
from tests.mixed.run import Where, at_rest
from tests.mixed.verdict import differences

from ops.stores import opened as stores_of
from shared.profiles import Profile, shipped

pytestmark = [pytest.mark.infra, pytest.mark.timeout(600)]

FAMILIES: Final = ("sandbox-direct", "allinpay-strong-2", "alipay-split", "stripe-connect")
"""One profile of each family."""
KINDS: Final = {"pay": "payout", "finish": "finish", "subsidy": "subsidy", "return": "return", "refund": "refund"}
PLATFORM: Final = ("platform:commission", "platform:tax", "platform:fee")
FUNDS_MINOR: Final = 100_000
AT_A_TIME: Final = 20
CHARGED_BACK: Final = "chargeback"
BANK_RETURN: Final = "late bank return"

FAULTS: Final[dict[str, dict[str, Any]]] = {
    "latency": {"latency_s": 1.0, "remaining": 3},
    "time-out after execution": {"answer": "drop_after", "remaining": 2},
    "time-out before execution": {"answer": "drop_before", "remaining": 2},
    "closed": {"answer": "unavailable", "remaining": 2},
    "rate limit": {"rate_limit": 1},
    "accepted first": {"accept_only": True},
    "partial success": {"partial_success": True},
    "refused": {"fail_receivers": {"merchant:shop": "CHANNEL_BUSY"}, "fail_refunds": {"*": "ACCOUNT_ABNORMAL"}},
    "callbacks twice": {"duplicate_callbacks": True},
    "callbacks of somebody else": {"wrong_signature": True},
}


class Cell(NamedTuple):
    """What goes wrong, at which operation; of an event of the institution's own there is none."""

    fault: str
    operation: str = ""

    @property
    def faults(self) -> dict[str, Any] | None:
        """The institution's switches."""
        if self.fault not in FAULTS:
            return None
        if self.operation == "prove":
            return FAULTS[self.fault] | {"operations": ["payments/query"]}
        return FAULTS[self.fault] | {"kinds": [KINDS[self.operation]]}


def cells(profile: Profile) -> Iterator[Cell]:
    """Give every cell of a profile: faults that can hit an operation, and what the institution does by itself."""
    of_instructions = {"accepted first", "partial success", "refused"}
    for operation in ("prove", *KINDS):
        if operation not in profile.operations:
            continue
        for fault in FAULTS:
            if operation != "prove" or fault not in of_instructions:
                yield Cell(fault, operation)
    yield Cell(CHARGED_BACK)
    yield Cell(BANK_RETURN)


class Played(NamedTuple):
    """A cell of a profile with its marketplace and order."""

    profile: Profile
    cell: Cell
    market: Market
    order: Json

    async def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Ask something of the institution."""
        account = self.market.account(self.profile.name)
        url = f"{self.market.cluster.urls['institution']}/v1/accounts/{account}/{path}"
        answer = await self.market.http.request(method, url, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json()) if answer.content else {}


@asynccontextmanager
async def playing(cluster: Cluster, *profiles: Profile) -> AsyncIterator[list[Played]]:
    """Give a marketplace to each cell, where a shop sells something; nothing is paid yet."""
    async with AsyncExitStack() as stack:
        found = []
        for profile in profiles:
            for cell in cells(profile):
                market = await stack.enter_async_context(opened(cluster))
                found.append(Played(profile, cell, market, sold(market, profile)))
        for some in batched(found, AT_A_TIME):
            await asyncio.gather(*(ready(it) for it in some))
        yield found


async def ready(it: Played) -> None:
    """Have a shop that sells under a profile, and money of the platform at the institution."""
    market, profile = it.market, it.profile
    await market.merchant("shop", channel_profile=profile.name)
    if profile.collector == "merchant":
        for receiver in PLATFORM:
            await bind(market, "shop", receiver, profile.name)
    for pocket in ("platform:marketing", "platform:advance"):
        await market.fund(FUNDS_MINOR, pocket=pocket, profile=profile.name)
    url = f"{market.cluster.urls['payments']}/v1/callbacks/{profile.name}/{market.account(profile.name)}"
    await it.call("PUT", "callbacks", {"url": url})


def sold(market: Market, profile: Profile) -> Json:
    """Return an order of 100.00, of which the platform pays 5.00 where the profile lets it."""
    order = market.order(merchant="shop", paid_at=(datetime.now(UTC) - timedelta(minutes=5)).isoformat())
    order["payments"][0] |= {"channel_profile": profile.name, "channel_account": market.account(profile.name)}
    if "subsidy" in profile.operations:
        order["payments"][0]["amount_minor"] = 9_500
        order["adjustments"] = [{"kind": "discount", "amount_minor": -500, "party": "platform:marketing"}]
    return order


async def happen(it: Played) -> int:
    """Have the institution do something by itself, where the cell is about that; return how many movements it made."""
    if it.cell.fault == CHARGED_BACK:
        body = {"movements": [moved(it.order, CHARGED_BACK, "cb-1")]}
        answer = await it.call("POST", "movements", body)
        assert answer["movements"][0]["state"] == "succeeded", answer
        return 1
    if it.cell.fault == BANK_RETURN:
        (payout, *_) = (await it.market.status(it.order))["payouts"]
        shown = await it.market.http.get(it.market.url("payments", f"payouts/{payout['payout_id']}"))
        numbers = [leg["channel_number"] for leg in shown.json()["legs"]]
        await it.call("POST", "returns", {"numbers": numbers, "reason": "ACCOUNT_CLOSED"})
        asked = await it.market.http.post(it.market.url("payments", f"payouts/{payout['payout_id']}/check"))
        assert asked.is_success, asked.text
    return 0


def wanted(it: Played) -> Counter[tuple[str, str]]:
    """Return who must end with what: of 40 % that is refunded the shop bears its nine tenths, the platform the rest."""
    paid = it.order["payments"][0]["amount_minor"]
    if it.cell.fault == CHARGED_BACK:  # all of it is gone, and a refund waits for its end
        return Counter({("shop", "CNY"): 0, ("buyer", "CNY"): paid})
    return Counter({("shop", "CNY"): 5_400, ("buyer", "CNY"): paid * 4 // 10})


async def test_whatever_goes_wrong_wherever_everybody_ends_with_what_is_theirs(
    cluster: Cluster, tmp_path: Path
) -> None:
    profiles = [it for it in shipped() if it.name in FAMILIES]
    async with playing(cluster, *profiles) as played, stores_of(cluster.urls["mongo"], cluster.prefix) as stores:
        rest = rests(Where(cluster.urls, stores, tmp_path))
        moved_ = await stores.payments.movements.count_documents({"state": "published"})
        for it in played:
            if (faults := it.cell.faults) is not None:
                await it.call("PUT", "faults", faults)
            await it.market.pay(it.order)
        await played[0].market.publish(*(it.order for it in played))
        await rest(moved_)
        moved_ += sum([await happen(it) for it in played])
        await rest(moved_)
        for it in played:
            await approve(it.market, approved(it.order, it.order["payments"][0]["amount_minor"] * 4 // 10))
        await rest(moved_)
        for it in played:
            await it.call("DELETE", "faults")
        await rest(moved_)
        wrong = [
            f"{it.profile.name}, {it.cell.fault} at {it.cell.operation}: {problem}"
            for it in played
            for problem in await differences(cluster.urls, it.market.id, it.market.account(it.profile.name), wanted(it))
        ]
        assert wrong == []
        ours = {it.market.id for it in played}
        found = (await audited(played[0].market, tmp_path, beside=True)).findings
        assert [it for it in found.shown if any(name in repr(it) for name in ours)] == []
        assert found.total <= len(found.shown), "what is not shown may be ours"


def rests(where: Where) -> Any:  # noqa: ANN401 - a coroutine function
    """Return what waits until nothing moves, so many movements of institutions' own having been told of."""

    async def rest(moved_: int) -> None:
        await at_rest(where, moved_, timedelta(), lambda _: None)

    return rest


def test_every_fault_meets_every_operation_of_its_family() -> None:
    """Fails when a profile loses an operation, or a fault is left out: the matrix would have a hole."""
    met: Sequence[set[str]] = [
        {it.operation for it in cells(profile)} for profile in map(shipped().find, FAMILIES) if profile
    ]
    assert {"", "prove", *KINDS} == set.union(*met)
    assert all({it.fault for it in cells(profile)} == {*FAULTS, CHARGED_BACK, BANK_RETURN} for profile in shipped())
