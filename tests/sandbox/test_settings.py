"""The institution does not start half configured."""

import pytest

from sandbox.app import create_app
from sandbox.settings import load


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SANDBOX_MONGO_URL", raising=False)
    monkeypatch.delenv("SANDBOX_MONGO_DATABASE", raising=False)


def test_a_start_without_a_database_names_the_variable_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        create_app()
    assert exit_.value.code == 2
    assert "SANDBOX_MONGO_URL: Field required" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SANDBOX_MONGO_URL", "127.0.0.1:27017"),
        ("SANDBOX_MONGO_URL", "mongodb://"),
        ("SANDBOX_MONGO_DATABASE", "a/b"),
        ("SANDBOX_MONGO_DATABASE", ""),
    ],
)
def test_a_wrong_value_names_its_variable(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SANDBOX_MONGO_URL", "mongodb://127.0.0.1:27017")
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit):
        load()
    assert variable in capsys.readouterr().err


def test_the_database_is_called_sandbox_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_MONGO_URL", "mongodb://127.0.0.1:27017")
    assert load().mongo_database == "sandbox"
