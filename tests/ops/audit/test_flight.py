"""How long something may be under way."""

import pytest

from ops.audit import flight
from ops.audit.findings import Findings
from ops.audit.flight import Flight


@pytest.mark.parametrize(
    ("kind", "oldest_s", "laws"),
    [
        ("outbox", 30.0, []),
        ("outbox", 30.1, ["outbox_young"]),
        ("unread", 300.0, []),
        ("unread", 300.1, ["moves_on"]),
        ("unsent", 300.0, []),
        ("unsent", 300.1, ["moves_on"]),
        ("due", 300.0, []),
        ("due", 300.1, ["moves_on"]),
        ("unread", None, []),
    ],
)
def test_what_is_under_way_for_too_long_is_a_breach(kind: str, oldest_s: float | None, laws: list[str]) -> None:
    findings = Findings()
    flight.judge([Flight(kind, "split", 7, oldest_s)], findings)
    assert [it.law for it in findings.shown] == laws
