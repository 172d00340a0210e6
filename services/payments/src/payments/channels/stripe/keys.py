"""The secret key of each Stripe account: one file `<account>/secret.key`, read again for every request. Never shown."""

from pathlib import Path
from typing import Final

FILE: Final = "secret.key"
KEY_CHARACTERS_MIN: Final = 8


class StripeKeysError(ValueError):
    """An account has no key; the message names the file and nothing of its content."""


class StripeKeys:
    """The keys in `root`. A key is rotated by replacing its file."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def authorization(self, account: str) -> str:
        """Return the header by which Stripe knows who asks.

        Raises:
            StripeKeysError: there is no key for this account.

        """
        if "/" in account or account in {"", ".", ".."}:
            message = f"{account!r} is no account"
            raise StripeKeysError(message)
        try:
            key = (self._root / account / FILE).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            message = f"{account}/{FILE} cannot be read: {type(error).__name__}"
            raise StripeKeysError(message) from None
        if len(key) < KEY_CHARACTERS_MIN or any(it.isspace() for it in key):
            message = f"{account}/{FILE} is not one key"
            raise StripeKeysError(message)
        return f"Bearer {key}"
