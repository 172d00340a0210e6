"""Channel profiles as data: what each institution's product allows, one file each (money.md 2, decision 0020)."""

from shared.profiles.behaviour import (
    OPERATIONS,
    Behaviour,
    Canonical,
    Compliance,
    Custody,
    Family,
    Operation,
    Rates,
    Verification,
)
from shared.profiles.files import FOLDER, Profiles, ProfilesError, load, shipped
from shared.profiles.profile import Cap, Failures, Profile, Refunds, Returns, Subsidies

__all__ = [
    "FOLDER",
    "OPERATIONS",
    "Behaviour",
    "Canonical",
    "Cap",
    "Compliance",
    "Custody",
    "Failures",
    "Family",
    "Operation",
    "Profile",
    "Profiles",
    "ProfilesError",
    "Rates",
    "Refunds",
    "Returns",
    "Subsidies",
    "Verification",
    "load",
    "shipped",
]
