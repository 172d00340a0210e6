"""Kafka as a list: what a unit of work would have published."""

from collections.abc import Sequence

from shared.outbox import Outgoing
from shared.publisher import Publisher


class Published(Publisher):
    """Keeps what would be on Kafka."""

    def __init__(self) -> None:
        super().__init__("nowhere:1", "test")
        self.records: list[Outgoing] = []

    async def publish(self, records: Sequence[Outgoing]) -> None:
        self.records.extend(records)
