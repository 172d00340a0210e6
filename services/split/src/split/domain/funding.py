"""Where the money of a refund comes from, in the stated order, never more than each place holds (money.md 5).

The order's held part, what the receiver has available, returns through the channel, its deposit, and last an advance of
the platform that becomes the receiver's debt.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from shared.profiles import Profile
from split.domain import guards
from split.domain.guards import FRESH, Guard
from split.domain.ledger import Entries
from split.domain.pots import MERCHANT
from split.domain.refunds import ReturnPart
from split.domain.shares import Share

ADVANCE: Final = "platform:advance"


class Standing(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a merchant has outside of an order, in its currency: its guard, and balances read beside it, minor units."""

    guard: Guard = FRESH
    available_minor: int = 0
    deposit_minor: int = 0


FRESH_STANDING: Final = Standing()


class Rules(msgspec.Struct, frozen=True):
    """What decides about the sources of one order's refunds. Without a profile nothing is moved through the channel."""

    profile: Profile | None
    paid_at: datetime
    now: datetime

    @property
    def returns(self) -> bool:
        """Whether receivers can still be made to give back what they were paid."""
        returns = self.profile.returns if self.profile else None
        if returns is None:
            return False
        return returns.days is None or self.now - self.paid_at <= timedelta(days=returns.days)

    def may_ask(self, asked: int) -> bool:
        """Tell whether one more return may be asked for, of a payout of which so many were."""
        returns = self.profile.returns if self.profile else None
        return returns is not None and (returns.per_payout_max is None or asked < returns.per_payout_max)


class Left(NamedTuple):
    """What held lines would still bring, were they released: each merchant, and out of its pot the platform.

    `kept` is by merchant, then by the platform's account.
    """

    own: dict[str, int]
    kept: dict[str, dict[str, int]]


class Purse:
    """Collects the money of one refund. `asked`: how many returns were asked for before it, by payout."""

    def __init__(
        self,
        refund_id: str,
        rules: Rules,
        shares: list[Share],
        held: Left,
        standings: dict[str, Standing],
        entries: Entries,
        asked: Mapping[str, int] | None = None,
    ) -> None:
        self.entries = entries
        self.returns: list[ReturnPart] = []
        self.advanced_minor = 0
        self._refund_id = refund_id
        self._rules = rules
        self._shares = shares
        self._held = held
        self._asked = dict(asked or {})
        self._standings = standings

    def take(self, merchant: str, amount_minor: int) -> None:
        """Take what a merchant bears beyond what its refunded lines still hold."""
        left = amount_minor
        for source in (
            self._from_held,
            self._from_resting,
            self._from_own_available,
            self._from_available,
            self._from_paid,
            self._from_deposit,
        ):
            if left:
                left -= source(merchant, left)
        if left:
            self.advance(merchant, left)

    def take_kept(self, account: str, wanted_minor: int) -> int:
        """Take what the platform bears from what it is to get of held pots; return how much that was.

        The platform pays nothing in for what it has not been paid.
        """
        left = wanted_minor
        for place, share in enumerate(self._shares):
            if share.state != "held" or share.path != MERCHANT + share.merchant:
                continue
            amount = min(left, self._held.kept.get(share.merchant, {}).get(account, 0), share.amount_minor)
            if amount > 0:
                left -= amount
                owing = dict(share.kept_owing or {})
                owing[account] = owing.get(account, 0) + amount
                kept = share.amount_minor - amount
                self._shares[place] = msgspec.structs.replace(share, amount_minor=kept, kept_owing=owing)
                self.entries.add(f"merchant:held/{share.merchant}", -amount)
        return wanted_minor - left

    def take_elsewhere(self, merchant: str, amount_minor: int) -> None:
        """Take what did not come back through the channel."""
        left = amount_minor - self._from_deposit(merchant, amount_minor)
        if left:
            self.advance(merchant, left)

    def advance(self, merchant: str, amount_minor: int) -> None:
        """Have the platform pay, and the merchant owe it."""
        self.entries.add(f"merchant:debt/{merchant}", -amount_minor)
        self.advanced_minor += amount_minor
        standing = self._standing(merchant)
        guard = guards.owing(standing.guard, amount_minor, self._rules.now)
        self._standings[merchant] = msgspec.structs.replace(standing, guard=guard)

    def _standing(self, merchant: str) -> Standing:
        return self._standings.get(merchant, FRESH_STANDING)

    def _from_held(self, merchant: str, wanted_minor: int) -> int:
        """Take from other lines of this order that are held; the next release of the merchant's pays so much less."""
        path = MERCHANT + merchant
        for place, share in enumerate(self._shares):
            if share.path == path and share.state == "held":
                owing = 0 if share.owing_minor is msgspec.UNSET else share.owing_minor
                taken = min(wanted_minor, max(0, self._held.own.get(merchant, 0)), share.amount_minor)
                if taken:
                    left = share.amount_minor - taken
                    self._shares[place] = msgspec.structs.replace(share, amount_minor=left, owing_minor=owing + taken)
                    self.entries.add(f"merchant:held/{merchant}", -taken)
                return taken
        return 0

    def _from_resting(self, merchant: str, wanted_minor: int) -> int:
        """Take from what of this order waits for its finish: it is frozen in the collector's own account."""
        left = wanted_minor
        for place, share in enumerate(self._shares):
            if not share.rests or share.receiver != MERCHANT + merchant:
                continue
            amount = min(left, share.amount_minor)
            if amount:
                left -= amount
                netted = (share.breakdown.netted_minor or 0) + amount
                figures = msgspec.structs.replace(share.breakdown, netted_minor=netted)
                kept = share.amount_minor - amount
                self._shares[place] = msgspec.structs.replace(share, amount_minor=kept, breakdown=figures)
                self.entries.add(f"merchant:in_transit/{merchant}", -amount)
        return wanted_minor - left

    def _from_own_available(self, merchant: str, wanted_minor: int) -> int:
        """Take from what failed legs of this order left available: it is this order's money under every profile.

        The next attempt of the leg pays so much less.
        """
        standing = self._standing(merchant)
        wanted = max(0, min(wanted_minor, standing.available_minor))
        left = wanted
        for place, share in enumerate(self._shares):
            if share.state != "available" or share.receiver != MERCHANT + merchant or share.reserved:
                continue
            owing = 0 if share.owing_minor is msgspec.UNSET else share.owing_minor
            amount = min(left, share.amount_minor - owing)
            if amount:
                left -= amount
                self._shares[place] = msgspec.structs.replace(share, owing_minor=owing + amount)
        if taken := wanted - left:
            available = standing.available_minor - taken
            self._standings[merchant] = msgspec.structs.replace(standing, available_minor=available)
            self.entries.add(f"merchant:available/{merchant}", -taken)
        return taken

    def _from_available(self, merchant: str, wanted_minor: int) -> int:
        """Take from what failed legs of other orders left available, where the profile lets Weir move it."""
        if self._rules.profile is None or not self._rules.profile.available_balance_movable:
            return 0
        standing = self._standing(merchant)
        taken = max(0, min(wanted_minor, standing.available_minor))
        if taken:
            guard = msgspec.structs.replace(standing.guard, taken_minor=standing.guard.taken_minor + taken)
            left = standing.available_minor - taken
            self._standings[merchant] = msgspec.structs.replace(standing, guard=guard, available_minor=left)
            self.entries.add(f"merchant:available/{merchant}", -taken)
        return taken

    def _from_paid(self, merchant: str, wanted_minor: int) -> int:
        """Ask back what this order has paid the merchant, leg by leg."""
        if not self._rules.returns:
            return 0
        left = wanted_minor
        for place, share in enumerate(self._shares):
            if share.receiver != MERCHANT + merchant or share.state != "paid" or not share.payout_id:
                continue  # without a payout there is nothing that the channel could take back
            returned = 0 if share.returned_minor is msgspec.UNSET else share.returned_minor
            amount = min(left, share.amount_minor - returned)
            if amount and self._rules.may_ask(self._asked.get(share.payout_id, 0)):
                left -= amount
                self._asked[share.payout_id] = self._asked.get(share.payout_id, 0) + 1
                self._shares[place] = msgspec.structs.replace(share, returned_minor=returned + amount)
                self.entries.add(f"merchant:returning/{merchant}", -amount)
                self.returns.append(self._return(share, amount))
        return wanted_minor - left

    def _return(self, share: Share, amount_minor: int) -> ReturnPart:
        return ReturnPart(
            return_id=f"{self._refund_id}/{share.path}/{share.part}",
            path=share.path,
            part=share.part,
            payout_id=share.payout_id,
            receiver=share.receiver,
            amount_minor=amount_minor,
        )

    def _from_deposit(self, merchant: str, wanted_minor: int) -> int:
        standing = self._standing(merchant)
        taken = max(0, min(wanted_minor, standing.deposit_minor))
        if taken:
            left = standing.deposit_minor - taken
            self._standings[merchant] = msgspec.structs.replace(standing, deposit_minor=left)
            self.entries.add(f"deposit/{merchant}", -taken)
        return taken
