"""Passwords of a cluster: made once, readable by nobody else, and taken as they are into a URL."""

import stat
from pathlib import Path

from pymongo.uri_parser import parse_uri

from ops.runtime import passwords


def test_a_password_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    first = passwords.ensured(folder, ("audit", "split"))
    assert passwords.ensured(folder, ("audit", "split")) == first
    assert first["audit"] != first["split"]
    assert {it.name: stat.S_IMODE(it.stat().st_mode) for it in folder.iterdir()} == {
        "audit": 0o600,
        "split": 0o600,
        "keyfile": 0o600,
    }
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_file_that_a_crash_left_half_written_is_not_taken_for_a_password(tmp_path: Path) -> None:
    (tmp_path / ".audit.new").write_text("half")
    assert len(passwords.ensured(tmp_path, ("audit",))["audit"]) == 32


def test_another_cluster_has_other_passwords(tmp_path: Path) -> None:
    assert passwords.ensured(tmp_path / "a", ("audit",)) != passwords.ensured(tmp_path / "b", ("audit",))
    assert (tmp_path / "a" / "keyfile").read_text() != (tmp_path / "b" / "keyfile").read_text()


def test_a_cluster_without_users_has_no_password(tmp_path: Path) -> None:
    assert passwords.of(tmp_path, "audit") is None


def test_a_user_is_put_into_the_url_whatever_the_password_is_made_of() -> None:
    url = passwords.url_of("mongodb://127.0.0.1:27018/?replicaSet=rs0", "audit", "p@ss/w:rd%")
    read = parse_uri(url)
    assert (read["username"], read["password"], read["nodelist"]) == ("audit", "p@ss/w:rd%", [("127.0.0.1", 27018)])
    assert read["options"]["replicaSet"] == "rs0"
