"""What the institution's profile lets an agreement say: how much may be split off, and how long money may wait."""

from collections.abc import Collection
from typing import Final

from merchant.domain.decisions import Refused
from shared.profiles import Profile

FREEZE_MARGIN_DAYS: Final = 3
"""So long before the institution unfreezes the rest by itself, the money has to be split (money.md 2)."""

WORKING_DAYS_A_WEEK: Final = 5
DAYS_A_WEEK: Final = 7


def beyond_profile(
    profile: Profile, split_cap_bp: int | None, wait_days: int, freeze_policy: str | None = None
) -> Refused | None:
    """Return why an institution could not do what is agreed, or None.

    `split_cap_bp` is the cap that is agreed (None: the profile's own), `wait_days` how long money waits,
    `freeze_policy` what is agreed for the end of the freeze, if anything is.
    """
    if freeze_policy is not None and profile.freeze_days is None:
        return Refused("freeze_policy_unused", f"{profile.name} freezes nothing")
    if split_cap_bp is not None:
        cap = profile.cap
        if cap is None:
            return Refused("split_cap_invalid", f"{profile.name} has no cap: not the merchant collects")
        if cap.of(split_cap_bp) != split_cap_bp:
            return Refused("split_cap_invalid", f"{profile.name} allows {cap.least_bp} to {cap.most_bp} basis points")
    if profile.freeze_days is not None and wait_days > profile.freeze_days - FREEZE_MARGIN_DAYS:
        most = profile.freeze_days - FREEZE_MARGIN_DAYS
        return Refused(
            "trigger_after_freeze", f"{profile.name} freezes for {profile.freeze_days} days: wait {most} at most"
        )
    return None


def over_the_platform(
    profile: Profile | None, kind: str, waived: Collection[str], own: Collection[str]
) -> Refused | None:
    """Return why a merchant of this kind may not be paid by a profile: its money would take a way over the platform.

    `waived`: profiles for which a waiver is on record; `own`: those of whose accounts all are the platform's own. Its
    own sales are nobody else's money (decision 0028).
    """
    if profile is None or kind == "self_operated":
        return None
    if profile.compliance.waiver_needed and profile.name not in waived:
        return Refused("waiver_missing", f"{profile.name}: {profile.compliance.note.strip()}")
    if profile.name in own:
        return Refused("platform_account", f"every account of {profile.name} here is the platform's own")
    return None


def days(trigger_days: int, *, working: bool) -> int:
    """Return how many days that is: working days in whole weeks; holidays are for the deadline to see."""
    return -(-trigger_days // WORKING_DAYS_A_WEEK) * DAYS_A_WEEK if working else trigger_days
