"""One pass over an order: collects what is held and what is due, the entries behind it, and the payout that follows."""

from collections.abc import Sequence
from typing import Final

import msgspec

from shared.messages import Breakdown, Leg, PayoutRequested, Subsidy
from split.domain.earnings import breakdown, held_breakdown
from split.domain.judgements import Judgement
from split.domain.ledger import Entries
from split.domain.orders import Order, OwedSubsidy
from split.domain.pots import MERCHANT
from split.domain.receivers import FREIGHT, Portion, Trees
from split.domain.shares import CLEARING, COMMISSION, FEE, FREIGHT_INCOMPLETE, MARKETING, Share, account, leg_id

FREIGHT_OF: Final = "freight:"
"""Path of one merchant's freight while it waits for the logistics chain."""


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
        """Hold a pot, or pay it to its merchant, its receivers and the platform. `before` is its share held so far."""
        if before is not None and before.reason == judgement.reason:
            return
        self.changed = True
        if before is not None:
            self._unhold(before)
            self._short -= judgement.pot.short_minor
        if judgement.reason:
            self._hold_pot(judgement)
        else:
            self._pay_pot(judgement)

    def freight(self, trees: Trees, *, outstanding: bool) -> None:
        """Divide the freight that goes to the chain, once all of it is there: a fixed amount is paid once an order.

        `outstanding`: a merchant whose freight may still come is held.
        """
        waiting = [share for share in self._shares if share.path.startswith(FREIGHT_OF)]
        total = sum(share.amount_minor for share in waiting)
        if not total or not self.changed:
            return
        divided = trees.divide(FREIGHT, total)
        reason = FREIGHT_INCOMPLETE if outstanding else trees.mistake or (divided if isinstance(divided, str) else "")
        for share in waiting:
            self._unhold(share)
            if reason:
                self._hold(msgspec.structs.replace(share, reason=reason))
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
        legs = tuple(_leg(order, share) for share in self._due if share.state == "in_transit")
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
        )
        return Decision(after, self._entries.closed(), self._request(legs, asked) if legs else None)

    def _request(self, legs: tuple[Leg, ...], asked: Sequence[OwedSubsidy]) -> PayoutRequested:
        order = self._order
        return PayoutRequested(
            marketplace=order.marketplace,
            payout_id=self._payout_id,
            document=order.document,
            kind="pay",
            currency=order.currency,
            channel_profile=order.channel_profile,
            channel_account=order.channel_account,
            legs=legs,
            subsidies=tuple(Subsidy(subsidy_id=it.subsidy_id, amount_minor=it.amount_minor) for it in asked),
        )

    def _hold_pot(self, judgement: Judgement) -> None:
        pot = judgement.pot
        self._short += pot.short_minor
        self._hold(
            Share(
                path=MERCHANT + pot.merchant,
                receiver=MERCHANT + pot.merchant,
                merchant=pot.merchant,
                amount_minor=pot.worth_minor,
                state="held",
                reason=judgement.reason,
                agreement_version=judgement.version,
                breakdown=held_breakdown(pot),
                earning=judgement.earned,
            )
        )

    def _pay_pot(self, judgement: Judgement) -> None:
        pot, earned, divided = judgement.pot, judgement.earned, judgement.divided
        if earned is None or divided is None:
            message = f"a pot without a reason to hold it has no earning: {pot.merchant}"
            raise ValueError(message)
        self._released = True
        self._short += earned.short_minor
        self._commission += earned.commission_minor
        self._borne_fee += earned.platform_fee_minor
        own = MERCHANT + pot.merchant
        figures = breakdown(pot, earned, earned.net_minor - divided.stays_minor)
        self._pay(own, own, pot.merchant, divided.stays_minor, figures, judgement.version)
        self._pay_portions(pot.merchant, divided.portions, judgement.version, freight=False)
        if earned.chain and pot.freight_minor:
            held = Breakdown(freight_minor=pot.freight_minor)
            self._hold(
                Share(
                    path=FREIGHT_OF + pot.merchant,
                    receiver=own,
                    merchant=pot.merchant,
                    amount_minor=pot.freight_minor,
                    state="held",
                    reason=FREIGHT_INCOMPLETE,
                    agreement_version=judgement.version,
                    breakdown=held,
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

    def _pay(self, path: str, receiver: str, merchant: str, amount: int, figures: Breakdown, version: int = 0) -> None:
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

    def _hold(self, share: Share) -> None:
        self._shares.append(share)
        self._entries.add(account(share, "held", self._order.channel_account), share.amount_minor)

    def _unhold(self, share: Share) -> None:
        self._shares.remove(share)
        self._entries.add(account(share, "held", self._order.channel_account), -share.amount_minor)


def _leg(order: Order, share: Share) -> Leg:
    return Leg(
        leg_id=leg_id(order.document_key, share),
        receiver=share.receiver,
        amount_minor=share.amount_minor,
        attempt=share.attempt,
        breakdown=share.breakdown,
    )
