"""What an institution is not asked for at all: what its profile lacks, and what would lead money over the platform.

Asked of a request before anything of it is stored (decision 0028). Pure; a refusal is a reason of a closed set.
"""

from collections.abc import Collection, Iterable

import msgspec

from payments.domain.reasons import PayoutReason
from shared.messages import Breakdown, Leg, PayoutRequested
from shared.profiles import Operation, Profile

PLATFORM = "platform:"
MERCHANT = "merchant:"

type Refusal = tuple[PayoutReason, str]


class Path(msgspec.Struct, frozen=True):
    """Whose money a payout may move. `payments`: of its order. `waived`: the marketplace has a waiver for the profile.

    `own`: the channel account is the platform's own; `self_operated` are the merchants among its receivers that are the
    platform itself.
    """

    payments: Collection[str] = ()
    waived: bool = False
    own: bool = False
    self_operated: Collection[str] = ()


def lacking(profile: Profile, operations: Iterable[Operation]) -> Refusal | None:
    """Return why not all of these can be asked of an institution, or None."""
    missing = next((it for it in operations if not profile.has(it)), None)
    return None if missing is None else ("operation_lacking", f"{profile.name} has no {missing}")


def refusal(event: PayoutRequested, profile: Profile, path: Path) -> Refusal | None:
    """Return why a request to pay is not for this institution, or leads over the platform; None: neither."""
    wanted: list[Operation] = ["finish" if event.kind == "finish" else "pay"]
    if event.subsidies:
        wanted.append("subsidy")
    return lacking(profile, wanted) or _of_payments(event, profile, path) or _compliance(event, profile, path)


def _of_payments(event: PayoutRequested, profile: Profile, path: Path) -> Refusal | None:
    """Where the seller collects, each movement is of one of the order's payments; a pool's is of none."""
    for named in (*(it.channel_payment_id for it in event.legs), *(it.channel_payment_id for it in event.subsidies)):
        if profile.collector != "merchant":
            if named is not msgspec.UNSET:
                return "payment_not_split", f"{profile.name} pays from a pool, and {named} is named"
        elif named is msgspec.UNSET:
            return "payment_not_named", f"{profile.name} splits payments: of which is not said"
        elif named not in path.payments:
            return "payment_not_of_order", f"{named} is no payment of {event.document}"
    return None


def _compliance(event: PayoutRequested, profile: Profile, path: Path) -> Refusal | None:
    if profile.compliance.waiver_needed and not path.waived:
        return "waiver_missing", f"{profile.name} needs a waiver that {event.marketplace} has not"
    for leg in event.legs:
        if path.own and leg.receiver.startswith(MERCHANT) and leg.receiver[len(MERCHANT) :] not in path.self_operated:
            return "platform_account", f"{event.channel_account} is the platform's own, and {leg.receiver} is a seller"
        if leg.receiver.startswith(PLATFORM) and leg.amount_minor > _justified(leg):
            return (
                "platform_leg_unjustified",
                f"{leg.leg_id}: {leg.amount_minor}, and {_justified(leg)} is accounted for",
            )
    return None


def _justified(leg: Leg) -> int:
    """Return what a leg to the platform may come to: commission or tax less the fee it bears, and adjustments."""
    why: Breakdown = leg.breakdown
    other = why.freight_minor + why.commission_minor + why.passed_on_minor
    return 0 if other else why.gross_minor - why.fee_minor + why.adjustments_minor
