"""Settings come from the environment, checked at start; what is wrong is named by its variable."""

import pytest
from tests.shared.probe import ProbeSettings

from shared.intake import LEFTOVERS_S_MAX
from shared.settings import SESSION_TIMEOUT_MS_MIN, load

NEEDED = {
    "PROBE_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "PROBE_MONGO_URL": "mongodb://127.0.0.1/?replicaSet=rs0",
    "PROBE_MONGO_DATABASE": "probe",
}


def environment(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    for name in [*NEEDED, "PROBE_ENVIRONMENT", "PROBE_FETCH_MIN_BYTES", "LATENCY", "COST"]:
        monkeypatch.delenv(name, raising=False)
    for name, value in {**NEEDED, **changes}.items():
        monkeypatch.setenv(name, value)


def test_what_is_not_set_has_its_documented_default(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch)
    settings = load(ProbeSettings)
    assert settings.environment == "production"
    assert (settings.fetch_min_bytes, settings.fetch_max_wait_ms) == (400_000, 240)
    assert settings.session_timeout_ms == 15_000


def test_taking_an_assignment_ends_before_the_shortest_session_does() -> None:
    """No heartbeat is sent meanwhile: the broker would give the partitions to another consumer, and so on."""
    assert LEFTOVERS_S_MAX * 1_000 < SESSION_TIMEOUT_MS_MIN


def test_every_missing_variable_is_named_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment(monkeypatch)
    monkeypatch.delenv("PROBE_KAFKA_BOOTSTRAP")
    monkeypatch.delenv("PROBE_MONGO_URL")
    with pytest.raises(SystemExit) as ended:
        load(ProbeSettings)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert "PROBE_KAFKA_BOOTSTRAP: Field required" in said
    assert "PROBE_MONGO_URL: Field required" in said
    assert "PROBE_MONGO_DATABASE" not in said


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PROBE_MONGO_URL", "postgres://secret:word@x"),
        ("PROBE_MONGO_URL", "mongodb://ann:se/secret@127.0.0.1/?w=1"),
        ("PROBE_MONGO_URL", "mongodb://ann:secret@@127.0.0.1"),
        ("PROBE_MONGO_URL", "mongodb://ann:secret"),
        ("PROBE_ENVIRONMENT", "staging"),
        ("PROBE_FETCH_MIN_BYTES", "0"),
        ("LATENCY", "high"),
        ("COST", "secret"),
        ("PROBE_SESSION_TIMEOUT_MS", "5999"),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str
) -> None:
    environment(monkeypatch, **{variable: value})
    with pytest.raises(SystemExit):
        load(ProbeSettings)
    said = capsys.readouterr().err
    assert f"{variable}: " in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("changes", "dial"),
    [
        ({"LATENCY": "low"}, (50_000, 50)),
        ({"COST": "low"}, (800_000, 300)),
        ({"LATENCY": "", "COST": ""}, (400_000, 240)),
        ({"LATENCY": "", "COST": "low"}, (800_000, 300)),
        ({"COST": "low", "PROBE_FETCH_MIN_BYTES": "7"}, (7, 300)),
    ],
)
def test_one_dial_chooses_how_long_a_batch_may_fill(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], dial: tuple[int, int]
) -> None:
    environment(monkeypatch, **changes)
    settings = load(ProbeSettings)
    assert (settings.fetch_min_bytes, settings.fetch_max_wait_ms) == dial


def test_the_dial_does_not_stand_at_both_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment(monkeypatch, LATENCY="low", COST="low")
    with pytest.raises(SystemExit) as ended:
        load(ProbeSettings)
    assert ended.value.code == 2
    assert "COST: Value error, LATENCY=low and COST=low are two ends of one dial" in capsys.readouterr().err
