"""One pass over an order: collects what is held and what is due, the entries behind it, and the payout that follows."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from shared.messages import Breakdown, PayoutRequested
from split.domain import chargebacks, corrections, items
from split.domain.backs import Back
from split.domain.earnings import breakdown, held_breakdown
from split.domain.funding import Standing
from split.domain.gates import Gate
from split.domain.judgements import Judgement
from split.domain.orders import Late, Order
from split.domain.pots import MERCHANT, Pot
from split.domain.receivers import FREIGHT, Divided, Trees
from split.domain.requests import leg, requested
from split.domain.shares import (
    CLEARING,
    COMMISSION,
    FREIGHT_INCOMPLETE,
    FREIGHT_OF,
    MARKETING,
    TAX,
    Share,
)
from split.domain.sources import subsidies
from split.domain.takings import Takings
from split.domain.tallies import NOBODY_OWES, Tally
from split.domain.undoing import Undoing


class Decision(msgspec.Struct, frozen=True):
    """What a pass decided: the order, entries to book, a payout or none; whether to tell that its freeze is ending."""

    order: Order
    entries: dict[str, int]
    payout: PayoutRequested | None
    back: Back | None = None
    freeze_ending: bool = False
    standings: Mapping[str, Standing] = {}


class Round(Tally):
    """One pass. Mutable while it collects; what `close` returns is frozen."""

    def __init__(
        self,
        order: Order,
        gate: Gate,
        standings: Mapping[str, Standing] = NOBODY_OWES,
        undoing: Undoing | None = None,
    ) -> None:
        super().__init__(order, standings, gate)
        self.changed = False
        self._undoing = undoing
        self._short = 0
        self._takings = Takings()

    def take(self, pooled_minor: int, subsidy_minor: int, surcharge_minor: int) -> None:
        """Book what the channel account holds of a new order, and what is the platform's of it in any case."""
        self.changed = True
        self.entries.add(f"{CLEARING}/{self.order.channel_account}", -pooled_minor)
        self._short += subsidy_minor
        self._takings.surcharges = {"": surcharge_minor} if self.sources is None else self.sources.surcharges

    def settle(self, judgement: Judgement, before: Share | None) -> None:
        """Hold a pot, or pay it, or some lines of it, to its merchant, its receivers and the platform.

        `before` is its share held so far, for all of the pot or for the lines that are left of it.
        """
        self.look(judgement.next_at)
        if before is None and judgement.reason:
            self._hold_pot(judgement)
        elif before is not None and judgement.reason:
            self._restate(judgement, before)
        elif judgement.lines is None and self._undoing is None and (before is None or before.lines is msgspec.UNSET):
            if before is not None:
                self.unhold(before)
                self._short -= judgement.pot.short_minor
            self._pay_pot(judgement)
        else:
            self._pay_lines(judgement, before)

    def _restate(self, judgement: Judgement, before: Share) -> None:
        """Keep the reason and what an agreement has decided. No money moves."""
        after = msgspec.structs.replace(
            before,
            reason=judgement.reason,
            agreement_version=judgement.version,
            rules_version=judgement.rules_version,
            earning=judgement.earned,
            hold=judgement.hold or msgspec.UNSET,
            refund=judgement.refund or msgspec.UNSET,
        )
        if after != before:
            self.changed = True
            self.shares[self.shares.index(before)] = after

    def freight(self, trees: Trees, *, outstanding: bool) -> None:
        """Divide the freight that goes to the chain, once all of it is there: a fixed amount is paid once an order.

        `outstanding`: a merchant whose freight may still come is held.
        """
        waiting = [share for share in self.shares if share.path.startswith(FREIGHT_OF) and share.state == "held"]
        total = sum(share.amount_minor for share in waiting)
        if not total or not self.changed:
            return
        left = self._undoing.chain_left if self._undoing else None
        divided = trees.divide(FREIGHT, total) if left is None else Divided(0)
        reason = FREIGHT_INCOMPLETE if outstanding else trees.mistake or (divided if isinstance(divided, str) else "")
        for share in waiting:
            if reason:
                self.shares[self.shares.index(share)] = msgspec.structs.replace(share, reason=reason)
            else:
                self.unhold(share)
        if not reason and left is not None:
            for receiver, amount in left.items():
                path = f"receiver:{receiver.removeprefix(MERCHANT)}"
                self.pay(path, receiver, "", amount, Breakdown(freight_minor=amount))
        elif not reason and not isinstance(divided, str):
            self.pay_portions("", divided.portions, 0, freight=True)

    def give_back(self, given: Mapping[str, int]) -> None:
        """Give each party what a reversed chargeback brings back to it."""
        self._short -= chargebacks.give_back(self, given)

    def correct(self, lates: Sequence[Late], changed: Mapping[str, int], now: datetime) -> None:
        """Post what versions that came too late make of the order; `changed` is what each party gets or owes."""
        self._short += corrections.post(self, lates, changed, now)

    def close(self) -> Decision:
        """Return what this pass decided; the platform's commission of it is one leg, its subsidies are one.

        Of sellers who were paid apart it is one leg each: nothing is split off two payments at once.
        """
        self._takings.pay(self)
        self.entries.add(MARKETING, -self._short)
        order = self.order
        legs = tuple(leg(order, it) for it in (*self.again, *self.due) if it.state == "in_transit" and it.payout_id)
        due = order.subsidy_due_minor + self._short
        # What rests lies in the pool and is paid in later. More would be lent to the next payout before it is there.
        resting = sum(it.resting_minor for it in (*self.shares, *self.due))
        missing = max(0, due - resting) if legs or self.sources is not None else 0
        asked = subsidies(order, self.payout_id, missing, self.sources, (*self.shares, *self.due)) if missing else ()
        after = msgspec.structs.replace(
            order,
            shares=(*self.shares, *self.due),
            subsidies=order.subsidies + asked,
            subsidy_due_minor=due - missing,
            payouts=order.payouts + bool(legs or asked),
            look_at=self.look_at or msgspec.UNSET,
            operator_at=self.operator_at or msgspec.UNSET,
        )
        payout = requested(order, self.payout_id, legs, asked) if legs or asked else None
        return Decision(after, self.entries.closed(), payout, standings=self.netted)

    def _hold_pot(self, judgement: Judgement) -> None:
        pot = judgement.pot
        self.changed = True
        self._short += pot.short_minor
        self.hold(_held(judgement, judgement.reason, pot.worth_minor, held_breakdown(pot)))

    def _pay_pot(self, judgement: Judgement) -> None:
        pot, earned, divided = judgement.pot, judgement.earned, judgement.divided
        if earned is None or divided is None:
            message = f"a pot without a reason to hold it has no earning: {pot.merchant}"
            raise ValueError(message)
        self.changed = True
        self._short += earned.short_minor
        apart = self.apart(pot.merchant)
        self._takings.keep(apart, earned.commission_minor, earned.platform_fee_minor, earned.tax_minor)
        own = MERCHANT + pot.merchant
        figures = breakdown(pot, earned, earned.net_minor - divided.stays_minor)
        share = self.pay(own, own, pot.merchant, divided.stays_minor, figures, judgement.version)
        if len(pot.lines) > 1 or judgement.refund or judgement.rules_version:
            self.due[-1] = msgspec.structs.replace(
                share,
                commissions=earned.commissions if len(pot.lines) > 1 else msgspec.UNSET,
                taxes=earned.taxes if len(pot.lines) > 1 and earned.taxes else msgspec.UNSET,
                refund=judgement.refund or msgspec.UNSET,
                rules_version=judgement.rules_version,
            )
        self.pay_portions(pot.merchant, divided.portions, judgement.version, freight=False)
        if earned.chain:
            self._rest_freight(judgement, pot.freight_minor)

    def _pay_lines(self, judgement: Judgement, before: Share | None) -> None:
        """Pay the lines that are ready; what is left of the pot stays one share, or becomes one."""
        pot, earned, divided = judgement.pot, judgement.earned, judgement.divided
        if earned is None or divided is None:
            message = f"lines without a reason to hold them have no earning: {pot.merchant}"
            raise ValueError(message)
        self.changed = True
        if before is None or before.lines is msgspec.UNSET:
            self._short += earned.short_minor - (0 if before is None else pot.short_minor)
        parts: Sequence[items.Item] = items.items(pot, earned, divided)
        if self._undoing is not None:
            parts = self._undoing.left_of(pot.merchant, parts)
        owing = before.owing_minor if before is not None and before.owing_minor is not msgspec.UNSET else 0
        left = before.lines if before is not None and before.lines is not msgspec.UNSET else _lines_of(pot)
        going = frozenset(left) if judgement.lines is None else judgement.lines
        paid = items.of_lines(parts, going)
        kept = {COMMISSION: sum(it.kept_minor for it in paid), TAX: sum(it.tax_minor for it in paid)}
        owed = dict(before.kept_owing or {}) if before is not None else {}
        gone = {party: min(owed.get(party, 0), amount) for party, amount in kept.items()}
        commission = sum(it.commission_minor for it in paid) - gone[COMMISSION]
        borne_fee = sum(it.platform_fee_minor for it in paid)
        self._takings.keep(self.apart(pot.merchant), commission, borne_fee, kept[TAX] - gone[TAX])
        own = MERCHANT + pot.merchant
        lines = tuple(line for line in left if line in going)
        amount = sum(it.own_minor for it in paid)
        paid_off = min(owing, amount)
        figures = items.breakdown(paid, paid_off)
        share = self.pay(own, own, pot.merchant, amount - paid_off, figures, judgement.version)
        refund = judgement.refund or msgspec.UNSET
        rules = judgement.rules_version
        self.due[-1] = msgspec.structs.replace(share, lines=lines, earning=earned, refund=refund, rules_version=rules)
        for place, portion in enumerate(divided.portions):
            if taken := sum(it.passed_on[place] for it in paid):
                figures = Breakdown(gross_minor=taken)
                path, receiver = f"receiver:{portion.receiver}", MERCHANT + portion.receiver
                self.pay(path, receiver, pot.merchant, taken, figures, judgement.version)
                self.due[-1] = msgspec.structs.replace(self.due[-1], lines=lines)
        self._rest_freight(judgement, sum(it.chain_minor for it in paid))
        if before is not None:
            self.unhold(before)
        rest_lines = tuple(line for line in left if line not in going)
        if rest_lines:
            rest = items.of_lines(parts, frozenset(rest_lines))
            owing -= paid_off
            owed = {party: amount - gone[party] for party, amount in owed.items() if amount > gone[party]}
            taken = owing + sum(owed.values())
            held = sum(it.held_minor for it in rest) - taken
            share = _held(judgement, judgement.rest_reason, held, items.held_breakdown(rest, taken))
            self.hold(
                msgspec.structs.replace(
                    share, lines=rest_lines, owing_minor=owing or msgspec.UNSET, kept_owing=owed or msgspec.UNSET
                )
            )

    def _rest_freight(self, judgement: Judgement, amount_minor: int) -> None:
        """Put freight for the logistics chain where it waits for the freight of the other lines and merchants."""
        if not amount_minor:
            return
        merchant, path = judgement.pot.merchant, FREIGHT_OF + judgement.pot.merchant
        resting = next((it for it in self.shares if it.path == path and it.state == "held"), None)
        if resting is not None:
            self.unhold(resting)
            amount_minor += resting.amount_minor
        self.hold(
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
        rules_version=judgement.rules_version,
        breakdown=figures,
        earning=judgement.earned,
        hold=judgement.hold or msgspec.UNSET,
        refund=judgement.refund or msgspec.UNSET,
    )
