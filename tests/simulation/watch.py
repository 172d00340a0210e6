"""Watches every commit, every record and every acknowledgement as it happens, and notes what must never be.

What is on Kafka was committed with that very content; events of one origin partition first appear in their order;
no offset passes a record that is not handled, or whose events are not published.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from aiokafka import TopicPartition
from tests.simulation.kafka.broker import Stored
from tests.simulation.mongo.rows import Change
from tests.simulation.mongo.store import Store

from shared import outbox, parking
from shared.messages import CaseChanged
from shared.record import INTERNAL, Batch
from shared.work import Work

PLAYED: Final = frozenset({CaseChanged.topic})
"""Topics of services that the course plays: no store of a schedule has committed what is on them."""

type Origin = tuple[str, int]
type Place = tuple[int, int, int]
"""Where an event stands among those of its origin: seq, commit, number in its document."""

type Identity = tuple[str, object]
type Content = tuple[str, bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]]


class Watch:
    """One schedule's onlooker. `problems` are told in the order of their discovery."""

    def __init__(self, note: Callable[[str, str], None], *, steps: bool = True) -> None:
        """Begin. `steps`: judge every step, and not only what stands in the stores and on Kafka at the end."""
        self.problems: list[str] = []
        self.unsent: dict[Origin, dict[Place, Identity]] = defaultdict(dict)
        self.poisoned: str | None = None
        self.over = False
        """Whether the schedule has ended: what its remains still do is no matter."""
        self._note = note
        self._steps = steps
        self._commits = 0
        self._events: dict[Content, tuple[Origin, Place]] = {}
        self._causes: dict[Content, int] = {}
        self._seen: set[Identity] = set()
        self._last: dict[tuple[Origin, str, int], Place] = {}
        self._handled: dict[str, set[tuple[int, int]]] = defaultdict(set)
        self._acked: dict[tuple[str, int], int] = defaultdict(int)

    def wrong(self, what: str) -> None:
        """Note a breach."""
        if self.over:
            return
        self._note("BREACH", what)
        if what not in self.problems:
            self.problems.append(what)

    def handling(self, group: str, batch: Batch[Any], work: Work) -> None:
        """See a batch given to a handler; fail as a bug would with a poisoned order."""
        session: Any = work.session
        session.transaction.notes.append((group, [(it.partition, it.offset) for it in batch]))
        if (
            self.poisoned is not None
            and group.startswith("split.")
            and any(it.event.key == self.poisoned for it in batch)
        ):
            raise ZeroDivisionError

    def decided(self, work: Work) -> None:
        """See which record each event comes from: an outbox document has only the number of its first."""
        self._causes.update({_content(it): it.seq for it in work.outgoing})

    def watch(self, store: Store) -> None:
        """Watch a service's database."""
        store.onlookers.append(lambda changes, notes: self._committed(store.name, changes, notes))

    def _committed(self, service: str, changes: list[Change], notes: list[Any]) -> None:
        self._commits += 1
        for group, places in notes:
            self._handled[group].update(places)
        for change in changes:
            if change.after is None or change.before is not None:
                continue
            if change.table == outbox.COLLECTION:
                self._outgoing(change.after)
            elif change.table == parking.PARKED:
                it = change.after
                self._handled[f"{service}.{it['topic']}"].add((it["partition"], it["offset"]))

    def _outgoing(self, letter: Mapping[str, Any]) -> None:
        for number, record in enumerate(outbox.records(dict(letter))):
            content = _content(record)
            place = (self._causes.get(content, record.seq), self._commits, number)
            self._events[content] = record.origin, place
            self.unsent[record.origin][place] = _identity(record)
            if record.topic.endswith(".dlq"):
                self._handled[record.origin[0]].add(_where(record.headers))

    def appended(self, record: Stored) -> None:
        """See a record come to Kafka."""
        if not is_internal(record):
            return
        content = (record.topic, record.key, record.value, record.headers)
        known = self._events.get(content)
        if known is None:
            if self._steps:
                self.wrong(f"{_name(record)} is on Kafka and was not committed")
            return
        origin, place = known
        self.unsent[origin].pop(place, None)
        if _identity(record) in self._seen or origin[1] < 0:
            return
        self._seen.add(_identity(record))
        line = (origin, record.topic, record.partition)
        if place < self._last.get(line, (-1, 0, 0)):
            self.wrong(
                f"{_name(record)} of {origin[0]}-{origin[1]} seq {place[0]} came after seq {self._last[line][0]}"
            )
        self._last[line] = max(place, self._last.get(line, place))

    def acknowledged(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        """See offsets being committed."""
        for where, offset in offsets.items():
            partition = where.partition
            first = self._acked[group, partition]
            for passed in range(first, offset):
                if self._steps and (partition, passed) not in self._handled[group]:
                    self.wrong(f"{group}-{partition}: {passed} is acknowledged and not committed")
            # A second owner's letter about a record is no other event: it may still be on its way.
            unsent = self.unsent[group, partition].items()
            left = [place for place, event in unsent if place[0] < offset and event not in self._seen]
            if self._steps and left:
                self.wrong(f"{group}-{partition}: {offset} is acknowledged, events of {min(left)[0]} are not published")
            self._acked[group, partition] = max(first, offset)

    def unhandled(self, group: str, records: Iterable[Stored]) -> int:
        """Count the records of a topic that a group has not handled yet."""
        return sum((it.partition, it.offset) not in self._handled[group] for it in records)

    def ghosts(self, records: list[Stored]) -> list[str]:
        """Return which records on Kafka were never committed."""
        internal = [it for it in records if is_internal(it)]
        return [_name(it) for it in internal if (it.topic, it.key, it.value, it.headers) not in self._events]


def is_internal(record: Stored) -> bool:
    """Tell whether a service published it; upstream's own source is another, and cases are the course's."""
    source = dict(record.headers).get("ce_source") or b""
    return record.topic.endswith(".dlq") or (source.startswith(INTERNAL.encode()) and record.topic not in PLAYED)


def _content(record: outbox.Outgoing) -> Content:
    return record.topic, record.key, record.value, tuple(record.headers)


def _identity(record: Stored | outbox.Outgoing) -> Identity:
    """Return what makes a record the same when it comes again: another letter about one record is no other event."""
    if record.topic.endswith(".dlq"):
        return record.topic, _where(record.headers)
    return record.topic, dict(record.headers)["ce_id"]


def _where(headers: Sequence[tuple[str, bytes | None]]) -> tuple[int, int]:
    """Return partition and offset of the record that a dead letter is about."""
    facts = dict(headers)
    return int(facts["weir-dlq-partition"] or 0), int(facts["weir-dlq-offset"] or 0)


def _name(record: Stored) -> str:
    return f"{record.topic} {(record.key or b'').decode(errors='replace')}"
