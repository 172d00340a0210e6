"""What is paid without an order: a reward, from the platform's marketing money (money.md 3.5). Pure.

A charge has shares, subsidies and payouts as an order has, so that what an institution did with it is applied alike.
"""

from typing import Final, Literal

import msgspec

from shared.messages import Breakdown, PayoutRequested
from shared.money import AMOUNT_MINOR_MAX, CURRENCY_DECIMALS
from shared.profiles import Profile
from split.domain.ledger import Entries
from split.domain.orders import Order, OwedSubsidy
from split.domain.refusals import Refused
from split.domain.requests import leg, requested
from split.domain.shares import MARKETING, Share, account

DOCUMENT: Final = "c:"
"""Begins the documents of charges, as `o:` begins those of orders."""


def key_of(marketplace: str, charge_id: str) -> str:
    """Return the key of a charge, told apart from an order of the same id: no order id has a `/`."""
    return f"{marketplace}/charges/{charge_id}"


type ChargeKind = Literal["reward", "adjustment"]
type Direction = Literal["credit", "debit"]
type Category = Literal["commission_correction", "goodwill", "penalty", "debt_write_off"]


class Adjusts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an adjustment by hand puts right: minor units, of an order or of a line of a statement, if of any."""

    direction: Direction
    category: Category
    amount_minor: int
    order_id: str = ""
    statement_line: str = ""


class Charge(Order, frozen=True, kw_only=True):
    """The state of one charge; `order_id` is its own id. `asked_by` wanted it for a reason, `approved_by` agreed."""

    kind: ChargeKind = "reward"
    asked_by: str
    approved_by: str
    reason: str
    adjusts: Adjusts | msgspec.UnsetType = msgspec.UNSET

    @property
    def key(self) -> str:
        """Its `_id`, and what its ledger transactions are about."""
        return key_of(self.marketplace, self.order_id)

    @property
    def document(self) -> str:
        """What its payouts pay out."""
        return f"{DOCUMENT}{self.order_id}"

    @property
    def document_key(self) -> str:
        """What its leg ids begin with."""
        return f"{self.marketplace}/{self.document}"


class Reward(msgspec.Struct, frozen=True, kw_only=True):
    """Money for somebody who sold nothing: a bonus for a driver, say. In minor units, out of one channel account."""

    receiver: str
    amount_minor: int
    currency: str
    channel_profile: str
    channel_account: str


class Decision(msgspec.Struct, frozen=True):
    """A charge as it begins, the entries that reserve its money, and the payout that pays it."""

    charge: Charge
    entries: dict[str, int]
    payout: PayoutRequested


def mistake(reward: Reward, profile: Profile | None) -> Refused | None:
    """Return why a reward cannot be paid at all, or None.

    Where the merchant collects, its payments can be split, and nothing else is there to be paid (domain-anchors 2h).
    """
    return no_such_money(reward.amount_minor, reward.currency) or pays_orders_only(reward.channel_profile, profile)


def no_such_money(amount_minor: int, currency: str) -> Refused | None:
    """Return why an amount cannot be meant, if so."""
    if currency not in CURRENCY_DECIMALS:
        return Refused("currency_unknown", f"{currency} is not in ISO 4217")
    if not 0 < amount_minor <= AMOUNT_MINOR_MAX:
        return Refused("amount_out_of_range", f"an amount is 1 to {AMOUNT_MINOR_MAX} minor units")
    return None


def pays_orders_only(name: str, profile: Profile | None) -> Refused | None:
    """Return why a channel pays nothing without an order, if so."""
    if profile is None or profile.collector == "merchant":
        return Refused("profile_pays_orders_only", f"{name} pays out nothing but what a buyer has paid")
    return None


def begun(reward: Reward, marketplace: str, charge_id: str, people: tuple[str, str], reason: str) -> Decision:
    """Return a reward on which two people agreed, who asked and who approved. Marketing pays it in first."""
    asked_by, approved_by = people
    charge = Charge(
        marketplace=marketplace,
        order_id=charge_id,
        currency=reward.currency,
        channel_profile=reward.channel_profile,
        channel_account=reward.channel_account,
        payouts=1,
        asked_by=asked_by,
        approved_by=approved_by,
        reason=reason,
    )
    payout_id = f"{charge.document}.1"
    owner = f"merchant:{reward.receiver}"
    share = Share(
        path=owner,
        receiver=owner,
        merchant=reward.receiver,
        amount_minor=reward.amount_minor,
        state="in_transit",
        part=1,
        attempt=1,
        payout_id=payout_id,
        breakdown=Breakdown(gross_minor=reward.amount_minor),
    )
    owed = OwedSubsidy(
        subsidy_id=f"{charge.document_key}/{MARKETING}/1", payout_id=payout_id, amount_minor=reward.amount_minor
    )
    entries = Entries()
    entries.move(MARKETING, account(share, "in_transit", reward.channel_account), reward.amount_minor)
    charge = msgspec.structs.replace(charge, shares=(share,), subsidies=(owed,))
    return Decision(charge, entries.closed(), requested(charge, payout_id, (leg(charge, share),), (owed,)))
