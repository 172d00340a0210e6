"""How an institution that speaks its own interface signs what it tells by itself. No rule lives here."""

from collections.abc import Mapping
from typing import Protocol

from payments.domain.callbacks import Hint


class UnsignedError(Exception):
    """A callback is not signed by the institution, or not now; the message says in what way, and is told nobody."""


class Ear(Protocol):
    """One institution's way of signing and writing its callbacks."""

    def hear(self, profile: str, account: str, headers: Mapping[str, str], body: bytes) -> Hint:
        """Return what a callback says; its signature is looked at before anything of the body.

        Raises:
            UnsignedError: it is not known to be from the institution.
            UnreadableError: it is, and says nothing that can be read.

        """
