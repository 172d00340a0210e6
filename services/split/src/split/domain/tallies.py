"""What one pass over an order adds up: shares that rest, shares that are due, the entries for both, debts paid off."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from shared.messages import Breakdown
from split.domain import guards
from split.domain.funding import ADVANCE, FRESH_STANDING, Standing
from split.domain.ledger import Entries
from split.domain.orders import Order
from split.domain.pots import MERCHANT
from split.domain.receivers import Portion
from split.domain.shares import Share, account

NOBODY_OWES: Final[Mapping[str, Standing]] = {}


class Tally:
    """The sums of one pass. `standings`: of merchants who may owe; what a share pays off of a debt is not sent."""

    def __init__(self, order: Order, standings: Mapping[str, Standing]) -> None:
        self.order = order
        self.shares = list(order.shares)
        self.due: list[Share] = []
        self.entries = Entries()
        self.payout_id = f"{order.document}.{order.payouts + 1}"
        self.netted: dict[str, Standing] = {}
        self.recovered = 0
        self._standings = standings
        self._parts: dict[str, int] = {}
        for share in order.shares:
            self._parts[share.path] = max(share.part, self._parts.get(share.path, 0))

    def pay_portions(self, merchant: str, portions: Sequence[Portion], version: int, *, freight: bool) -> None:
        """Add what each of these receivers keeps of its portion, paid now."""
        for portion in portions:
            taken, passed_on = portion.taken_minor, portion.passed_on_minor
            figures = (
                Breakdown(freight_minor=taken, passed_on_minor=passed_on)
                if freight
                else Breakdown(gross_minor=taken, passed_on_minor=passed_on)
            )
            path, receiver = f"receiver:{portion.receiver}", MERCHANT + portion.receiver
            self.pay(path, receiver, merchant, taken - passed_on, figures, version)

    def pay(self, path: str, receiver: str, merchant: str, amount: int, figures: Breakdown, version: int = 0) -> Share:
        """Add a share that is paid now.

        One of nothing has a leg too, so that the sale stands on its receiver's statement (money.md 8). Only the
        platform's own is paid already, and kept for whoever asks why.
        """
        amount, figures = self._net(receiver, amount, figures)
        self._parts[path] = part = self._parts.get(path, 0) + 1
        told = bool(amount) or not receiver.startswith("platform:")
        share = Share(
            path=path,
            receiver=receiver,
            merchant=merchant,
            amount_minor=amount,
            state="in_transit" if told else "paid",
            part=part,
            attempt=1 if told else 0,
            payout_id=self.payout_id if told else "",
            agreement_version=version,
            breakdown=figures,
        )
        self.due.append(share)
        if path != ADVANCE:  # what a debt brings back has been the platform's since it paid in
            self.entries.add(account(share, "in_transit", self.order.channel_account), amount)
        return share

    def _net(self, receiver: str, amount: int, figures: Breakdown) -> tuple[int, Breakdown]:
        """Keep of an amount what its receiver owes: the platform, which had paid it, gets that."""
        name = receiver.removeprefix(MERCHANT)
        standing = self.netted.get(name) or self._standings.get(name)
        if standing is None or not standing.guard.debt_minor or name == receiver:
            return amount, figures
        guard, kept = guards.netted(standing.guard, amount)
        self.netted[name] = msgspec.structs.replace(standing, guard=guard)
        self.recovered += kept
        self.entries.add(f"merchant:debt/{name}", kept)
        before = 0 if figures.netted_minor is msgspec.UNSET else figures.netted_minor
        return amount - kept, msgspec.structs.replace(figures, netted_minor=before + kept)

    def owe(self, merchant: str, amount_minor: int, now: datetime) -> None:
        """Have a merchant owe what it got too much."""
        standing = self.netted.get(merchant) or self._standings.get(merchant, FRESH_STANDING)
        guard = guards.owing(standing.guard, amount_minor, now)
        self.netted[merchant] = msgspec.structs.replace(standing, guard=guard)
        self.entries.add(f"merchant:debt/{merchant}", -amount_minor)

    def hold(self, share: Share) -> None:
        """Add a share that rests."""
        self.shares.append(share)
        self.entries.add(account(share, "held", self.order.channel_account), share.amount_minor)

    def unhold(self, share: Share) -> None:
        """Take away a share that has rested."""
        self.shares.remove(share)
        self.entries.add(account(share, "held", self.order.channel_account), -share.amount_minor)
