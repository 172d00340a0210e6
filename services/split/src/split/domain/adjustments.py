"""Adjustments by hand of what the platform and one merchant or receiver owe each other (money.md 3.10). Pure.

A credit is paid like a reward, by the platform's marketing money, and pays off first what its receiver owes. A debit is
owed to the platform, and netted from whatever its receiver is paid next, wherever that rests now.
"""

from datetime import datetime
from typing import Final

import msgspec

from shared.messages import Breakdown, PayoutRequested
from shared.profiles import Profile
from split.domain import guards
from split.domain.charges import (
    Adjusts,
    Category,
    Charge,
    Direction,
    no_such_money,
    pays_orders_only,
)
from split.domain.funding import ADVANCE, Standing
from split.domain.ledger import Entries
from split.domain.orders import OwedSubsidy
from split.domain.pots import MERCHANT
from split.domain.refusals import Refused
from split.domain.requests import leg, requested
from split.domain.shares import MARKETING, Share, account

DIRECTIONS: Final[dict[Category, tuple[Direction, ...]]] = {
    "commission_correction": ("credit", "debit"),
    "goodwill": ("credit",),
    "penalty": ("debit",),
    "debt_write_off": ("credit",),
}
"""Which way each kind of adjustment goes: a penalty is never paid out, and goodwill never taken."""


class Adjustment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What two people put right, in minor units. A credit is paid out of the channel account."""

    receiver: str
    direction: Direction
    category: Category
    amount_minor: int
    currency: str
    channel_profile: str
    channel_account: str
    order_id: str = ""
    statement_line: str = ""


class Decision(msgspec.Struct, frozen=True):
    """A charge as it begins, its entries, the payout that tells of it, and what its receiver's standing is then."""

    charge: Charge
    entries: dict[str, int]
    payout: PayoutRequested
    standing: Standing


def mistake(wanted: Adjustment, profile: Profile | None) -> Refused | None:
    """Return why an adjustment makes no sense whatever its receiver has, if so."""
    if refused := no_such_money(wanted.amount_minor, wanted.currency):
        return refused
    if wanted.direction not in DIRECTIONS[wanted.category]:
        return Refused("direction_differs", f"a {wanted.category} is a {DIRECTIONS[wanted.category][0]}")
    return pays_orders_only(wanted.channel_profile, profile) if wanted.direction == "credit" else None


def refusal(wanted: Adjustment, debt_minor: int, blocked: str) -> Refused | None:
    """Return why it cannot be made of a receiver that owes so much and may not be paid for the reason `blocked`."""
    if wanted.category == "debt_write_off" and wanted.amount_minor > debt_minor:
        return Refused("amount_above_debt", f"{wanted.receiver} owes {debt_minor} minor units, nothing more is let go")
    if blocked and wanted.direction == "credit" and wanted.amount_minor > debt_minor:
        return Refused("receiver_blocked", f"{wanted.receiver} may not be paid: {blocked}")
    return None


def empty(wanted: Adjustment, marketplace: str, charge_id: str, people: tuple[str, str], reason: str) -> Charge:
    """Return the charge of an adjustment on which two people agreed, who asked and who approved, without its shares."""
    asked_by, approved_by = people
    return Charge(
        marketplace=marketplace,
        order_id=charge_id,
        currency=wanted.currency,
        channel_profile=wanted.channel_profile,
        channel_account=wanted.channel_account,
        payouts=1,
        kind="adjustment",
        asked_by=asked_by,
        approved_by=approved_by,
        reason=reason,
        adjusts=Adjusts(
            direction=wanted.direction,
            category=wanted.category,
            amount_minor=wanted.amount_minor,
            order_id=wanted.order_id,
            statement_line=wanted.statement_line,
        ),
    )


def begun(charge: Charge, wanted: Adjustment, standing: Standing, now: datetime) -> Decision:
    """Return what an adjustment comes to, for a receiver of this standing: one transaction, and one payout.

    A debit pays nothing. Its leg of nothing tells the receiver's statement of it, as a late correction's does.
    """
    if wanted.direction == "credit":
        return _credited(charge, wanted, standing)
    amount, entries = wanted.amount_minor, Entries()
    guard = guards.owing(standing.guard, amount, now)
    entries.move(f"merchant:debt/{wanted.receiver}", ADVANCE, amount)
    figures = Breakdown(adjustments_minor=-amount, netted_minor=-amount)
    share = _share(charge, MERCHANT + wanted.receiver, wanted.receiver, 0, figures)
    return _decided(charge, (share,), (), entries, msgspec.structs.replace(standing, guard=guard))


def _credited(charge: Charge, wanted: Adjustment, standing: Standing) -> Decision:
    """Have marketing pay all of it; what the receiver owes comes back to the platform, which had paid that."""
    amount, entries = wanted.amount_minor, Entries()
    guard, kept = guards.netted(standing.guard, amount)
    figures = Breakdown(adjustments_minor=amount, netted_minor=kept or msgspec.UNSET)
    shares = [_share(charge, MERCHANT + wanted.receiver, wanted.receiver, amount - kept, figures)]
    entries.add(MARKETING, -amount)
    entries.add(account(shares[0], "in_transit", charge.channel_account), amount - kept)
    if kept:
        entries.add(f"merchant:debt/{wanted.receiver}", kept)
        shares.append(_share(charge, ADVANCE, "", kept, Breakdown(adjustments_minor=kept)))
    owed = OwedSubsidy(
        subsidy_id=f"{charge.document_key}/{MARKETING}/1", payout_id=f"{charge.document}.1", amount_minor=amount
    )
    return _decided(charge, tuple(shares), (owed,), entries, msgspec.structs.replace(standing, guard=guard))


def _share(charge: Charge, receiver: str, merchant: str, amount_minor: int, figures: Breakdown) -> Share:
    return Share(
        path=receiver,
        receiver=receiver,
        merchant=merchant,
        amount_minor=amount_minor,
        state="in_transit",
        part=1,
        attempt=1,
        payout_id=f"{charge.document}.1",
        breakdown=figures,
    )


def _decided(
    charge: Charge, shares: tuple[Share, ...], owed: tuple[OwedSubsidy, ...], entries: Entries, standing: Standing
) -> Decision:
    payout = requested(charge, f"{charge.document}.1", tuple(leg(charge, it) for it in shares), owed)
    charge = msgspec.structs.replace(charge, shares=shares, subsidies=owed)
    return Decision(charge, entries.closed(), payout, standing)
