"""What must be true of a schedule: of every order in the end, of the books, of the institution's own record.

`unfinished` says what is still to come; when nothing is, `broken` says what went wrong.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.simulation import books
from tests.simulation.institution import Institution
from tests.simulation.kafka.broker import Broker, Stored
from tests.simulation.mongo.driver import Server
from tests.simulation.mongo.values import Document
from tests.simulation.scenario import Scenario
from tests.simulation.watch import Watch


class World:
    """The parts of a world that outlive every process."""

    def __init__(
        self, scenario: Scenario, server: Server, broker: Broker, institution: Institution, watch: Watch
    ) -> None:
        self.scenario = scenario
        self.server = server
        self.broker = broker
        self.institution = institution
        self.watch = watch
        self.expected_dead: set[tuple[str, int, int]] = set()
        """Topic, partition and offset of records that belong into the dead letters of payments and aftersale."""

    def all(self, service: str, collection: str) -> list[Document]:
        """Return the documents of a collection."""
        store = self.server.store(service)
        return [it.view for it in store.documents(store.table(collection), {}, None)]

    def by_id(self, service: str, collection: str) -> dict[Any, Document]:
        """Return the documents of a collection by `_id`."""
        return {it["_id"]: it for it in self.all(service, collection)}

    def records(self, topic: str) -> list[Stored]:
        """Return the records of a topic."""
        return [it for log in self.broker.logs[topic] for it in log]


def unfinished(world: World) -> Iterator[str]:
    """Say what has not come to its end yet."""
    for service in ("payments", "split", "merchant", "aftersale"):
        if left := len(world.all(service, "outbox")):
            yield f"{service}: {left} documents in the outbox"
        if parked := [it["_id"] for it in world.all(service, "parks")]:
            yield f"{service}: parked {parked}"
    for name, group in world.broker.groups.items():
        if left := world.watch.unhandled(name, world.records(group.topic)):
            yield f"{name}: {left} records not handled"
    payouts = world.all("payments", "payouts")
    yield from _unsettled(world, payouts)
    if handed := len(world.all("payments", "handovers")):
        yield f"payments: {handed} hand-overs to lanes"
    lines = sum(len(it["entries"]) for it in world.all("merchant", "statements"))
    paid = sum(leg["state"] == "succeeded" for payout in payouts for leg in payout["legs"])
    if lines < paid:
        yield f"merchant: {lines} statement lines of {paid} legs paid"


def _unsettled(world: World, payouts: list[Document]) -> Iterator[str]:
    claims, orders = world.by_id("payments", "orders"), world.by_id("split", "orders")
    copies = world.by_id("aftersale", "orders")
    for it in world.scenario.orders:
        key = it.order.key
        state = claims.get(key, {}).get("state")
        if state != ("rejected" if it.rejected else "accepted"):
            yield f"{key}: payments has it {state}"
        copied = copies.get(key, {}).get("state")
        if copied != ("rejected" if it.rejected else "paid"):
            yield f"{key}: aftersale has it {copied}"
        if not it.rejected:
            yield from _unpaid(key, orders.get(key), [payout for payout in payouts if payout["order"] == key])


def _unpaid(key: str, order: Document | None, payouts: list[Document]) -> Iterator[str]:
    if order is None or order["state"] != "split":
        yield f"{key}: not split"
        return
    shares = Counter(share["state"] for share in order["shares"])
    if set(shares) - {"paid"}:
        yield f"{key}: its shares are {dict(shares)}"
    if not payouts or any(payout["state"] != "final" for payout in payouts):
        yield f"{key}: its payouts are {[payout['waits'] for payout in payouts]}"


def broken(world: World) -> Iterator[str]:
    """Say what is wrong once everything has come to its end."""
    yield from _money(world)
    blocks = world.all("split", "blocks")
    yield from books.wrong(blocks, world.all("split", "balances"))
    yield from books.broken(world.all("split", "links"), world.by_id("split", "heads"), blocks)
    yield from _dead_letters(world)
    yield from _events(world)


def _money(world: World) -> Iterator[str]:
    """Every receiver got what the oracle says, by the institution's own record; every order's money is used up."""
    got = world.institution.received
    if got != world.scenario.received:
        yield f"receivers got {dict(got)}, not {dict(world.scenario.received)}"
    pools = {place: minor for place, minor in world.institution.pockets.items() if place[0] == "in_transit" and minor}
    if pools:
        yield f"the institution has {pools} in transit"
    claims, payouts = world.by_id("payments", "orders"), world.all("payments", "payouts")
    moved: Counter[str] = Counter()
    for it in payouts:
        moved[it["order"]] += sum(leg["amount_minor"] for leg in it["legs"] if leg["state"] == "succeeded")
        moved[it["order"]] -= sum(sub["amount_minor"] for sub in it["subsidies"] if sub["state"] == "succeeded")
    for ordered in world.scenario.orders:
        key = ordered.order.key
        left = (claims[key]["net_minor"] or 0) - moved[key]
        if left:
            yield f"{key}: {left} left of its money"
    paid = [leg["leg_id"] for it in payouts for leg in it["legs"] if leg["state"] == "succeeded"]
    twice = [leg for leg, times in Counter(paid).items() if times > 1]
    if twice:
        yield f"legs paid twice: {twice}"
    stated = Counter[str]()
    for it in world.all("merchant", "statements"):
        for entry in it["entries"]:
            stated[entry["owner"]] += entry["amount_minor"]
    wanted = Counter({name.removeprefix("merchant:"): minor for name, minor in world.scenario.received.items()})
    if Counter({name: minor for name, minor in stated.items() if minor}) != wanted:
        yield f"statements say {dict(stated)}, not {dict(wanted)}"


def _dead_letters(world: World) -> Iterator[str]:
    """Dead letters are those that the scenario makes, of both services that take the topic."""
    found: dict[str, set[tuple[str, int, int]]] = {}
    for topic in world.broker.logs:
        if not topic.endswith(".dlq"):
            continue
        for letter in world.records(topic):
            facts = {name: (value or b"").decode() for name, value in letter.headers}
            place = (facts["weir-dlq-topic"], int(facts["weir-dlq-partition"]), int(facts["weir-dlq-offset"]))
            found.setdefault(facts["weir-dlq-service"], set()).add(place)
            if place not in world.expected_dead:
                yield f"{topic}: {facts['weir-dlq-error']} of {letter.key!r}"
    for service in ("payments", "aftersale"):
        if missing := world.expected_dead - found.get(service, set()):
            yield f"{service}: no dead letter of {sorted(missing)}"


def _events(world: World) -> Iterator[str]:
    """Compare what was committed with what is on Kafka: neither has more."""
    for origin, places in world.watch.unsent.items():
        if places:
            yield f"{origin}: {len(places)} committed events are not on Kafka"
    records = [it for topic in world.broker.logs for it in world.records(topic)]
    for ghost in world.watch.ghosts(records):
        yield f"{ghost} is on Kafka and was never committed"
