"""The course of one schedule: what upstream, people and bad luck do to the services, and who starts what died."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine
from typing import Any, Final

from tests.simulation import services
from tests.simulation.clock import OUTSIDE
from tests.simulation.invariants import World
from tests.simulation.kafka.broker import Sent, Stored
from tests.simulation.mongo.rows import Busy
from tests.simulation.replica import Replica, Surroundings
from tests.simulation.scenario import CURRENCY, MARKETPLACE, SOURCE, Ordered, draft, other_body

from sandbox.domain.books import MARKETING
from shared import envelope
from shared.messages import CaseChanged, Event, OrderPaid, encode
from shared.publisher import partition_of

AFTERSALE: Final = "/weir/aftersale"
PATIENCE_S: Final = 20.0
FUNDS_MINOR: Final = 10**9


class Course:
    """One world under way."""

    def __init__(self, world: World, around: Surroundings, draw: random.Random) -> None:
        self.world = world
        self.replicas: dict[str, list[Replica]] = {it: [] for it in services.SERVICES}
        self.storming = True
        self._around = around
        self._draw = draw
        self._born = 0

    def start(self, service: str) -> Replica:
        """Start a replica; while the storm lasts, and at least one is wanted, its death starts another."""
        self._born += 1
        replica = services.start(self._around, self.world.institution, service, f"{service}-{self._born}")
        self._note(replica.process.name, "starts")
        self.replicas[service].append(replica)
        replica.process.deaths.append(lambda: self._died(service, replica))
        return replica

    def calm(self) -> None:
        """Let the storm be over."""
        self.storming = False
        self._note("world", "calm")
        self._around.weather.calm()
        self._around.broker.away = False
        self.world.watch.poisoned = None
        for topic in self._around.broker.logs:
            self._around.broker.wake(topic)

    def upstream(self) -> None:
        """Publish every order at its time, and let buyers pay."""
        around = self._around
        self.world.institution.pockets[MARKETING, CURRENCY] = FUNDS_MINOR
        for it in self.world.scenario.orders:
            if it.payment is not None:
                around.loop.call_at(it.payment_at_s, self.world.institution.take_payment, it.payment, context=OUTSIDE)
            around.loop.call_at(it.at_s, self._place, it, context=OUTSIDE)
        for at, event in self.world.scenario.goods:
            around.loop.call_at(at, self.publish, event, context=OUTSIDE)
        for at in self.world.scenario.garbage_at_s:
            around.loop.call_at(at, self._garbage, context=OUTSIDE)
        known = self.world.scenario.merchants
        for at in sorted(set(known.values())):
            around.loop.call_at(at, self._register, [name for name in known if known[name] == at], context=OUTSIDE)

    def publish(self, event: Event) -> Stored:
        """Put an event on its topic, as an upstream order system does, or aftersale with its cases."""
        now = self._around.loop.now()
        source = AFTERSALE if isinstance(event, CaseChanged) else SOURCE
        headers = tuple(envelope.headers_of(event, source, now, now))
        return self._append(event.topic, event.key.encode(), encode(event), headers)

    def release_parks(self) -> None:
        """Do as an operator who has had the bug mended: ask for the release of whatever is parked."""
        for service in services.SERVICES:
            store = self.world.server.store(service)
            table = store.table("parks")
            for park in self.world.all(service, "parks"):
                if "release" not in park:
                    asked = {"$set": {"release": {"requested_at": self._around.loop.now()}}}
                    with contextlib.suppress(Busy):  # asked again in a while
                        store.update(table, {"_id": park["_id"]}, asked, None, upsert=False)

    def _place(self, it: Ordered) -> None:
        if it.way == "http":
            self._later(self._call("payments", lambda replica: replica.api["let_in"](it.order)))
            return
        self.publish(it.order)
        if self._draw.random() < 0.15:
            self._around.loop.call_later(self._draw.random() * 5, self.publish, it.order, context=OUTSIDE)
        if it.kind == "conflicting":
            wrong = self.publish(other_body(it.order))
            self.world.expected_dead.add((wrong.topic, wrong.partition, wrong.offset))

    def _garbage(self) -> None:
        wrong = self._append(OrderPaid.topic, f"{MARKETPLACE}/garbage".encode(), b"{", ())
        self.world.expected_dead.add((wrong.topic, wrong.partition, wrong.offset))

    def _append(self, topic: str, key: bytes, value: bytes, headers: tuple[tuple[str, bytes | None], ...]) -> Stored:
        broker = self._around.broker
        partition = partition_of(key, broker.partitions(topic))
        offset = broker.append(topic, partition, [Sent(key, value, headers)])
        self._note("upstream", f"{topic}-{partition}@{offset} {key.decode()}")
        return broker.logs[topic][partition][offset]

    def _register(self, names: list[str]) -> None:
        marketplace: Any = self._around.marketplaces.find(MARKETPLACE)
        drafts = [draft(name, patient=bool(self.world.scenario.goods)) for name in names]
        self._later(self._call("merchant", lambda replica: replica.api["change"](marketplace, drafts)))

    async def _call(self, service: str, ask: Callable[[Replica], Coroutine[Any, Any, Any]]) -> None:
        """Call a service's API until it answers, as a client does."""
        while True:
            ready = [it for it in self.replicas[service] if it.process.alive]
            if ready:
                replica = self._draw.choice(ready)
                task = replica.process.spawn(ask(replica))
                task.add_done_callback(_look_at)
                await asyncio.wait([task], timeout=PATIENCE_S)
                if task.done() and not task.cancelled() and task.exception() is None:
                    return
            await self._around.loop.pause(1.0)

    def _died(self, service: str, replica: Replica) -> None:
        self.replicas[service].remove(replica)
        if not self.replicas[service]:
            self._around.loop.call_later(self._draw.uniform(0.2, 4.0), self._start_again, service, context=OUTSIDE)

    def _start_again(self, service: str) -> None:
        if not self.replicas[service]:
            self.start(service)

    def _later(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._around.loop.create_task(coroutine, context=OUTSIDE.copy())

    def _note(self, who: str, what: str) -> None:
        self._around.weather.note(who, what)


def _look_at(task: asyncio.Task[Any]) -> None:
    """Look at how a task ended: the client that asked for it may not wait any more."""
    if not task.cancelled():
        task.exception()


class Trouble:
    """What befalls whole processes and servers, at random times until the storm ends."""

    def __init__(self, course: Course, around: Surroundings, draw: random.Random) -> None:
        self._course = course
        self._around = around
        self._draw = draw
        self._kinds: dict[str, Callable[[], None]] = {
            "kill": self._kill,
            "join": self._join,
            "leave": self._leave,
            "split_brain": self._split_brain,
            "store_away": self._store_away,
            "broker_away": self._broker_away,
            "again": self._again,
        }

    def plan(self, kinds: list[str], times: int, until_s: float) -> None:
        """Draw when what happens."""
        for _ in range(times):
            kind = self._kinds[self._draw.choice(kinds)]
            self._around.loop.call_at(self._draw.uniform(0.5, until_s), self._happen, kind, context=OUTSIDE)

    def _happen(self, kind: Callable[[], None]) -> None:
        if self._course.storming:
            self._around.weather.note("world", kind.__name__.strip("_"))
            kind()

    def _any(self) -> Replica | None:
        alive = [it for replicas in self._course.replicas.values() for it in replicas]
        return self._draw.choice(alive) if alive else None

    def _kill(self) -> None:
        if victim := self._any():
            victim.process.kill()

    def _join(self) -> None:
        service = self._draw.choice(services.SERVICES)
        if len(self._course.replicas[service]) < 2:
            self._course.start(service)

    def _leave(self) -> None:
        if leaver := self._any():
            leaver.stop()

    def _split_brain(self) -> None:
        service = self._draw.choice(services.SERVICES)
        replicas = self._course.replicas[service]
        if len(replicas) < 2:
            self._course.start(service)
        if replicas:
            for consumer in self._draw.choice(replicas).consumers:
                consumer.lose_group(self._draw.uniform(5.0, 40.0))

    def _store_away(self) -> None:
        self._around.weather.store_away = True
        self._around.loop.call_later(self._draw.choice((3.0, 8.0, 30.0, 90.0)), self._store_back, context=OUTSIDE)

    def _store_back(self) -> None:
        self._around.weather.store_away = False

    def _broker_away(self) -> None:
        self._around.broker.away = True
        self._around.loop.call_later(self._draw.choice((2.0, 8.0, 25.0, 60.0)), self._broker_back, context=OUTSIDE)

    def _broker_back(self) -> None:
        broker = self._around.broker
        broker.away = False
        for topic in broker.logs:
            broker.wake(topic)

    def _again(self) -> None:
        """Put a record there once more, as a producer does that did not hear that it was there."""
        broker = self._around.broker
        known = [it for logs in broker.logs.values() for log in logs for it in log if not it.topic.endswith(".dlq")]
        if known:
            it = self._draw.choice(known)
            offset = broker.append(it.topic, it.partition, [Sent(it.key, it.value, it.headers)])
            if (it.topic, it.partition, it.offset) in self._course.world.expected_dead:
                self._course.world.expected_dead.add((it.topic, it.partition, offset))
