"""What a merchant number needs to speak to WeChat Pay: files in a folder of its own, read again when they change.

A folder `<mchid>` has: `appid`; `merchant.pem` (its private key) and `merchant.serial` (of its certificate);
`apiv3.key` (32 characters); `platform.pem` (WeChat's public key) and `platform.id`. A key is rotated by replacing its
files.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

FILES: Final = ("appid", "merchant.pem", "merchant.serial", "apiv3.key", "platform.pem", "platform.id")
APIV3_KEY_BYTES: Final = 32
LOOK_EVERY_S: Final = 1.0

log = structlog.get_logger(__name__)


class CredentialsError(ValueError):
    """The files of a merchant number cannot be used; the message names the file and nothing of its content."""


@dataclass(frozen=True, repr=False, slots=True)
class Credentials:
    """The keys of one merchant number (`mchid`). It has no repr of its own: nothing of it is ever shown."""

    mchid: str
    appid: str
    serial: str
    private_key: RSAPrivateKey
    apiv3_key: bytes
    platform_key: RSAPublicKey
    platform_id: str

    @classmethod
    def load(cls, folder: Path) -> "Credentials":
        """Return what the files of a folder say; its name is the merchant number.

        Raises:
            CredentialsError: a file is missing or is not what it should be.

        """
        found = {name: _read(folder / name) for name in FILES}
        private, public = _private(folder, found["merchant.pem"]), _public(folder, found["platform.pem"])
        apiv3_key = found["apiv3.key"].strip()
        if len(apiv3_key) != APIV3_KEY_BYTES:
            message = f"{folder.name}/apiv3.key has not {APIV3_KEY_BYTES} characters"
            raise CredentialsError(message)
        return cls(
            mchid=folder.name,
            appid=_word(folder, "appid", found),
            serial=_word(folder, "merchant.serial", found),
            private_key=private,
            apiv3_key=apiv3_key,
            platform_key=public,
            platform_id=_word(folder, "platform.id", found),
        )


class Wallet:
    """The credentials of every merchant number that has a folder in `root`."""

    def __init__(self, root: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._now = now
        self._known: dict[str, tuple[float, tuple[int, ...], Credentials]] = {}

    def of(self, mchid: str) -> Credentials:
        """Return the credentials of a merchant number, as its files are now; looked at once a second at most.

        Files that cannot be used leave the last good ones in force.

        Raises:
            CredentialsError: there never were any.

        """
        known = self._known.get(mchid)
        if known is not None and self._now() - known[0] < LOOK_EVERY_S:
            return known[2]
        if "/" in mchid or mchid in {"", ".", ".."}:
            message = f"{mchid!r} is no merchant number"
            raise CredentialsError(message)
        folder = self._root / mchid
        version = tuple(_changed(folder / name) for name in FILES)
        if known is None or known[1] != version:
            try:
                known = (self._now(), version, Credentials.load(folder))
            except CredentialsError as error:
                if known is None:
                    raise
                log.warning("credentials not read, the last good ones stay", mchid=mchid, problem=str(error))
        self._known[mchid] = (self._now(), version, known[2])
        return known[2]


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"{path.parent.name}/{path.name} cannot be read: {error.strerror or type(error).__name__}"
        raise CredentialsError(message) from None


def _word(folder: Path, name: str, found: dict[str, bytes]) -> str:
    word = found[name].strip()
    if not word or not word.isascii() or any(byte <= 0x20 for byte in word):  # noqa: PLR2004 - a blank
        message = f"{folder.name}/{name} is not one word of ASCII"
        raise CredentialsError(message)
    return word.decode("ascii")


def _private(folder: Path, content: bytes) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        message = f"{folder.name}/merchant.pem is no private RSA key in PEM without a password"
        raise CredentialsError(message)
    return key


def _public(folder: Path, content: bytes) -> RSAPublicKey:
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey):
        message = f"{folder.name}/platform.pem is no public RSA key in PEM"
        raise CredentialsError(message)
    return key
