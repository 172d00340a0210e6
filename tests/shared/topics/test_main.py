"""The topics job: what it prints and how it exits."""

import sys
import uuid
from pathlib import Path

import pytest

from shared.topics.__main__ import main


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["topics", *words])
    return main()


@pytest.mark.infra
def test_the_job_applies_then_finds_nothing_to_do(
    kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    name = f"job-{uuid.uuid4().hex[:12]}"
    text = Path("deploy/topics.yaml").read_text(encoding="utf-8")
    file = tmp_path / "topics.yaml"  # one topic that only this test uses
    file.write_text(text.partition("\n  order-rejected:")[0].replace("order-paid:", f"{name}:"), encoding="utf-8")
    monkeypatch.setenv("KAFKA_BOOTSTRAP", kafka_bootstrap)
    assert run(monkeypatch, "apply", "--file", str(file)) == 0
    lines = [f"{name}: created", f"{name}.payments.dlq: created", f"{name}.aftersale.dlq: created"]
    assert capsys.readouterr().out.splitlines() == [*lines, "topics stand as stated"]
    assert run(monkeypatch, "apply", "--file", str(file)) == 0
    assert run(monkeypatch, "check", "--file", str(file), "--bootstrap", kafka_bootstrap) == 0
    assert capsys.readouterr().out == "topics stand as stated\n" * 2


def test_a_mistake_in_the_file_exits_1_and_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "check", "--bootstrap", "127.0.0.1:1", "--file", str(tmp_path / "none.yaml")) == 1
    assert "none.yaml: cannot be read" in capsys.readouterr().err


def test_a_job_without_a_broker_says_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP", raising=False)
    with pytest.raises(SystemExit, match="2"):
        run(monkeypatch, "check")
    assert "--bootstrap" in capsys.readouterr().err
