"""The keys that payments shares with institutions: files in one folder, read again when they change. Never shown.

A file is named `<profile>`, or `<profile>.<account>` for one account alone; `bank-accounts` has the key of payments'
own by which it tells a bank account again. One key a line: the first is the newest, the others still verify.
"""

import hashlib
import hmac
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NoReturn

import structlog

from shared.profiles import shipped

BANK_ACCOUNTS: Final = "bank-accounts"
LOOK_EVERY_S: Final = 1.0
KEYS_MAX: Final = 10
"""Of one file: what is verified is compared with each of them."""
KEY_CHARACTERS_MIN: Final = 16
FILE_BYTES_MAX: Final = 65_536

log = structlog.get_logger(__name__)


class KeysError(ValueError):
    """A key file cannot be used; the message names it and the mistake, and nothing of its content."""


class Secret:
    """A key. It signs and is never shown: not by repr, str, format, pickle or in an error."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, message: bytes) -> str:
        """Return the HMAC-SHA256 of a message in hexadecimal digits."""
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()

    def __repr__(self) -> str:
        """Return the same for every key."""
        return "Secret(***)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be written anywhere."""
        message = "a secret is not written down"
        raise TypeError(message)


def signed_by(keys: tuple[Secret, ...], message: bytes, signature: str) -> bool:
    """Tell whether one of these keys made a signature. It takes as long whichever did, and if none did."""
    given = signature.encode("utf-8", "replace")
    return sum(hmac.compare_digest(key.sign(message).encode(), given) for key in keys) > 0


def checked(folder: Path) -> Path:
    """Return the folder of the keys, all of whose files can be used.

    Raises:
        KeysError: it cannot be read, or a file in it has another name, no key, or one that is too short.

    """
    try:
        for entry in _files(folder):
            _read(Path(entry.path))
    except OSError as error:
        message = f"{folder} cannot be read: {error.strerror or type(error).__name__}"
        raise KeysError(message) from None
    return folder


class Keys:
    """The keys of one folder (None: there are none), as they are in its files now; looked at once a second at most."""

    def __init__(self, folder: Path | None, now: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._now = now
        self._looked_at = float("-inf")
        self._known: dict[str, tuple[Secret, ...]] = {}
        self._seen: dict[str, tuple[int, ...]] = {}

    def of(self, profile: str, account: str) -> tuple[Secret, ...]:
        """Return the keys of an account, the newest first: its own where it has a file, else its profile's."""
        self._look()
        return self._known.get(f"{profile}.{account}") or self._known.get(profile, ())

    def of_bank_accounts(self) -> Secret | None:
        """Return the key by which payments tells a bank account again; None: it has none."""
        self._look()
        return next(iter(self._known.get(BANK_ACCOUNTS, ())), None)

    def _look(self) -> None:
        if self._folder is None or self._now() - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = self._now()
        try:
            there = {entry.name: entry for entry in _files(self._folder, strict=False)}
        except OSError as error:
            self._say_once("", error.strerror or type(error).__name__)
            return
        for name in [*self._known]:
            if name not in there:  # that is how a key is taken back
                del self._known[name]
                self._seen.pop(name, None)
                log.warning("keys taken back", file=name)
        for name, entry in there.items():
            self._read_again(name, entry)

    def _read_again(self, name: str, entry: os.DirEntry[str]) -> None:
        try:
            at = entry.stat()
            version = (at.st_mtime_ns, at.st_size, at.st_ino, at.st_dev, at.st_ctime_ns)
            if self._seen.get(name) == version:
                return
            keys = _read(Path(entry.path))
        except (OSError, KeysError) as error:
            problem = str(error) if isinstance(error, KeysError) else error.strerror or type(error).__name__
            self._say_once(name, problem)
            return
        if self._known.get(name):
            log.info("keys read again", file=name, keys=len(keys))
        self._known[name], self._seen[name] = keys, version

    def _say_once(self, name: str, problem: str) -> None:
        said = (hash(problem),)
        if self._seen.get(name) != said:
            self._seen[name] = said
            log.warning("keys not read, the last good ones stay", file=name or str(self._folder), problem=problem)


def _files(folder: Path, *, strict: bool = True) -> Iterator[os.DirEntry[str]]:
    """Give the key files of a folder. Hidden ones are none: mounted volumes have them, and so have files being written.

    Raises:
        KeysError: another file is there, and this is `strict`.
        OSError: the folder cannot be read.

    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.name == BANK_ACCOUNTS or shipped().find(entry.name.split(".", 1)[0]) is not None:
                yield entry
            elif strict:
                message = f"{entry.name} is no profile: a file is named <profile> or <profile>.<account>"
                raise KeysError(message)


def _read(path: Path) -> tuple[Secret, ...]:
    """Return the keys in a file; errors name the file and never quote it."""
    try:
        if not path.is_file():  # to open another thing may wait for ever
            message = f"{path.name} is no file"
            raise KeysError(message)
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        message = f"{path.name} cannot be read: {error.strerror or type(error).__name__}"
        raise KeysError(message) from None
    lines = [line.strip() for line in content.splitlines()]
    keys = [line for line in lines if line]
    problem = None
    if len(content) > FILE_BYTES_MAX:
        problem = f"has more than {FILE_BYTES_MAX} bytes"
    elif not keys:
        problem = "is empty: one key a line, the newest first"
    elif len(keys) > KEYS_MAX:
        problem = f"has more than {KEYS_MAX} keys"
    elif min(map(len, keys)) < KEY_CHARACTERS_MIN:
        problem = f"has a key of fewer than {KEY_CHARACTERS_MIN} characters"
    elif not all(0x21 <= byte <= 0x7E for key in keys for byte in key):  # noqa: PLR2004 - visible ASCII
        problem = "has a key with other than visible ASCII characters"
    if problem is not None:
        message = f"{path.name} {problem}"
        raise KeysError(message)
    return tuple(Secret(key) for key in keys)
