"""The platform is never on a seller's money's way: what of an order may not be booked for that (decision 0028). Pure.

The platform gets its commission, fee, the tax on it, and what a debt brings back; a sale of its own is its own (自营).
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from shared.messages import MerchantChanged
from split.domain.pots import Pot
from split.domain.receivers import Divided

SELF_OPERATED: Final = "self_operated"
PLATFORM_ACCOUNT: Final = "platform_account"
"""The buyer has paid for a seller's goods into an account of the platform's own."""
PLATFORM_RECEIVER: Final = "platform_receiver"
"""A part of a seller's share is to go to a merchant that is the platform itself."""


class Own(msgspec.Struct, frozen=True):
    """What is the platform's own in a marketplace: accounts at institutions, by profile, and merchants."""

    accounts: frozenset[tuple[str, str]] = frozenset()
    merchants: frozenset[str] = frozenset()


NOTHING_OWN: Final = Own()


def own_merchants(copies: Iterable[MerchantChanged]) -> frozenset[str]:
    """Return those of these merchants that are the platform itself."""
    return frozenset(it.merchant for it in copies if it.kind == SELF_OPERATED)


def refusal(pot: Pot, divided: Divided | str, own: Own, place: tuple[str, str]) -> str:
    """Return why a seller's pot would lead over the platform, else nothing. `place`: the profile and its account."""
    if own is NOTHING_OWN or pot.merchant in own.merchants:
        return ""
    if place in own.accounts:
        return PLATFORM_ACCOUNT
    if isinstance(divided, str):
        return ""
    return PLATFORM_RECEIVER if any(it.receiver in own.merchants for it in divided.portions) else ""
