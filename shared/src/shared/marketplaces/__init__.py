"""The marketplaces (tenants) as data: zone, day cut, whose events are believed, which channel accounts are theirs.

Read once at start; a file with a mistake stops the service with the place of the mistake. No business rule lives here.
"""

from shared.marketplaces.file import Marketplaces, MarketplacesError
from shared.marketplaces.marketplace import ChannelAccount, DebtLimits, Marketplace, Waiver, matches

__all__ = [
    "ChannelAccount",
    "DebtLimits",
    "Marketplace",
    "Marketplaces",
    "MarketplacesError",
    "Waiver",
    "matches",
]
