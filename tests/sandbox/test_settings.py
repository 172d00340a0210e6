"""The institution does not start half configured."""

from pathlib import Path

import pytest

from sandbox.app import create_app


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as exit_:
        create_app()
    assert exit_.value.code == 2
    return capsys.readouterr().err


def test_a_start_without_a_file_names_the_variable_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SANDBOX_DATABASE", raising=False)
    assert "SANDBOX_DATABASE: Field required" in refused(capsys)


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("", "unable to open database file"),
        ("nowhere/sandbox.db", "unable to open database file"),
        ("notes.txt/sandbox.db", "unable to open database file"),
        ("notes.txt", "file is not a database"),
    ],
)
def test_a_path_that_cannot_be_the_file_is_refused_with_its_cause(
    path: str, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("not a database, and long enough for a header of one hundred bytes " * 2)
    monkeypatch.setenv("SANDBOX_DATABASE", str(tmp_path / path))
    assert f"SANDBOX_DATABASE: {tmp_path / path}: {cause}; it must be a file" in refused(capsys)


def test_a_path_that_cannot_be_written_is_refused_with_its_cause(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SANDBOX_DATABASE", "/dev/full/sandbox.db")
    assert "in a folder that can be written" in refused(capsys)
