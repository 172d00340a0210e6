"""One pass over an order: collects what is held and what is due, the entries behind it, and the payout that follows."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from shared.messages import Breakdown, PayoutRequested
from split.domain import items
from split.domain.earnings import breakdown, held_breakdown
from split.domain.judgements import Judgement
from split.domain.ledger import Entries
from split.domain.orders import Order, OwedSubsidy
from split.domain.pots import MERCHANT, Pot
from split.domain.receivers import FREIGHT, Portion, Trees
from split.domain.requests import leg, requested
from split.domain.shares import CLEARING, COMMISSION, FEE, FREIGHT_INCOMPLETE, FREIGHT_OF, MARKETING, Share, account


class Decision(msgspec.Struct, frozen=True):
    """What a pass decided: the order afterwards, the entries to book (perhaps none), and a payout or none."""

    order: Order
    entries: dict[str, int]
    payout: PayoutRequested | None


class Round:
    """One pass. Mutable while it collects; what `close` returns is frozen."""

    def __init__(self, order: Order) -> None:
        self.changed = False
        self._order = order
        self._shares = list(order.shares)
        self._due: list[Share] = []
        self._entries = Entries()
        self._payout_id = f"{order.document}.{order.payouts + 1}"
        self._short = 0
        self._surcharge = self._commission = self._borne_fee = 0
        self._released = False
        self._look_at: datetime | None = None
        self._parts: dict[str, int] = {}
        for share in order.shares:
            self._parts[share.path] = max(share.part, self._parts.get(share.path, 0))

    def take(self, pooled_minor: int, subsidy_minor: int, surcharge_minor: int) -> None:
        """Book what the channel account holds of a new order, and what is the platform's of it in any case."""
        self.changed = True
        self._entries.add(f"{CLEARING}/{self._order.channel_account}", -pooled_minor)
        self._short += subsidy_minor
        self._surcharge = surcharge_minor

    def settle(self, judgement: Judgement, before: Share | None) -> None:
        """Hold a pot, or pay it, or some lines of it, to its merchant, its receivers and the platform.

        `before` is its share held so far, for all of the pot or for the lines that are left of it.
        """
        self._look(judgement.next_at)
        if before is None and judgement.reason:
            self._hold_pot(judgement)
        elif before is not None and judgement.reason:
            self._restate(judgement, before)
        elif judgement.lines is None and (before is None or before.lines is msgspec.UNSET):
            if before is not None:
                self._unhold(before)
                self._short -= judgement.pot.short_minor
            self._pay_pot(judgement)
        else:
            self._pay_lines(judgement, before)

    def _look(self, moment: datetime | None) -> None:
        """Note when time alone may change something."""
        if moment is not None and (self._look_at is None or moment < self._look_at):
            self._look_at = moment

    def _restate(self, judgement: Judgement, before: Share) -> None:
        """Keep the reason and what an agreement has decided. No money moves."""
        after = msgspec.structs.replace(
            before,
            reason=judgement.reason,
            agreement_version=judgement.version,
            earning=judgement.earned,
            hold=judgement.hold or msgspec.UNSET,
        )
        if after != before:
            self.changed = True
            self._shares[self._shares.index(before)] = after

    def freight(self, trees: Trees, *, outstanding: bool) -> None:
        """Divide the freight that goes to the chain, once all of it is there: a fixed amount is paid once an order.

        `outstanding`: a merchant whose freight may still come is held.
        """
        waiting = [share for share in self._shares if share.path.startswith(FREIGHT_OF) and share.state == "held"]
        total = sum(share.amount_minor for share in waiting)
        if not total or not self.changed:
            return
        divided = trees.divide(FREIGHT, total)
        reason = FREIGHT_INCOMPLETE if outstanding else trees.mistake or (divided if isinstance(divided, str) else "")
        for share in waiting:
            if reason:
                self._shares[self._shares.index(share)] = msgspec.structs.replace(share, reason=reason)
            else:
                self._unhold(share)
        if not reason and not isinstance(divided, str):
            self._pay_portions("", divided.portions, 0, freight=True)

    def close(self) -> Decision:
        """Return what this pass decided; the platform's commission of it is one leg, its subsidies are one."""
        if self._released:
            figures = Breakdown(gross_minor=self._commission, fee_minor=self._borne_fee)
            self._pay(COMMISSION, COMMISSION, "", self._commission - self._borne_fee, figures)
        if self._surcharge:
            self._pay(FEE, FEE, "", self._surcharge, Breakdown(adjustments_minor=self._surcharge))
        self._entries.add(MARKETING, -self._short)
        order = self._order
        legs = tuple(leg(order, share) for share in self._due if share.state == "in_transit")
        due = order.subsidy_due_minor + self._short
        # What is held lies in the pool and is paid in later. More would be lent to the next payout before it is there.
        missing = max(0, due - sum(share.amount_minor for share in self._shares if share.state == "held"))
        asked: tuple[OwedSubsidy, ...] = ()
        if missing:
            identity = f"{order.document_key}/{MARKETING}/{order.payouts + 1}"
            asked = (OwedSubsidy(subsidy_id=identity, payout_id=self._payout_id, amount_minor=missing),)
        after = msgspec.structs.replace(
            order,
            shares=(*self._shares, *self._due),
            subsidies=order.subsidies + asked,
            subsidy_due_minor=due - missing,
            payouts=order.payouts + bool(legs),
            look_at=self._look_at or msgspec.UNSET,
        )
        return Decision(after, self._entries.closed(), requested(order, self._payout_id, legs, asked) if legs else None)

    def _hold_pot(self, judgement: Judgement) -> None:
        pot = judgement.pot
        self.changed = True
        self._short += pot.short_minor
        self._hold(_held(judgement, judgement.reason, pot.worth_minor, held_breakdown(pot)))

    def _pay_pot(self, judgement: Judgement) -> None:
        pot, earned, divided = judgement.pot, judgement.earned, judgement.divided
        if earned is None or divided is None:
            message = f"a pot without a reason to hold it has no earning: {pot.merchant}"
            raise ValueError(message)
        self.changed = self._released = True
        self._short += earned.short_minor
        self._commission += earned.commission_minor
        self._borne_fee += earned.platform_fee_minor
        own = MERCHANT + pot.merchant
        figures = breakdown(pot, earned, earned.net_minor - divided.stays_minor)
        share = self._pay(own, own, pot.merchant, divided.stays_minor, figures, judgement.version)
        if len(pot.lines) > 1:
            self._due[-1] = msgspec.structs.replace(share, commissions=earned.commissions)
        self._pay_portions(pot.merchant, divided.portions, judgement.version, freight=False)
        if earned.chain:
            self._rest_freight(judgement, pot.freight_minor)

    def _pay_lines(self, judgement: Judgement, before: Share | None) -> None:
        """Pay the lines that are ready; what is left of the pot stays one share, or becomes one."""
        pot, earned, divided = judgement.pot, judgement.earned, judgement.divided
        if earned is None or divided is None:
            message = f"lines without a reason to hold them have no earning: {pot.merchant}"
            raise ValueError(message)
        self.changed = self._released = True
        parts = items.items(pot, earned, divided)
        left = before.lines if before is not None and before.lines is not msgspec.UNSET else _lines_of(pot)
        going = frozenset(left) if judgement.lines is None else judgement.lines
        paid = items.of_lines(parts, going)
        self._commission += sum(it.commission_minor for it in paid)
        self._borne_fee += sum(it.platform_fee_minor for it in paid)
        own = MERCHANT + pot.merchant
        lines = tuple(line for line in left if line in going)
        amount = sum(it.own_minor for it in paid)
        share = self._pay(own, own, pot.merchant, amount, items.breakdown(paid), judgement.version)
        self._due[-1] = msgspec.structs.replace(share, lines=lines, earning=earned)
        for place, portion in enumerate(divided.portions):
            if taken := sum(it.passed_on[place] for it in paid):
                figures = Breakdown(gross_minor=taken)
                path, receiver = f"receiver:{portion.receiver}", MERCHANT + portion.receiver
                self._pay(path, receiver, pot.merchant, taken, figures, judgement.version)
                self._due[-1] = msgspec.structs.replace(self._due[-1], lines=lines)
        self._rest_freight(judgement, sum(it.chain_minor for it in paid))
        if before is not None:
            self._unhold(before)
        rest_lines = tuple(line for line in left if line not in going)
        if rest_lines:
            rest = items.of_lines(parts, frozenset(rest_lines))
            held = sum(it.held_minor for it in rest)
            share = _held(judgement, judgement.rest_reason, held, items.held_breakdown(rest))
            self._hold(msgspec.structs.replace(share, lines=rest_lines))

    def _rest_freight(self, judgement: Judgement, amount_minor: int) -> None:
        """Put freight for the logistics chain where it waits for the freight of the other lines and merchants."""
        if not amount_minor:
            return
        merchant = judgement.pot.merchant
        path = FREIGHT_OF + merchant
        resting = next((it for it in self._shares if it.path == path and it.state == "held"), None)
        if resting is not None:
            self._unhold(resting)
            amount_minor += resting.amount_minor
        self._hold(
            Share(
                path=path,
                receiver=MERCHANT + merchant,
                merchant=merchant,
                amount_minor=amount_minor,
                state="held",
                reason=FREIGHT_INCOMPLETE,
                agreement_version=judgement.version,
                breakdown=Breakdown(freight_minor=amount_minor),
            )
        )

    def _pay_portions(self, merchant: str, portions: Sequence[Portion], version: int, *, freight: bool) -> None:
        for portion in portions:
            taken, passed_on = portion.taken_minor, portion.passed_on_minor
            figures = (
                Breakdown(freight_minor=taken, passed_on_minor=passed_on)
                if freight
                else Breakdown(gross_minor=taken, passed_on_minor=passed_on)
            )
            path, receiver = f"receiver:{portion.receiver}", MERCHANT + portion.receiver
            self._pay(path, receiver, merchant, taken - passed_on, figures, version)

    def _pay(self, path: str, receiver: str, merchant: str, amount: int, figures: Breakdown, version: int = 0) -> Share:
        """Add a share that is paid now.

        One of nothing has a leg too, so that the sale stands on its receiver's statement (money.md 8). Only the
        platform's own is paid already, and kept for whoever asks why.
        """
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
            payout_id=self._payout_id if told else "",
            agreement_version=version,
            breakdown=figures,
        )
        self._due.append(share)
        self._entries.add(account(share, "in_transit", self._order.channel_account), amount)
        return share

    def _hold(self, share: Share) -> None:
        self._shares.append(share)
        self._entries.add(account(share, "held", self._order.channel_account), share.amount_minor)

    def _unhold(self, share: Share) -> None:
        self._shares.remove(share)
        self._entries.add(account(share, "held", self._order.channel_account), -share.amount_minor)


def _lines_of(pot: Pot) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.line_id for line in pot.lines))


def _held(judgement: Judgement, reason: str, amount_minor: int, figures: Breakdown) -> Share:
    """Return the share of a pot, or of what is left of it, that is held."""
    own = MERCHANT + judgement.pot.merchant
    return Share(
        path=own,
        receiver=own,
        merchant=judgement.pot.merchant,
        amount_minor=amount_minor,
        state="held",
        reason=reason,
        agreement_version=judgement.version,
        breakdown=figures,
        earning=judgement.earned,
        hold=judgement.hold or msgspec.UNSET,
    )
