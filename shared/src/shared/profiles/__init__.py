"""Channel profiles as data: what each institution's product allows, one file each (money.md 2, decision 0020)."""

from shared.profiles.files import FOLDER, Profiles, ProfilesError, load, shipped
from shared.profiles.profile import Cap, Failures, Profile, Refunds, Returns, Subsidies

__all__ = [
    "FOLDER",
    "Cap",
    "Failures",
    "Profile",
    "Profiles",
    "ProfilesError",
    "Refunds",
    "Returns",
    "Subsidies",
    "load",
    "shipped",
]
