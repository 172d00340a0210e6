"""The player on a real Kafka: rightly keyed and enveloped, the same answers to the same requests, restarted or not."""

import asyncio
import json
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer
from tests.player.examples import AT, back, plan
from tests.player.player import Player
from tests.player.script import ALL, Failure, Script

from shared import envelope, topics
from shared.messages import (
    Breakdown,
    BuyerRefund,
    ChannelMoved,
    ChannelPayment,
    Event,
    LegOutcome,
    OrderLine,
    PayoutSettled,
    RefundRequested,
    RefundSettled,
    SplitRequested,
    SubsidyOutcome,
    decode,
    encode,
)
from shared.outbox import Outgoing
from shared.publisher import Publisher, partition_of

pytestmark = pytest.mark.infra

ROOT = Path(__file__).parents[2]
ORIGIN = AT - timedelta(days=7)
WAIT_S = 30.0


class Told(NamedTuple):
    """A record of payments on refund-settled or channel-moved."""

    record: Any
    read: envelope.Envelope
    event: RefundSettled | ChannelMoved


class Street:
    """Kafka, one marketplace, and ears for what payments tells of it."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.market = f"test-{uuid.uuid4().hex[:12]}"
        self.heard: list[Told] = []
        self._publisher = Publisher(bootstrap, "test")
        self._ears: Any = AIOKafkaConsumer(
            "refund-settled", "channel-moved", bootstrap_servers=bootstrap, auto_offset_reset="earliest"
        )

    async def open(self) -> None:
        await topics.apply(topics.Topics.load(ROOT / "deploy" / "topics.yaml"), self.bootstrap)
        await self._ears.start()

    async def close(self) -> None:
        await self._publisher.stop()
        await self._ears.stop()

    def plan(self, revision: int = 1, **fields: Any) -> RefundRequested:  # noqa: ANN401 - any field of the contract
        return plan(revision, **{"marketplace": self.market, "channel_account": self.market} | fields)

    async def say(self, *events: Event) -> None:
        """Publish events of split and payments."""
        records = []
        for event in events:
            headers = envelope.headers_of(event, "/weir/split", AT, ORIGIN)
            records.append(Outgoing(event.topic, event.key.encode(), encode(event), headers, ("test", 0), 0))
        await self._publisher.publish(records)

    async def hears(self, count: int) -> list[Told]:
        """Wait until so many records of this marketplace have come, and no more."""
        deadline = time.monotonic() + WAIT_S
        while len(self.heard) < count:
            assert time.monotonic() < deadline, self.heard
            await self._listen()
        await self._listen()
        assert len(self.heard) == count
        return self.heard

    async def _listen(self) -> None:
        for records in (await self._ears.getmany(timeout_ms=200)).values():
            for record in records:
                if record.key.startswith(f"{self.market}/".encode()):
                    settled = record.topic == "refund-settled"
                    event = decode(RefundSettled, record.value) if settled else decode(ChannelMoved, record.value)
                    self.heard.append(Told(record, envelope.read(record.headers), event))


@pytest.fixture
async def street(kafka_bootstrap: str) -> AsyncIterator[Street]:
    it = Street(kafka_bootstrap)
    await it.open()
    try:
        yield it
    finally:
        await it.close()


def states(heard: Sequence[Told]) -> list[tuple[int, str]]:
    return [(it.event.revision, it.event.state) for it in heard if isinstance(it.event, RefundSettled)]


async def test_an_answer_is_keyed_and_enveloped_as_payments_does(street: Street) -> None:
    async with Player(street.bootstrap, street.market).playing() as player:
        await street.say(street.plan())
        ((record, read, event),) = await street.hears(1)
        assert player.requests == [street.plan()]
    assert isinstance(event, RefundSettled)
    assert (event.state, event.planned) == ("succeeded", 1)
    assert record.key == f"{street.market}/o-1".encode()
    assert record.partition == partition_of(record.key, 12)
    assert (read.id, read.source) == (envelope.expected_id(event), "/weir/payments")
    assert (read.type, read.partition_key) == ("weir.refund-settled.v1", record.key.decode())
    assert read.origin_time == ORIGIN
    assert player.account(street.market).refunded == {"pay-1": 10_000}


async def test_the_same_request_is_answered_with_the_same_event_also_after_a_restart(street: Street) -> None:
    script = Script(returns={ALL: Failure("NOT_ENOUGH")}, shown=frozenset({"returned"}))
    again = street.plan(2, returns=())
    async with Player(street.bootstrap, street.market, lambda _: script).playing() as player:
        await street.say(street.plan(), again, again)
        first = list(await street.hears(5))
        assert states(first) == [(1, "under_way"), (2, "failed"), (3, "under_way"), (4, "succeeded"), (4, "succeeded")]
        done = msgspec.json.encode(player.account(street.market))
    async with Player(street.bootstrap, street.market, lambda _: script).playing() as restarted:
        repeated = (await street.hears(10))[5:]
        assert msgspec.json.encode(restarted.account(street.market)) == done
    assert [(it.record.value, it.read.id) for it in repeated] == [(it.record.value, it.read.id) for it in first]


async def test_other_marketplaces_are_left_alone(street: Street) -> None:
    async with Player(street.bootstrap, "test-nobody-*").playing() as player:
        await street.say(street.plan())
        await player.caught_up()
        await street.hears(0)
    assert player.requests == []


async def test_revisions_come_repeated_and_out_of_order_where_the_script_says_so(street: Street) -> None:
    script = Script(shown=frozenset({"sending", "funded"}), repeats=1, order="reversed")
    async with Player(street.bootstrap, street.market, lambda _: script, pace_s=0.01).playing():
        await street.say(street.plan())
        heard = await street.hears(6)
    ends = [(3, "succeeded")] * 2 + [(2, "under_way")] * 2 + [(1, "under_way")] * 2
    assert states(heard) == ends


async def test_a_refund_waits_until_it_is_let_go_and_may_come_back_from_the_bank(street: Street) -> None:
    script = Script(stop="unknown")
    async with Player(street.bootstrap, street.market, lambda _: script).playing() as player:
        await street.say(street.plan())
        await street.hears(1)
        assert player.account(street.market).refunded == {}
        await player.go_on(street.market, "r-1")
        await player.send_back(street.market, "r-1", "pay-1")
        heard = await street.hears(3)
    assert states(heard) == [(1, "under_way"), (2, "succeeded"), (3, "failed")]
    assert player.account(street.market).pool_minor == 6_000


async def test_what_the_institution_moves_by_itself_is_told_and_kept(street: Street) -> None:
    moved = ChannelMoved(
        marketplace=street.market,
        movement_id="cb-1",
        kind="chargeback",
        order_id="o-1",
        channel_profile="sandbox-direct",
        channel_account=street.market,
        channel_payment_id="pay-1",
        currency="CNY",
        amount_minor=10_000,
        moved_at=AT,
    )
    async with Player(street.bootstrap, street.market).playing() as player:
        await player.move(moved)
        await player.publish(moved)
        first, second = await street.hears(2)
    assert first.event == second.event == moved
    assert (first.read.id, first.record.key) == (envelope.expected_id(moved), f"{street.market}/o-1".encode())
    assert second.read.id == first.read.id
    assert player.account(street.market).pool_minor == -10_000


def paid(street: Street) -> SplitRequested:
    return SplitRequested(
        marketplace=street.market,
        order_id="o-1",
        buyer="b",
        currency="CNY",
        paid_at=ORIGIN,
        payments=(
            ChannelPayment(
                channel_profile="sandbox-direct",
                channel_account=street.market,
                channel_payment_id="pay-1",
                amount_minor=10_000,
                fee_minor=60,
            ),
        ),
        lines=(OrderLine(line_id="1", sku="s", category="c", merchant="alice", quantity=1, amount_minor=10_000),),
    )


def settled(street: Street, revision: int, state: str) -> PayoutSettled:
    facts: dict[str, Any] = {"attempt": 1, "state": state, "channel_number": "N", "breakdown": Breakdown()}
    leg = LegOutcome(
        leg_id=f"{street.market}/o:o-1/merchant:alice/1", receiver="merchant:alice", amount_minor=6_000, **facts
    )
    subsidy = SubsidyOutcome(subsidy_id="s-1", amount_minor=500, state="succeeded", channel_number="S")
    return PayoutSettled(
        marketplace=street.market,
        payout_id="o:o-1.1",
        document="o:o-1",
        kind="pay",
        revision=revision,
        currency="CNY",
        channel_profile="sandbox-direct",
        channel_account=street.market,
        settled_at=ORIGIN,
        legs=(leg,),
        subsidies=(subsidy,),
    )


async def test_the_pool_is_reckoned_from_what_the_topics_tell(street: Street) -> None:
    leg = f"{street.market}/o:o-1/merchant:alice/1"
    ours = msgspec.structs.replace(back("alice", 6_000), leg_id=leg)
    async with Player(street.bootstrap, street.market).playing() as player:
        await street.say(paid(street), paid(street), settled(street, 2, "succeeded"), settled(street, 1, "unknown"))
        await player.caught_up()
        assert player.pool_minor(street.market) == 10_000 - 60 + 500 - 6_000
        await street.say(street.plan(returns=(ours,)))
        await player.caught_up()
        assert player.pool_minor(street.market) == 10_000 - 60 + 500 - 10_000
        assert player.mistakes() == []


async def test_more_than_anybody_had_is_a_mistake(street: Street) -> None:
    leg = f"{street.market}/o:o-1/merchant:alice/1"
    ours = msgspec.structs.replace(back("alice", 6_001), leg_id=leg)
    theirs = msgspec.structs.replace(back("alice", 1, receiver="merchant:bob"), leg_id=leg, return_id="r-2")
    more = BuyerRefund(channel_payment_id="pay-1", amount_minor=10_001)
    async with Player(street.bootstrap, street.market).playing() as player:
        await street.say(paid(street), settled(street, 1, "succeeded"))
        await street.say(street.plan(returns=(ours, theirs), refunds=(more,)), street.plan(returns=()))
        await player.caught_up()
        assert player.mistakes() == [
            "r-1: another plan under revision 1",
            "pay-1 was 10000, refunded are 10001",
            f"{leg} paid 6000, given back are 6002",
            f"{leg} was paid to merchant:alice, not to merchant:bob",
        ]


async def test_the_player_is_a_process_too_and_leaves_its_account(street: Street, tmp_path: Path) -> None:
    file = tmp_path / "account.json"
    words = ["--bootstrap", street.bootstrap, "--market", street.market, "--troubled", "0", "--account", str(file)]
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.player", *words, cwd=ROOT)
    try:
        await street.say(street.plan())
        await street.hears(1)
    finally:
        process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(process.wait(), WAIT_S)
    assert code == 0
    (account,) = json.loads(file.read_bytes())["accounts"]
    assert (account["channel_account"], account["refunded"]) == (street.market, {"pay-1": 10_000})
    assert account["change_minor"] == -4_000
