"""One order and everything outside of it, by the rules alone: a pool, receivers, the platform's pockets, a buyer.

A test does what it likes in any order; the world keeps count of every minor unit that moved, and says what the books
must then be. No service code decides here what is right: the institution's side is counted by itself.
"""

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from tests.split.decisions import at
from tests.split.ends import ends
from tests.split.examples import PAID_AT
from tests.split.told import paid_out, refunded

from shared.messages import MerchantChanged, PayoutRequested, PayoutSettled, RefundRequested, SplitRequested
from shared.profiles import shipped
from split.domain import chargebacks, gates, money_back, splits
from split.domain.funding import FRESH_STANDING, Rules, Standing
from split.domain.holds import NO_FACTS, Facts, Freeze, Progress, approved, frozen, moved, progressed
from split.domain.judgements import Moment
from split.domain.movements import Movement
from split.domain.orders import Order
from split.domain.refund_outcomes import Posted, post_refund
from split.domain.refunds import Approval
from split.domain.resting import Deed
from split.domain.rounds import Decision
from split.domain.settlements import Settlement, settle
from split.domain.stops import NO_STOPS
from split.handlers.reviews import ROUNDS_MAX

FINAL: Final = ("succeeded", "failed", "cancelled", "returned")


class World:
    """The order, the ledger's sums, and the institution as it really is."""

    def __init__(
        self, request: SplitRequested, merchants: dict[str, MerchantChanged], beside: "World | None" = None
    ) -> None:
        """`beside`: another order of the same merchants, with which it shares the books."""
        self.request = request
        self.merchants: dict[str, MerchantChanged] = beside.merchants if beside else dict(merchants)
        self.now = PAID_AT + timedelta(minutes=1)
        self.accounts: dict[str, int] = beside.accounts if beside else defaultdict(int)
        self.standings: dict[str, Standing] = beside.standings if beside else {}
        self.pool = sum(it.amount_minor - it.fee_minor for it in request.payments)
        self.got: dict[str, int] = beside.got if beside else defaultdict(int)
        self.legs: dict[str, tuple[PayoutRequested, dict[str, str], int]] = {}
        self.plans: dict[str, tuple[RefundRequested, dict[str, str], int]] = {}
        self.booked: list[tuple[str, dict[str, int]]] = []
        self.stops = NO_STOPS
        self.reasons: dict[str, str] = {}
        decision = splits.split(request, self.merchants, NO_FACTS, self.moment(), self.standings)
        assert isinstance(decision, Decision), decision
        self.order = decision.order
        self._keep(decision)

    # What may happen

    def moment(self) -> Moment:
        """Return what is known now beside the order."""
        payees = gates.payees_of(self.merchants.values(), self.now)
        return msgspec.structs.replace(at(self.now), stops=self.stops, payees=payees)

    def review(self, deed: Deed | None = None) -> None:
        """Look at the order again, as often as it takes; at first to do what two people have decided."""
        for _ in range(ROUNDS_MAX):
            stand = self._stand(money_back.concerned(self.order, self.request))
            decision = splits.review(self.order, self.request, self.merchants, self.moment(), stand, deed)
            if decision is None:
                break
            deed = None
            self.order = decision.order
            self._keep(decision)

    def deposit(self, merchant: str, amount_minor: int) -> None:
        """Let a merchant pay in a deposit."""
        self.pool += amount_minor
        self.got[f"merchant:{merchant}"] -= amount_minor
        self._post(
            {f"channel:clearing/{self.order.channel_account}": -amount_minor, f"deposit/{merchant}": amount_minor}
        )

    def progress(self, event: Progress) -> None:
        """Goods went on."""
        self._fact(progressed(self.order.known_facts, event))

    def freeze(self, freeze: Freeze) -> None:
        """Open or close a case."""
        self._fact(frozen(self.order.known_facts, freeze))

    def approve(self, approval: Approval) -> None:
        """Approve a refund."""
        self._fact(approved(self.order.known_facts, approval))

    def move(self, movement: Movement) -> None:
        """Take money from the pool for a chargeback, or bring it back, as the channel itself does."""
        back = movement.kind == "chargeback_reversed"
        self.pool += movement.amount_minor if back else -movement.amount_minor
        self.got["buyer"] -= movement.amount_minor if back else -movement.amount_minor
        self._fact(moved(self.order.known_facts, movement))

    def change(self, merchant: MerchantChanged) -> None:
        """News of a merchant came."""
        self.merchants[merchant.merchant] = merchant
        self.review()

    def later(self, by: timedelta) -> None:
        """Let time pass, and deadlines fire."""
        self.now += by
        if self.order.look_at is not msgspec.UNSET and self.order.look_at <= self.now:
            self.review()

    def answer(self, payout_id: str, outcomes: dict[str, str], subsidies: str = "succeeded") -> None:
        """Do this with open legs of a payout, by leg id, as the institution, and tell it."""
        request, states, revision = self.legs[payout_id]
        for leg in request.legs:
            before, after = states[leg.leg_id], outcomes.get(leg.leg_id, states[leg.leg_id])
            moved = {("open", "succeeded"): -1, ("succeeded", "returned"): 1}.get((before, after), 0)
            self.pool += moved * leg.amount_minor
            self.got[leg.receiver] -= moved * leg.amount_minor
            states[leg.leg_id] = after
        for it in request.subsidies:
            if subsidies == "succeeded" and states.get(it.subsidy_id) != "succeeded":
                self.pool += it.amount_minor
                self.got["platform:marketing"] -= it.amount_minor
                states[it.subsidy_id] = "succeeded"
        self.legs[payout_id] = (request, states, revision + 1)
        settled = self._settled(payout_id)
        found = settle(self.order, settled)
        assert not isinstance(found, str), found
        if isinstance(found, Settlement):
            self._post(found.entries, "settle")
            self.order = found.order
        self.review()

    def carry_out(self, refund_id: str, failing: AbstractSet[str] = frozenset(), state: str = "succeeded") -> None:
        """Carry out a refund's plan as the institution, but for the returns that fail, and tell it."""
        plan, done, revision = self.plans[refund_id]
        for leg in plan.returns:
            if done.get(leg.return_id):
                continue
            done[leg.return_id] = "failed" if leg.return_id in failing else "succeeded"
            if leg.return_id not in failing:
                self.pool += leg.amount_minor
                self.got[leg.receiver] -= leg.amount_minor
        whole = all(done[it.return_id] == "succeeded" for it in plan.returns)
        for it in plan.fundings:
            if not done.get(it.funding_id):
                sign = -1 if it.kind == "marketing_back" else 1
                self.pool += sign * it.amount_minor
                self.got[f"platform:{it.kind.partition('_')[0]}"] -= sign * it.amount_minor
                done[it.funding_id] = "succeeded"
        paid = all(done.get(it.channel_payment_id) for it in plan.refunds)  # then it is told as done, whatever goes on
        finished = whole and (state == "succeeded" or paid)
        for refund in plan.refunds:
            if finished and not done.get(refund.channel_payment_id):
                self.pool -= refund.amount_minor
                self.got["buyer"] += refund.amount_minor
                done[refund.channel_payment_id] = "succeeded"
        self.plans[refund_id] = (plan, done, revision + 1)
        self._tell(refund_id, "succeeded" if finished else "under_way" if state == "succeeded" else state)

    # What must hold

    def check(self) -> None:
        """Compare the books with what is really there."""
        check(self)

    def unbooked_minor(self) -> int:
        """Return what came back to the pool and waits for what it is of."""
        return sum(
            it.amount_minor
            for it in self.order.known_facts.moved
            if it.kind == "chargeback_reversed" and chargebacks.waits(self.order, it)
        )

    def ends(self) -> dict[str, int]:
        """Return where everybody ends: what it got, less what it owes, with what it has yet to get."""
        return ends(self)

    # How it is kept

    def _stand(self, whom: Iterable[str]) -> dict[str, Standing]:
        """Return all standings, of these down to what they have available and deposited."""
        stand = dict(self.standings)
        for name in whom:
            known = stand.get(name, FRESH_STANDING)
            available, deposit = self.accounts[f"merchant:available/{name}"], self.accounts[f"deposit/{name}"]
            stand[name] = msgspec.structs.replace(known, available_minor=available, deposit_minor=deposit)
        return stand

    def _fact(self, after: Facts | str) -> None:
        assert not isinstance(after, str), after
        self.order = msgspec.structs.replace(self.order, facts=after)
        self.review()

    def _keep(self, decision: Decision) -> None:
        for booking in decision.back.bookings if decision.back else ():
            self._post(booking.entries, booking.kind)
        self._post(decision.entries)
        self.standings.update(decision.standings)
        for cancel in decision.back.cancels if decision.back else ():
            _, states, _ = self.legs[cancel.payout_id]
            for leg in cancel.legs:
                states[leg.leg_id] = "stopped" if states[leg.leg_id] == "open" else states[leg.leg_id]
        for plan in decision.back.requests if decision.back else ():
            if plan.refused is None:
                self._planned(plan)
        if decision.payout is not None:
            states = {leg.leg_id: "open" for leg in decision.payout.legs}
            self.legs[decision.payout.payout_id] = (decision.payout, states, 0)

    def _planned(self, plan: RefundRequested) -> None:
        _, done, revision = self.plans.get(plan.refund_id, (plan, {}, 0))
        self.plans[plan.refund_id] = (plan, done, revision)

    def _post(self, entries: dict[str, int], kind: str = "release") -> None:
        assert sum(entries.values()) == 0
        self.booked.append((kind, entries))
        for account, amount in entries.items():
            self.accounts[account] += amount

    def _settled(self, payout_id: str) -> PayoutSettled:
        request, states, revision = self.legs[payout_id]
        return paid_out(request, states, revision, self.now, self.reasons)

    def _tell(self, refund_id: str, state: Any) -> None:  # noqa: ANN401 - a literal
        plan, done, revision = self.plans[refund_id]
        told = refunded(plan, done, revision, state, self.now)
        rules = Rules(shipped().find(plan.channel_profile), self.request.paid_at, self.now)
        found = post_refund(
            self.order, told, self._stand({it.receiver.partition(":")[2] for it in plan.returns}), rules
        )
        assert not isinstance(found, str), found
        if isinstance(found, Posted):
            self._post(found.entries, "refund_settle")
            self.order = found.order
            self.standings.update(found.standings)
            if found.request is not None:
                self._planned(found.request)
        self.review()


def moment(minutes: int) -> datetime:
    """Return a moment after the payment."""
    return PAID_AT + timedelta(minutes=minutes)


def check(*worlds: World) -> None:
    """Compare the books that these orders share with what is really there of them."""
    accounts, standings = worlds[0].accounts, worlds[0].standings
    account = worlds[0].request.payments[0].channel_account
    assert sum(accounts.values()) == 0
    waiting = sum(world.unbooked_minor() for world in worlds)
    assert -accounts[f"channel:clearing/{account}"] == sum(world.pool for world in worlds) - waiting
    for state in ("held", "available", "in_transit"):
        sums: dict[str, int] = defaultdict(int)
        for share in (share for world in worlds for share in world.order.shares):
            assert share.amount_minor >= 0, share
            reserved = share.path.startswith("reserve:") and not share.attempt
            if share.state == state and share.receiver.startswith("merchant:") and not reserved:
                owing = share.owing_minor or 0 if state == "available" else 0  # taken by refunds of its own order
                sums[share.receiver.removeprefix("merchant:")] += share.amount_minor - owing
        for name in {*sums, *(it.partition("/")[2] for it in accounts if it.startswith(f"merchant:{state}/"))}:
            taken = standings.get(name, FRESH_STANDING).guard.taken_minor if state == "available" else 0
            assert accounts[f"merchant:{state}/{name}"] == sums[name] - taken, (state, name)
            assert accounts[f"merchant:{state}/{name}"] >= 0, (state, name)
    for name, standing in standings.items():
        assert accounts[f"merchant:debt/{name}"] == -standing.guard.debt_minor
        assert accounts[f"merchant:reserve/{name}"] == standing.guard.reserve_minor
    assert accounts["platform:marketing"] == -sum(_promised(world.order) for world in worlds)
    asked = [part for world in worlds for it in world.order.known_refunds for part in it.returns]
    returning = sum(amount for name, amount in accounts.items() if name.startswith("merchant:returning/"))
    assert returning == -sum(part.amount_minor for part in asked if part.state == "requested")
    for world in worlds:
        given_back = sum(it.amount_minor for it in world.order.known_refunds if it.planned and it.kind == "refund")
        assert given_back <= sum(it.amount_minor for it in world.request.payments)


def _promised(order: Order) -> int:
    """Return what marketing has promised to an order and not paid yet."""
    promised = order.subsidy_due_minor + sum(it.amount_minor for it in order.subsidies if it.state == "requested")
    for part in (part for it in order.known_refunds for part in it.fundings):
        if part.state == "requested" and part.account == "platform:marketing":
            promised += part.amount_minor if part.kind == "marketing" else -part.amount_minor
    return promised
