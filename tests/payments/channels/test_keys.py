"""Keys: read from files, again when they change, and shown nowhere."""

import copy
import hashlib
import hmac
import logging
import pickle
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from payments.channels.keys import Keys, KeysError, Secret, checked, signed_by

PROFILE = "wechat-profit-sharing"
OLD, NEW, OWN = "old-key-of-the-profile", "new-key-of-the-profile", "key-of-one-account-only"


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / PROFILE).write_text(f"{NEW}\n{OLD}\n")
    (tmp_path / f"{PROFILE}.shop.1").write_text(OWN)
    return tmp_path


def by(key: str, message: bytes = b"x") -> str:
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()


def test_every_key_of_a_file_verifies_and_an_account_with_a_file_of_its_own_has_that_alone(folder: Path) -> None:
    keys = Keys(folder)
    assert signed_by(keys.of(PROFILE, "shop"), b"x", by(NEW))
    assert signed_by(keys.of(PROFILE, "shop"), b"x", by(OLD))
    assert keys.of(PROFILE, "shop")[0].sign(b"x") == by(NEW)
    assert not signed_by(keys.of(PROFILE, "shop"), b"x", by(OWN))
    assert signed_by(keys.of(PROFILE, "shop.1"), b"x", by(OWN))
    assert not signed_by(keys.of(PROFILE, "shop.1"), b"x", by(NEW))


@pytest.mark.parametrize("signature", ["", "é", "\ud800", by(NEW)[:-1], by(NEW).upper(), by(NEW, b"y")])
def test_what_is_not_a_keys_signature_is_none(folder: Path, signature: str) -> None:
    assert not signed_by(Keys(folder).of(PROFILE, "shop"), b"x", signature)


def test_without_a_key_nothing_is_signed_by_one(folder: Path) -> None:
    assert Keys(folder).of("alipay-split", "shop") == Keys(None).of(PROFILE, "shop") == ()
    assert not signed_by((), b"x", by(""))


def test_a_key_is_exchanged_without_a_restart_and_looked_for_once_a_second(folder: Path) -> None:
    clock = Clock()
    keys = Keys(folder, clock)
    assert len(keys.of(PROFILE, "shop")) == 2
    (folder / PROFILE).write_text("the-key-after-the-new-one\n")
    clock.now = 0.9
    assert len(keys.of(PROFILE, "shop")) == 2
    clock.now = 1.0
    assert signed_by(keys.of(PROFILE, "shop"), b"x", by("the-key-after-the-new-one"))
    assert not signed_by(keys.of(PROFILE, "shop"), b"x", by(NEW))


@pytest.mark.parametrize("content", ["", "\n \n", "short", "sécret-of-some-length", "x" * 16 + "\n" + "y" * 15])
def test_a_file_that_cannot_be_used_keeps_the_last_good_keys_and_is_warned_of_once(folder: Path, content: str) -> None:
    clock = Clock()
    keys = Keys(folder, clock)
    assert len(keys.of(PROFILE, "shop")) == 2
    (folder / PROFILE).write_text(content)
    with capture_logs() as logs:
        for clock.now in (1.0, 2.0, 3.0):
            assert signed_by(keys.of(PROFILE, "shop"), b"x", by(NEW))
    assert [(it["log_level"], it["file"]) for it in logs] == [("warning", PROFILE)]
    assert not content.strip() or content not in str(logs)
    (folder / PROFILE).write_text(f"{OLD}\n")
    clock.now = 4.0
    assert not signed_by(keys.of(PROFILE, "shop"), b"x", by(NEW))


def test_a_folder_that_is_gone_keeps_the_last_good_keys_and_a_file_that_is_gone_takes_its_keys_back(
    folder: Path,
) -> None:
    clock = Clock()
    keys = Keys(folder, clock)
    assert keys.of(PROFILE, "shop.1")
    (folder / f"{PROFILE}.shop.1").unlink()
    clock.now = 1.0
    assert signed_by(keys.of(PROFILE, "shop.1"), b"x", by(NEW))
    elsewhere = folder.rename(folder.with_name("elsewhere"))
    clock.now = 2.0
    assert len(keys.of(PROFILE, "shop")) == 2
    elsewhere.rename(folder)


def test_a_secret_is_shown_nowhere() -> None:
    secret = Secret(NEW.encode())
    shown = f"{secret} {secret!r} {secret!s} {[secret]} {vars(Secret)}"
    assert NEW not in shown
    assert "Secret(***)" in shown
    for write in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            write(secret)
    with pytest.raises(TypeError):
        structlog.processors.JSONRenderer(default=None)(logging.getLogger(), "info", {"key": secret})


def test_a_folder_of_good_files_can_be_used(folder: Path) -> None:
    (folder / ".new").write_text("")
    (folder / "bank-accounts").write_text("key-of-bank-accounts")
    assert checked(folder) == folder
    assert Keys(folder).of_bank_accounts() is not None


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("wechat", f"{OLD}", "wechat is no profile"),
        (PROFILE, "", "is empty"),
        (PROFILE, "tiny-key", "fewer than 16 characters"),
        (PROFILE, "a key with blanks in it", "visible ASCII"),
        (PROFILE, "x" * 70_000, "more than 65536 bytes"),
        (PROFILE, "key-of-sixteen-c\n" * 11, "more than 10 keys"),
    ],
)
def test_what_cannot_be_used_is_named_without_its_content(
    tmp_path: Path, name: str, content: str, problem: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(KeysError, match=problem) as found:
        checked(tmp_path)
    assert not content or content not in str(found.value)


def test_a_folder_that_is_not_there_or_a_folder_for_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="cannot be read"):
        checked(tmp_path / "nowhere")
    (tmp_path / PROFILE).mkdir()
    with pytest.raises(KeysError, match=f"{PROFILE} is no file"):
        checked(tmp_path)
