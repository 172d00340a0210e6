"""The progress bar of sending, as a log file keeps it."""

import io

import pytest
from rich.console import Console

from ops.commands import send


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    kept = io.StringIO()
    monkeypatch.setattr(send, "notes", Console(file=kept, width=100))
    return kept


def row(drawn: io.StringIO, stage: str) -> str:
    return next(line for line in drawn.getvalue().splitlines() if line.startswith(stage))


def test_a_stage_whose_length_nobody_knows_ends_full_and_without_a_count(drawn: io.StringIO) -> None:
    with send.Bar() as bar:
        bar.stage("reading")
        bar.stage("sending", 1_000)
        bar.advance(1_000)
        bar.stage("auditing")
    assert "━━━" in row(drawn, "reading")
    assert "━━━" in row(drawn, "auditing")
    assert "1,000/1,000" in row(drawn, "sending")
    assert "?" not in drawn.getvalue()


def test_a_stage_that_failed_does_not_look_done(drawn: io.StringIO) -> None:
    bar = send.Bar().__enter__()
    bar.stage("reading")
    bar.__exit__(ValueError, None, None)
    assert "━" not in row(drawn, "reading")


def test_a_stage_with_nothing_to_do_is_not_shown(drawn: io.StringIO) -> None:
    with send.Bar() as bar:
        bar.stage("agreeing with merchants", 0)
        bar.advance(0)
    assert "agreeing" not in drawn.getvalue()
