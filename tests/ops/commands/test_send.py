"""The progress bar of sending, as a log file keeps it."""

import io
import json

import pytest
from rich.console import Console

from ops.commands import send
from ops.send.run import Sent


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


@pytest.mark.parametrize(
    ("orders", "progress", "said"),
    [
        (1, 0, "Sent 1 order to demo-x in 2.0 s"),
        (0, 3, "Sent 3 steps of progress to demo-x in 2.0 s (2 a second)"),
        (2, 1, "Sent 2 orders and 1 step of progress to demo-x in 2.0 s (2 a second)"),
        (0, 0, "The file has no orders and no progress: nothing was sent."),
    ],
)
def test_a_run_says_what_it_sent(capsys: pytest.CaptureFixture[str], orders: int, progress: int, said: str) -> None:
    done = Sent(("demo-x",), orders, progress, 0, 2.0)
    send.answer(done, as_json=False)
    assert said in " ".join(capsys.readouterr().err.split())
    send.answer(done, as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "marketplaces": ["demo-x"],
        "orders": orders,
        "progress": progress,
        "merchants": 0,
        "seconds": 2.0,
    }
