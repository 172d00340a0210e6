"""Golden samples: records as they were published under each version of each contract. Never edited, only added to."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shared.messages import EVENTS, Event

GOLDEN: Final = Path(__file__).parent / "golden"
STRUCTS: Final = {event.type: event for event in EVENTS}


@dataclass(frozen=True, slots=True)
class Sample:
    """One published record. The struct is today's reader of its ce_type."""

    name: str
    struct: type[Event]
    key: str
    headers: dict[str, str]
    document: dict[str, Any]
    body_hash: str

    @property
    def value(self) -> bytes:
        """The record's value as it was written."""
        return json.dumps(self.document, ensure_ascii=False).encode()

    @property
    def raw_headers(self) -> list[tuple[str, bytes | None]]:
        """The record's headers as aiokafka gives them."""
        return [(name, text.encode()) for name, text in self.headers.items()]


def _read(path: Path) -> Sample:
    it = json.loads(path.read_text(encoding="utf-8"))
    struct = STRUCTS[path.parent.name]
    return Sample(f"{path.parent.name}/{path.stem}", struct, it["key"], it["headers"], it["value"], it["body_hash"])


SAMPLES: Final = [_read(path) for path in sorted(GOLDEN.glob("*/*.json"))]


def sample(kind: str, name: str) -> Sample:
    """Return the sample of that name."""
    return next(it for it in SAMPLES if it.name == f"{kind}/{name}")
