"""Two orders of the same merchants and everything that may happen to them, in any interleaving.

After every step the books are what was really moved; at the end everybody stands where a straight run of the same facts
brings it, whatever was paid, failed, called off, sent back, returned or waited for on the way.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar, Literal, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.split.domain.test_money_back import HOUR, approval, carry_out, movement, pay, progress
from tests.split.ends import ends
from tests.split.examples import agreements, copies, merchant, orders
from tests.split.tariffs import MERCHANTS
from tests.split.world import World, check

from shared.messages import MerchantChanged, SplitRequested
from split.domain.holds import Freeze
from split.domain.paid import paid_for
from split.domain.refunds import ApprovedLine

type Happens = Callable[[World], None]
type Requests = tuple[SplitRequested, SplitRequested]

PARTS = st.sampled_from((1, 1, 2, 3))
"""Of what is left, the whole, a half or a third."""
FIRST_OR_SECOND = st.integers(0, 1)


class Fact(NamedTuple):
    """Something that happened to one of the orders; `number` is its place in a straight run."""

    place: int
    number: int
    happens: Happens


class Town(RuleBasedStateMachine):
    """The two orders. What a fact says never changes; when it is heard of, and what else goes on, does."""

    steps: ClassVar[int] = 0

    @initialize(
        requests=st.tuples(orders(), orders()),
        agreed=st.tuples(*(agreements() for _ in MERCHANTS)),
        late=st.sets(st.sampled_from(MERCHANTS)),
        blocked=st.sets(st.sampled_from(MERCHANTS), max_size=1),
    )
    def begin(self, requests: Requests, agreed: tuple[Any, ...], late: set[str], blocked: set[str]) -> None:
        """Split both orders. News of some merchants is still to come, and some may not be paid yet."""
        one, other = requests
        payments = tuple(msgspec.structs.replace(it, channel_payment_id="p2") for it in other.payments)
        other = msgspec.structs.replace(other, order_id="2", currency=one.currency, payments=payments)
        self.requests = one, other
        self.merchants = copies(*(merchant(name, it) for name, it in zip(MERCHANTS, agreed, strict=True)))
        known = {name: it for name, it in self.merchants.items() if name not in late}
        known |= {name: barred(known[name]) for name in blocked & known.keys()}
        self.worlds = found(self.requests, known)
        self.facts: list[Fact] = []
        self.later: list[Fact] = []
        self.left = [{(it.line_id, it.freight): it.paid_minor for it in paid_for(request)} for request in self.requests]
        self.revision = 0

    # Facts

    @rule(place=FIRST_OR_SECOND, kind=st.sampled_from(("shipped", "delivered", "completed")), some=st.data())
    def goods(self, place: int, kind: Any, some: st.DataObject) -> None:  # noqa: ANN401 - a literal
        """Goods of some lines, or of all, go on."""
        lines = some.draw(st.lists(st.sampled_from(self._lines(place)), unique=True, max_size=2))
        event = progress(kind, *lines, number=len(self.facts))
        self._happens(place, lambda world: world.progress(event))

    @rule(place=FIRST_OR_SECOND, opened=st.booleans())
    def case(self, place: int, *, opened: bool) -> None:
        """Open a case, or close it."""
        self._case(place, opened=opened)

    def _case(self, place: int, *, opened: bool) -> None:
        self.revision += 1
        freeze = Freeze(owner="case:1", revision=self.revision, open=opened, reason="broken", hash=str(self.revision))
        self._happens(place, lambda world: world.freeze(freeze))

    @rule(
        place=FIRST_OR_SECOND,
        mode=st.sampled_from((None, None, "platform", "proportional", "merchant")),
        bearing=st.sampled_from(MERCHANTS),
        part=PARTS,
        some=st.data(),
    )
    def refund(self, place: int, mode: Any, bearing: str, part: int, some: st.DataObject) -> None:  # noqa: ANN401 - a literal
        """Refund some lines, in whole or in part, of what is left of them."""
        lines = some.draw(st.lists(st.sampled_from(self._lines(place)), unique=True, min_size=1, max_size=2))
        left, asked = self.left[place], list[ApprovedLine]()
        for line in lines:
            goods, freight = left.get((line, False), 0) // part, left.get((line, True), 0) // part
            left[line, False] = left.get((line, False), 0) - goods
            left[line, True] = left.get((line, True), 0) - freight
            asked.append(ApprovedLine(line, goods, freight))
        currency, number = self.requests[0].currency, len(self.facts)
        refund = approval(*asked, refund_id=f"r{number}", currency=currency, mode=mode, bearing=bearing)
        self._happens(place, lambda world: world.approve(refund))

    @rule(place=FIRST_OR_SECOND, part=PARTS, end=st.sampled_from(("open", "lost", "won", "won in part", "won first")))
    def chargeback(
        self, place: int, part: int, end: Literal["open", "lost", "won", "won in part", "won first"]
    ) -> None:
        """Take back some of what is not refunded; its end is heard of later, or before."""
        left = self.left[place]
        taken = {key: amount // part for key, amount in left.items()}
        total = sum(taken.values())
        back = total // 2 if end == "won in part" else total
        if not total or not back:
            return
        for key, amount in taken.items():
            left[key] -= amount
        number = len(self.facts) + len(self.later)
        names = {"movement_id": f"m{number}", "cause": f"taken{number}", "hash": f"taken{number}"}
        opens = movement("chargeback", total, **names)
        won = movement(
            "chargeback_reversed",
            back,
            movement_id=f"b{number}",
            reverses=f"m{number}",
            cause=f"back{number}",
            hash=f"back{number}",
        )
        moves = [opens] if end in ("open", "lost") else [won, opens] if end == "won first" else [opens, won]
        first, *others = moves
        self._happens(place, lambda world: world.move(first))
        for it in others:
            self.later.append(Fact(place, number, lambda world, it=it: world.move(it)))  # type: ignore[misc] # bound now

    @precondition(lambda self: self.later)
    @rule()
    def hear(self) -> None:
        """Hear of what happened earlier."""
        fact = self.later.pop(0)
        self._happens(fact.place, fact.happens)

    @rule(name=st.sampled_from(MERCHANTS), free=st.booleans())
    def news(self, name: str, *, free: bool) -> None:
        """Hear of a merchant: it may be paid, or not yet."""
        copy = self.merchants[name] if free else barred(self.merchants[name])
        for world in self.worlds:
            world.change(copy)

    # What else goes on

    @rule(place=FIRST_OR_SECOND, outcome=st.sampled_from(("succeeded", "succeeded", "failed")))
    def legs(self, place: int, outcome: str) -> None:
        """Have the institution end what is under way, and call off what it was asked to in time."""
        pay(self.worlds[place], outcome)

    @rule(place=FIRST_OR_SECOND)
    def too_late(self, place: int) -> None:
        """Have the institution pay what it was asked too late to call off."""
        world = self.worlds[place]
        for payout_id, (_, states, _) in list(world.legs.items()):
            if stopped := {leg: "succeeded" for leg, state in states.items() if state == "stopped"}:
                states.update(dict.fromkeys(stopped, "open"))
                world.answer(payout_id, stopped)

    @rule(place=FIRST_OR_SECOND)
    def bounce(self, place: int) -> None:
        """Have a receiver's bank send back what it got, late."""
        world = self.worlds[place]
        for payout_id, (request, states, _) in list(world.legs.items()):
            paid = [it.leg_id for it in request.legs if states[it.leg_id] == "succeeded" and "merchant:" in it.receiver]
            if paid:
                world.answer(payout_id, {paid[0]: "returned"})
                return

    @rule(place=FIRST_OR_SECOND, state=st.sampled_from(("succeeded", "succeeded", "under_way", "waiting_funds")))
    def refunds(self, place: int, state: str) -> None:
        """Have the institution go on with every refund, or wait for the platform's money."""
        for refund_id in list(self.worlds[place].plans):
            self.worlds[place].carry_out(refund_id, state=state)

    @rule(place=FIRST_OR_SECOND)
    def no_return(self, place: int) -> None:
        """Have every receiver refuse to give back."""
        world = self.worlds[place]
        for refund_id, (plan, _, _) in list(world.plans.items()):
            world.carry_out(refund_id, frozenset(it.return_id for it in plan.returns))

    @rule(place=FIRST_OR_SECOND, name=st.sampled_from(MERCHANTS), amount=st.integers(1, 10_000))
    def deposit(self, place: int, name: str, amount: int) -> None:
        """Let a merchant pay in a deposit."""
        deposit = Fact(place, len(self.facts), lambda world: world.deposit(name, amount))
        self.facts.append(deposit)
        deposit.happens(self.worlds[place])

    @rule(by=st.sampled_from((HOUR, 25 * HOUR, 61 * 24 * HOUR)))
    def time(self, by: timedelta) -> None:
        """Let time pass."""
        for world in self.worlds:
            world.later(by)

    # Laws

    @invariant()
    def books(self) -> None:
        """Hold the books against what was really moved."""
        Town.steps += 1
        if hasattr(self, "worlds"):
            check(*self.worlds)

    def teardown(self) -> None:
        """Let everything happen that can, and the same facts once more without any detour."""
        if not hasattr(self, "worlds"):
            return
        while self.later:
            self.hear()
        for place in range(2):  # what is frozen for ever stands with its merchant, whoever would get it
            self._case(place, opened=False)
        straight = found(self.requests, self.merchants)
        for fact in sorted(self.facts, key=lambda it: (it.number, it.place)):
            fact.happens(straight[fact.place])
        for worlds in (self.worlds, straight):
            finish(worlds, self.merchants)
        # A refund waits for ever for an agreement that can decide: until then its lines rest where they were.
        refunds = [it for world in (*self.worlds, *straight) for it in world.order.known_refunds]
        if all(it.state != "waiting" for it in refunds):
            ended, wanted = ends(*self.worlds), ends(*straight)
            assert ended == wanted, (ended, wanted)

    def _lines(self, place: int) -> list[str]:
        return [it.line_id for it in self.requests[place].lines]

    def _happens(self, place: int, happens: Happens) -> None:
        self.facts.append(Fact(place, len(self.facts), happens))
        happens(self.worlds[place])


def found(requests: Requests, merchants: dict[str, MerchantChanged]) -> tuple[World, World]:
    """Split both orders, on the same books."""
    one = World(requests[0], merchants)
    return one, World(requests[1], merchants, beside=one)


def barred(copy: MerchantChanged) -> MerchantChanged:
    """Return news of a merchant that may not be paid yet."""
    return msgspec.structs.replace(copy, blocked=("kyc",))


def finish(worlds: tuple[World, World], merchants: dict[str, MerchantChanged]) -> None:
    """Let every merchant be known and free, and everything happen that can."""
    for world in worlds:
        for copy in merchants.values():
            world.change(copy)
    for _ in range(4):
        for world in worlds:
            world.review()
            pay(world)
            carry_out(world)
            world.later(timedelta(days=61))
    check(*worlds)


def interleave(runs: int, steps: int) -> int:
    """Try so many interleavings of so many steps; return how many steps that were."""
    Town.steps = 0
    run_state_machine_as_test(
        Town,
        settings=settings(
            max_examples=runs,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink a story takes minutes: by hand
        ),
    )
    return Town.steps


def test_whatever_comes_between_everybody_ends_the_same() -> None:
    assert interleave(80, 30) >= 1_000


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_whatever_comes_between_for_long_everybody_ends_the_same() -> None:
    assert interleave(800, 60) >= 10_000
