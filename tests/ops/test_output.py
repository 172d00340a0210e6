"""What tables and sentences look like, whatever the command."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from ops import output


def test_a_time_in_a_table_is_utc_to_the_second() -> None:
    at = datetime(2026, 3, 1, 1, 2, 3, 456_789, tzinfo=timezone(timedelta(hours=2)))
    assert output.moment(at) == output.moment(at.isoformat()) == "2026-02-28 23:02:03"
    assert not output.moment(None)


def test_one_thing_is_not_many() -> None:
    assert [output.counted(it, "order") for it in (0, 1, 2_000)] == ["0 orders", "1 order", "2,000 orders"]


def test_what_an_operator_copies_is_never_broken_in_two(capsys: pytest.CaptureFixture[str]) -> None:
    identity = "payout-requested.payments.dlq/0/12345"
    output.table("Dead letters", ("id", "error", "key"), [(identity, "many words " * 20, "demo-x/" + "k" * 60)])
    assert identity in capsys.readouterr().out


def test_a_time_of_an_object_is_rfc_3339(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit({"since": datetime(2026, 3, 1, tzinfo=UTC)})
    assert json.loads(capsys.readouterr().out) == {"since": "2026-03-01T00:00:00+00:00"}
