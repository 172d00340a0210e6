"""The passwords of a cluster's MongoDB: made once, kept in files that only their owner can read, put into URLs.

They are in no state file, no command and no log. Who may do what with one is said in users.py.
"""

import base64
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

FOLDER: Final = "secrets"
KEYFILE: Final = "keyfile"
ONLY_OWNER: Final = 0o600
PASSWORD_BYTES: Final = 24
KEYFILE_BYTES: Final = 96


def ensured(folder: Path, users: Iterable[str]) -> Mapping[str, str]:
    """Return the password of each user, made now where it has none, and see to the key of the replica set."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    once(folder / KEYFILE, base64.b64encode(secrets.token_bytes(KEYFILE_BYTES)).decode())
    return {user: once(folder / user, secrets.token_urlsafe(PASSWORD_BYTES)) for user in users}


def of(folder: Path, user: str) -> str | None:
    """Return the password of a user; None in a cluster that has no users."""
    try:
        return (folder / user).read_text(encoding="ascii")
    except FileNotFoundError:
        return None


def url_of(url: str, user: str, password: str) -> str:
    """Return a MongoDB URL with a user in it, who is known to the `admin` database."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}"))


def once(path: Path, fresh: str) -> str:
    """Return what is in a file, written now where there is none: whole or not at all, and never readable by others."""
    if not path.exists():
        new = path.with_name(f".{path.name}.new")  # hidden: whoever reads the folder takes no notice of it
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, ONLY_OWNER), "w", encoding="ascii") as file:
            file.write(fresh)
        new.replace(path)
    return path.read_text(encoding="ascii")
