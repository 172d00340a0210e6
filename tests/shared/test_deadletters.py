"""A dead letter says where a record stood and why it failed, and never outgrows its topic."""

import hashlib
from datetime import UTC, datetime

from shared import deadletters
from shared.deadletters import HEADERS_KEPT_BYTES_MAX, VALUE_KEPT_BYTES_MAX
from shared.outbox import Outgoing
from shared.record import Raw

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DLQ_RECORD_BYTES_MAX = 2_097_152


def letter(raw: Raw, reason: str = "because") -> Outgoing:
    return deadletters.letter(raw, "probe", "malformed", reason, NOW, "probe.taken")


def facts(outgoing: Outgoing) -> dict[str, str]:
    return {name: (content or b"").decode() for name, content in outgoing.headers if name.startswith("weir-dlq-")}


def test_a_record_is_kept_whole_with_its_place_and_cause() -> None:
    raw = Raw("taken", 3, 7, 1_700_000_000_000, b"k", b"v", [("ce_id", None), ("x", b"\xff")])
    outgoing = letter(raw)
    assert outgoing.topic == "taken.probe.dlq"
    assert (outgoing.key, outgoing.value) == (b"k", b"v")
    assert list(outgoing.headers[:2]) == [("ce_id", None), ("x", b"\xff")]
    assert (outgoing.origin, outgoing.seq) == (("probe.taken", 3), 7)
    found = facts(outgoing)
    assert found.pop("weir-dlq-code-version")
    assert found == {
        "weir-dlq-topic": "taken",
        "weir-dlq-partition": "3",
        "weir-dlq-offset": "7",
        "weir-dlq-timestamp-ms": "1700000000000",
        "weir-dlq-service": "probe",
        "weir-dlq-attempts": "1",
        "weir-dlq-first-failed-at": "2026-01-02T03:04:05+00:00",
        "weir-dlq-last-failed-at": "2026-01-02T03:04:05+00:00",
        "weir-dlq-error": "because",
        "weir-dlq-disposition": "malformed",
    }


def test_a_tombstone_stays_one() -> None:
    assert letter(Raw("taken", 0, 0, 0, b"k", None, [])).value is None


def test_too_large_a_value_is_cut_and_known_by_its_hash() -> None:
    value = b"v" * 3_000_000
    outgoing = letter(Raw("taken", 0, 0, 0, b"k", value, []))
    assert outgoing.value == value[:VALUE_KEPT_BYTES_MAX]
    assert facts(outgoing)["weir-dlq-value-sha256"] == hashlib.sha256(value).hexdigest()
    assert facts(outgoing)["weir-dlq-value-bytes"] == "3000000"


def test_whatever_part_of_a_record_is_too_large_its_letter_fits_the_topic() -> None:
    """Fails when key or headers are passed on whole: their topic refuses the letter, for ever."""
    large = b"x" * 5_000_000
    for raw in (
        Raw("taken", 0, 0, 0, large, None, []),
        Raw("taken", 0, 0, 0, large, large, [("h", large)] * 3),
        Raw("taken", 0, 0, 0, b"k", b"v", [("h", b"x" * 1_000)] * 5_000),
    ):
        outgoing = letter(raw, "r" * 100_000)
        assert outgoing.size < VALUE_KEPT_BYTES_MAX * 2 + HEADERS_KEPT_BYTES_MAX * 2 < DLQ_RECORD_BYTES_MAX
    assert facts(letter(Raw("taken", 0, 0, 0, large, None, [])))["weir-dlq-key-bytes"] == "5000000"
    assert facts(letter(Raw("taken", 0, 0, 0, None, b"v", [("h", large)])))["weir-dlq-headers-cut"] == "true"
