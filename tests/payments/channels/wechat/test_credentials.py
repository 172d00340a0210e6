"""Keys come from files, are read again when they change, and are shown nowhere."""

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.payments.channels.wechat.counterpart import APIV3_KEY, APPID, MCHID, PLATFORM_ID, SERIAL, Counterpart

from payments.channels.wechat import Credentials, CredentialsError, Wallet
from payments.channels.wechat.signing import SignatureError, opened, verify


def test_the_files_of_a_folder_are_the_keys_of_its_merchant_number(there: Counterpart, tmp_path: Path) -> None:
    found = Credentials.load(there.write(tmp_path))
    assert (found.mchid, found.appid, found.serial, found.platform_id) == (MCHID, APPID, SERIAL, PLATFORM_ID)
    assert APIV3_KEY not in f"{found!r}{found!s}"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("merchant.pem", b"no key"),
        ("platform.pem", b"no key"),
        ("apiv3.key", b"too short"),
        ("appid", b""),
        ("merchant.serial", b"two words"),
        ("platform.id", None),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_not_shown(
    there: Counterpart, tmp_path: Path, name: str, content: bytes | None
) -> None:
    folder = there.write(tmp_path)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(CredentialsError, match=f"{MCHID}/{name}") as caught:
        Credentials.load(folder)
    assert not content or content.decode() not in str(caught.value)


def test_a_key_is_rotated_without_a_restart_and_a_bad_file_changes_nothing(there: Counterpart, tmp_path: Path) -> None:
    folder, now = there.write(tmp_path), [0.0]
    wallet = Wallet(tmp_path, lambda: now[0])
    first = wallet.of(MCHID)
    for serial, expected in (("NEW", "NEW"), ("two words", "NEW")):
        (folder / "merchant.serial").write_text(serial)
        os.utime(folder / "merchant.serial", ns=(0, int(now[0]) + 1))
        now[0] += 0.5
        before = wallet.of(MCHID).serial
        now[0] += 1.0
        with capture_logs() as logs:
            assert wallet.of(MCHID).serial == expected
        assert before == (first.serial if serial == "NEW" else "NEW")
        assert [it["event"] for it in logs] == (
            [] if serial == expected else ["credentials not read, the last good ones stay"]
        )


def test_only_what_it_has_signed_just_now_is_believed(there: Counterpart, tmp_path: Path) -> None:
    keys = Credentials.load(there.write(tmp_path))
    content = b'{"id": "1"}'
    headers = {name.lower(): value for name, value in there.signed(content, 1_000_000.0).items()}
    verify(keys, headers, content, 1_000_000.0)
    for changed in (
        headers | {"wechatpay-serial": "ANOTHER"},
        headers | {"wechatpay-timestamp": "1000001"},
        headers | {"wechatpay-timestamp": "-1"},
        headers | {"wechatpay-nonce": "another"},
        headers | {"wechatpay-signature": "!"},
        headers | {"wechatpay-signature": "QUJD"},
        {},
    ):
        with pytest.raises(SignatureError):
            verify(keys, changed, content, 1_000_000.0)
    for body, now in ((content + b" ", 1_000_000.0), (content, 1_000_301.0), (content, 999_699.0)):
        with pytest.raises(SignatureError):
            verify(keys, headers, body, now)


def test_what_is_locked_opens_with_its_own_key_only(there: Counterpart, tmp_path: Path) -> None:
    keys = Credentials.load(there.write(tmp_path))
    resource = there.sealed({"out_trade_no": "1"})
    assert opened(keys, resource) == b'{"out_trade_no": "1"}'
    for changed in (resource | {"nonce": "0" * 12}, resource | {"ciphertext": "QUJD"}, {}, resource | {"nonce": ""}):
        with pytest.raises(SignatureError):
            opened(keys, changed)
