"""What one pass over an order adds up: shares that rest, shares that are due, the entries for both, debts paid off.

Each share that is due passes the gate. What it stops is available, and goes later by its own reason.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from shared.messages import Breakdown
from split.domain import guards
from split.domain.funding import ADVANCE, FRESH_STANDING, Standing
from split.domain.gates import ABOVE_CAP, ANYBODY, PASSED, RESERVE, Gate, Passage, left
from split.domain.ledger import Entries
from split.domain.orders import Order
from split.domain.pots import MERCHANT
from split.domain.receivers import Portion
from split.domain.shares import AWAITING_FINISH, CHANNEL_CLOSED, RESERVE_OF, Share, State, account, used
from split.domain.sources import Sources

NOBODY_OWES: Final[Mapping[str, Standing]] = {}


class Tally:
    """The sums of one pass. `standings`: of merchants who may owe; what a share pays off of a debt is not sent.

    `sources`: the payments of an order that its sellers collect.
    """

    sources: Sources | None = None

    def __init__(self, order: Order, standings: Mapping[str, Standing], gate: Gate) -> None:
        self.order = order
        self.gate = gate
        self.shares = list(order.shares)
        self.due: list[Share] = []
        self.again: list[Share] = []
        self.entries = Entries()
        self.payout_id = f"{order.document}.{order.payouts + 1}"
        self.netted: dict[str, Standing] = {}
        self.recovered: dict[str, int] = {}
        self.look_at: datetime | None = None
        self.operator_at: datetime | None = None
        self.unfreezing = False
        self._standings = standings
        self._parts: dict[str, int] = {}
        for share in order.shares:
            self._parts[share.path] = max(share.part, self._parts.get(share.path, 0))

    def look(self, moment: datetime | None) -> None:
        """Note when time alone may change something."""
        if moment is not None and (self.look_at is None or moment < self.look_at):
            self.look_at = moment

    def leave(self, since: datetime) -> None:
        """Leave a share to operators, for whom it has waited since then."""
        if self.operator_at is None or since < self.operator_at:
            self.operator_at = since

    def next_part(self, path: str) -> int:
        """Return the number of the next release of a path."""
        self._parts[path] = part = self._parts.get(path, 0) + 1
        return part

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
        platform's own is paid already, and kept for whoever asks why. Of an order that its seller has collected the
        seller's own rests until the finish; where the channel lets nothing be split off any more, the others' waits for
        an operator, and the platform's is written off for the debt that the seller has then.
        """
        amount, figures = self._net(receiver, amount, figures, merchant)
        part = self.next_part(path)
        told = bool(amount) or not receiver.startswith("platform:")
        rests = told and self.is_own(receiver, merchant)
        closed = told and not rests and self.order.known_freeze.closed
        owed = closed and receiver.startswith("platform:") and (self.unfreezing or path == ADVANCE)
        asked = told and not closed and not rests
        share = Share(
            path=path,
            receiver=receiver,
            merchant=merchant,
            amount_minor=amount,
            state="written_off" if owed else "available" if closed else "in_transit" if told else "paid",
            reason=CHANNEL_CLOSED if closed else AWAITING_FINISH if rests else "",
            part=part,
            attempt=1 if asked else 0,
            payout_id=self.payout_id if asked else "",
            agreement_version=version,
            breakdown=figures,
            since=self.gate.now if closed and not owed else msgspec.UNSET,
            payment=msgspec.UNSET if self.sources is None else self.sources.of(merchant),
        )
        if closed and not owed:
            self.leave(self.gate.now)
        if asked and not self.gate.open and amount and receiver.startswith(MERCHANT):
            share = self._pass(share)
        self.due.append(share)
        if path != ADVANCE:  # what a debt brings back has been the platform's since it paid in
            moved: State = "in_transit" if share.state == "paid" else share.state
            self.entries.add(account(share, moved, self.order.channel_account), share.amount_minor)
        return share

    def _pass(self, share: Share) -> Share:
        """Ask the gate about a new share; what of it is a reserve stays behind as a share of its own."""
        name = share.payee
        reserve = self.gate.payees.get(name, ANYBODY).reserved(share.amount_minor)
        if reserve:
            self._reserve(share, name, reserve)
            passed_on = share.breakdown.passed_on_minor + reserve
            figures = msgspec.structs.replace(share.breakdown, passed_on_minor=passed_on)
            share = msgspec.structs.replace(share, amount_minor=share.amount_minor - reserve, breakdown=figures)
        passage = self._asked(name, share)
        if not passage.reason:
            return share
        return msgspec.structs.replace(
            share, state="available", reason=passage.reason, attempt=0, payout_id="", accrual=passage.accrual
        )

    def _asked(self, name: str, share: Share, *, by_hand: bool = False) -> Passage:
        """Ask the gate, and keep what the answer makes of the guard."""
        standing = self.standing(name)
        behind = (share.attempt and share.state == "available") or share.path.startswith(RESERVE_OF)
        accrual = PASSED if behind else share.accrual
        passage = self.gate.ask(name, share.amount_minor, standing.guard, accrual, by_hand=by_hand)
        self.look(passage.next_at)
        if passage.reason == ABOVE_CAP:
            self.leave(self.order.operator_at or self.gate.now)
        if passage.guard != standing.guard:
            self.netted[name] = msgspec.structs.replace(standing, guard=passage.guard)
        return passage

    def _reserve(self, share: Share, name: str, amount: int) -> None:
        """Keep a part of a share back until its days are over."""
        terms = self.gate.payees[name].terms
        path = RESERVE_OF + share.path.partition(":")[2]
        part = self.next_part(path)
        due_at = self.gate.calendar.after(self.gate.now, terms.reserve_days, working=False)
        kept = Share(
            path=path,
            receiver=share.receiver,
            merchant=share.merchant,
            amount_minor=amount,
            state="available",
            reason=RESERVE,
            part=part,
            agreement_version=share.agreement_version,
            breakdown=Breakdown(adjustments_minor=amount),
            due_at=due_at,
            payment=share.payment,
        )
        self.shares.append(kept)
        self.look(due_at)
        self.entries.add(account(kept, "available", self.order.channel_account), amount)
        standing = self.standing(name)
        guard = msgspec.structs.replace(standing.guard, reserve_minor=standing.guard.reserve_minor + amount)
        self.netted[name] = msgspec.structs.replace(standing, guard=guard)

    def send(self, place: int, *, by_hand: bool = False) -> str:
        """Pay a share again, or for the first time, that is available; return why it cannot be, if the gate stops it.

        This takes from the merchant's available balance: its guard is written, and what refunds of other orders have
        used of that balance is not there any more.
        """
        share = self.shares[place]
        name = share.payee if share.receiver.startswith(MERCHANT) else ""
        rests = self.is_own(share.receiver, share.merchant)
        if name and not rests:
            passage = self._asked(name, share, by_hand=by_hand)
            if passage.reason:
                stopped = msgspec.structs.replace(
                    share, reason=passage.reason, since=msgspec.UNSET, due_at=msgspec.UNSET, accrual=passage.accrual
                )
                self.shares[place] = stopped
                return passage.reason
        giver = account(share, "available", self.order.channel_account)
        taken = self._taken(share, name) if name else 0
        amount, figures = self._net(share.receiver, share.amount_minor - taken, share.breakdown, share.merchant)
        if taken:
            netted = taken + (0 if figures.netted_minor is msgspec.UNSET else figures.netted_minor)
            figures = msgspec.structs.replace(figures, netted_minor=netted)
        sent = msgspec.structs.replace(
            share,
            state="in_transit",
            reason=AWAITING_FINISH if rests else "",
            amount_minor=amount,
            breakdown=figures,
            attempt=share.attempt if rests else share.attempt + 1,
            payout_id="" if rests else self.payout_id,
            since=msgspec.UNSET,
            due_at=msgspec.UNSET,
            accrual=msgspec.UNSET,
            owing_minor=msgspec.UNSET,
        )
        self.shares[place] = sent
        if not rests:
            self.again.append(sent)
        self.entries.add(giver, taken - share.amount_minor)
        self.entries.add(account(sent, "in_transit", self.order.channel_account), amount)
        return ""

    def write_off(self, place: int) -> None:
        """Give up a share of a merchant's that is available: its money is nobody's, and in suspense."""
        share = self.shares[place]
        name = share.payee
        standing = self.standing(name)
        after = left(standing.guard, share.amount_minor, share.accrual)
        self.netted[name] = msgspec.structs.replace(standing, guard=after)
        giver, taken = account(share, "available", self.order.channel_account), self._taken(share, name)
        figures = msgspec.structs.replace(share.breakdown, netted_minor=taken) if taken else share.breakdown
        amount = share.amount_minor - taken
        none = msgspec.UNSET
        gone = msgspec.structs.replace(
            share, state="written_off", amount_minor=amount, breakdown=figures, accrual=none, owing_minor=none
        )
        self.shares[place] = gone
        self.entries.move(giver, account(gone, "written_off", self.order.channel_account), amount)

    def _taken(self, share: Share, name: str) -> int:
        """Note that a merchant's available money is decided about; return what of this share is not there any more."""
        standing = self.standing(name)
        guard, taken = standing.guard, 0
        if share.path.startswith(RESERVE_OF) and not share.attempt:
            guard = msgspec.structs.replace(guard, reserve_minor=guard.reserve_minor - share.amount_minor)
        else:
            owing = 0 if share.owing_minor is msgspec.UNSET else share.owing_minor
            elsewhere = min(guard.taken_minor, share.amount_minor - owing)
            guard = msgspec.structs.replace(guard, taken_minor=guard.taken_minor - elsewhere)
            taken = owing + elsewhere
        available = max(0, standing.available_minor - share.amount_minor + taken)
        self.netted[name] = msgspec.structs.replace(standing, guard=guard, available_minor=available)
        if taken:
            self.shares.append(used(share, name, taken))
        return taken

    def is_own(self, receiver: str, merchant: str) -> bool:
        """Tell whether a share is its collector's own, which is no leg and waits for the finish."""
        return self.sources is not None and receiver == MERCHANT + merchant

    def apart(self, merchant: str) -> str:
        """Return whose shares the platform's of a merchant's pot are not added to; empty: they are all one."""
        return "" if self.sources is None else self.sources.apart(merchant)

    def standing(self, name: str) -> Standing:
        """Return what a merchant has outside of this order, after what this pass has done to it."""
        return self.netted.get(name) or self._standings.get(name, FRESH_STANDING)

    def _net(self, receiver: str, amount: int, figures: Breakdown, merchant: str) -> tuple[int, Breakdown]:
        """Keep of an amount what its receiver owes: the platform, which had paid it, gets that."""
        name = receiver.removeprefix(MERCHANT)
        standing = self.standing(name)
        if not standing.guard.debt_minor or name == receiver:
            return amount, figures
        guard, kept = guards.netted(standing.guard, amount)
        self.netted[name] = msgspec.structs.replace(standing, guard=guard)
        apart = self.apart(merchant)
        self.recovered[apart] = self.recovered.get(apart, 0) + kept
        self.entries.add(f"merchant:debt/{name}", kept)
        before = 0 if figures.netted_minor is msgspec.UNSET else figures.netted_minor
        return amount - kept, msgspec.structs.replace(figures, netted_minor=before + kept)

    def debt_minor(self, receiver: str) -> int:
        """Return what a receiver owes; the platform owes nothing."""
        return self.standing(receiver.removeprefix(MERCHANT)).guard.debt_minor

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
