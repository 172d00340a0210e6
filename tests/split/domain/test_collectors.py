"""Where the seller collects: its own share comes by finish, after all others; and the freeze of the channel ends."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.split.channels import ECOMMERCE, WECHAT, at_channel
from tests.split.decisions import at, legs_of, reasons_of
from tests.split.examples import PAID_AT, agreement, copies, extra, line, merchant, paid_order
from tests.split.replica import settled

from shared.messages import Agreement, MerchantChanged, PayoutRequested, SplitRequested
from split.domain import splits
from split.domain.collectors import collecting_of, waits
from split.domain.funding import Standing
from split.domain.holds import NO_FACTS, Facts, Freeze, Progress, frozen, progressed
from split.domain.limits import key_of
from split.domain.orders import Order
from split.domain.rounds import Decision
from split.domain.settlements import Settlement, settle

ALIPAY = "alipay-split"
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
RECEIVERS = ("platform:commission", "platform:tax", "platform:fee", *(f"merchant:r{number}" for number in range(9)))


def seller(*, profile: str = WECHAT, **terms: Any) -> dict[str, MerchantChanged]:  # noqa: ANN401 - any field of an agreement
    fields = {"channel_profile": profile, "commission_bp": 1_000, "split_cap_bp": 10_000} | terms
    return copies(merchant("m1", agreement(**fields)))


class Collected:
    """One order that its seller collects, and what was asked for and booked of it."""

    order: Order
    standings: dict[str, Standing]

    def __init__(self, request: SplitRequested, merchants: dict[str, MerchantChanged], facts: Facts = NO_FACTS) -> None:
        self._request = request
        self.merchants = merchants
        place = request.payments[0]
        sellers = {it.merchant for it in request.lines}
        self._bound = [
            key_of(request.marketplace, it, place.channel_profile, place.channel_account, receiver)
            for it in sellers
            for receiver in RECEIVERS
        ]
        self.booked: dict[str, int] = {}
        self.payouts: list[PayoutRequested] = []
        self.decisions: list[Decision] = []
        self.standings = {}
        decision = splits.split(request, merchants, facts, at(PAID_AT + MINUTE, bound=self._bound))
        assert isinstance(decision, Decision)
        self.order = decision.order
        self._take(decision)

    def look(self, now: datetime = PAID_AT + 2 * MINUTE) -> Decision | None:
        moment = at(now, bound=self._bound)
        decision = splits.review(self.order, self._request, self.merchants, moment, self.standings)
        if decision is not None:
            self._take(decision)
        return decision

    def note(self, facts: Facts | str, now: datetime = PAID_AT + 2 * MINUTE) -> None:
        assert isinstance(facts, Facts)
        self.order = msgspec.structs.replace(self.order, facts=facts)
        self.look(now)

    def pay(self, number: int = -1, state: Any = "succeeded", revision: int = 1) -> None:  # noqa: ANN401 - a literal
        """Let the institution answer a payout, and look again as the handler does."""
        answer = settle(self.order, settled(self.payouts[number], state, revision))
        assert isinstance(answer, Settlement)
        self.order = answer.order
        self._book(answer.entries)
        if waits(self.order):
            self.look()

    @property
    def balances(self) -> dict[str, int]:
        return {account: amount for account, amount in self.booked.items() if amount}

    def _take(self, decision: Decision) -> None:
        self.order = decision.order
        self.decisions.append(decision)
        self.standings |= decision.standings
        for booking in decision.back.bookings if decision.back else ():
            self._book(booking.entries)
        self._book(decision.entries)
        if decision.payout is not None:
            self.payouts.append(decision.payout)

    def _book(self, entries: dict[str, int]) -> None:
        assert sum(entries.values()) == 0
        for account, amount in entries.items():
            self.booked[account] = self.booked.get(account, 0) + amount


def kinds(it: Collected) -> list[tuple[str, str, dict[str, int]]]:
    return [
        (payout.payout_id, payout.kind, {leg.receiver: leg.amount_minor for leg in payout.legs})
        for payout in it.payouts
    ]


def shipped(*lines: str, number: str = "s1", kind: Any = "shipped") -> Progress:  # noqa: ANN401 - a literal
    return Progress(kind=kind, progress_id=number, line_ids=lines, occurred_at=PAID_AT, hash="")


def test_the_collectors_own_share_is_no_leg_and_comes_by_finish_once_the_others_are_paid() -> None:
    it = Collected(at_channel(paid_order(line(1, 10_000), fee=60), WECHAT), seller())
    assert kinds(it) == [("o:1.1", "pay", {"platform:commission": 940})]
    own = it.order.shares[-1] if it.order.shares[-1].path == "merchant:m1" else it.order.shares[0]
    assert (own.state, own.reason, own.part, own.payout_id) == ("in_transit", "awaiting_finish", 1, "")
    assert it.balances == {
        "channel:clearing/test-a": -9_940,
        "merchant:in_transit/m1": 9_000,
        "platform:commission": 940,
    }
    it.pay()
    assert kinds(it)[1:] == [("o:1.2", "finish", {"merchant:m1": 9_000})]
    (leg,) = it.payouts[1].legs
    assert (leg.leg_id, leg.attempt, leg.breakdown.gross_minor) == ("test-a/o:1/merchant:m1/1", 1, 10_000)
    it.pay()
    assert it.balances == {}
    assert {share.state for share in it.order.shares} == {"paid"}
    assert it.look() is None


def test_an_order_of_which_nobody_else_gets_anything_is_finished_at_once() -> None:
    it = Collected(at_channel(paid_order(line(1, 10_000)), WECHAT), seller(commission_bp=0))
    assert kinds(it) == [("o:1.1", "finish", {"merchant:m1": 10_000})]


@pytest.mark.parametrize("state", ["unknown", "accepted", "failed"])
def test_a_leg_that_is_not_paid_keeps_the_finish_waiting(state: str) -> None:
    it = Collected(at_channel(paid_order(line(1, 10_000)), WECHAT), seller())
    it.pay(state=state)
    assert len(it.payouts) == 1
    if state != "failed":
        it.pay(0, revision=2)
        assert kinds(it)[-1] == ("o:1.2", "finish", {"merchant:m1": 9_000})


def test_lines_that_are_held_keep_the_finish_waiting_and_their_own_parts_come_together() -> None:
    order = at_channel(
        paid_order(line(1, 6_000), line(2, 4_000), receivers=(extra("r1", "merchant:m1", "fixed", 1_000),)), WECHAT
    )
    it = Collected(order, seller(trigger="shipped"))
    it.note(progressed(NO_FACTS, shipped("l2")))
    it.pay()
    assert [kind for _, kind, _ in kinds(it)] == ["pay"]
    it.note(progressed(it.order.known_facts, shipped("l1", number="s2")))
    it.pay()
    assert [kind for _, kind, _ in kinds(it)] == ["pay", "pay", "finish"]
    finish = it.payouts[-1]
    assert [leg.leg_id for leg in finish.legs] == ["test-a/o:1/merchant:m1/1", "test-a/o:1/merchant:m1/2"]
    assert sum(leg.amount_minor for leg in finish.legs) == 8_000
    it.pay()
    assert it.balances == {}


def test_several_sellers_who_collect_together_are_finished_together() -> None:
    lines = (line(1, 6_000), line(2, 4_000, merchant="m2"))
    both = copies(*(merchant(name, agreement(channel_profile=ECOMMERCE, commission_bp=500)) for name in ("m1", "m2")))
    it = Collected(at_channel(paid_order(*lines), ECOMMERCE, m1=6_000, m2=4_000), both)
    it.pay()
    assert kinds(it)[-1] == ("o:1.2", "finish", {"merchant:m1": 5_700, "merchant:m2": 3_800})


@pytest.mark.parametrize(("profile", "closed"), [(WECHAT, True), (ALIPAY, False)])
def test_after_the_finish_nothing_is_split_where_the_profile_forbids_it(profile: str, *, closed: bool) -> None:
    it = Collected(at_channel(paid_order(line(1, 10_000)), profile), seller(profile=profile))
    it.pay()
    assert it.payouts[-1].kind == "finish"
    assert it.order.known_freeze.closed is closed


def held(let_go: bool | None = None, **terms: Any) -> dict[str, MerchantChanged]:  # noqa: ANN401, FBT001 - any field of an agreement
    policy = {} if let_go is None else {"freeze_policy": "let_go" if let_go else "split_now"}
    return seller(trigger="completed", trigger_days=7, **policy, **terms)


@pytest.mark.parametrize("policy", [None, False])
def test_three_days_before_the_freeze_ends_what_waits_for_its_goods_is_split(policy: bool | None) -> None:  # noqa: FBT001 - a table's column
    it = Collected(at_channel(paid_order(line(1, 10_000), line(2, 100)), WECHAT), held(policy))
    acts_at = PAID_AT + 27 * DAY
    assert it.order.look_at == acts_at
    assert it.look(acts_at - timedelta(milliseconds=1)) is None
    decision = it.look(acts_at)
    assert decision is not None
    assert decision.freeze_ending
    assert legs_of(decision) == {"platform:commission": 1_010}
    assert it.order.known_freeze.acted
    it.pay()
    it.pay()
    assert it.balances == {}
    assert [it.freeze_ending for it in it.decisions].count(True) == 1


def test_what_is_to_be_let_go_is_left_and_says_so_once() -> None:
    it = Collected(at_channel(paid_order(line(1, 10_000)), WECHAT), held(let_go=True))
    assert it.order.look_at == PAID_AT + 27 * DAY
    assert reasons_of(it.decisions[0]) == {"merchant:m1": "awaiting_completed"}
    decision = it.look(PAID_AT + 27 * DAY)
    assert decision is not None
    assert decision.freeze_ending
    assert decision.payout is None
    assert reasons_of(decision) == {"merchant:m1": "let_go"}
    assert it.order.look_at is msgspec.UNSET
    assert it.look(PAID_AT + 28 * DAY) is None
    it.note(progressed(NO_FACTS, shipped(kind="completed")), PAID_AT + 28 * DAY)
    assert len(it.payouts) == 1


def test_a_case_keeps_its_lines_also_when_the_freeze_ends() -> None:
    it = Collected(at_channel(paid_order(line(1, 6_000), line(2, 4_000)), WECHAT), held())
    it.note(frozen(NO_FACTS, Freeze(owner="case:1", revision=1, open=True, reason="broken", line_ids=("l1",))))
    decision = it.look(PAID_AT + 27 * DAY)
    assert decision is not None
    assert decision.freeze_ending
    assert legs_of(decision) == {"platform:commission": 400}
    assert reasons_of(decision) == {"merchant:m1": "frozen:case:1"}


def test_what_was_paid_before_is_not_told_of() -> None:
    it = Collected(at_channel(paid_order(line(1, 10_000)), WECHAT), seller())
    it.pay(state="unknown")
    assert it.look(PAID_AT + 28 * DAY) is None
    assert not it.order.known_freeze.acted


def test_where_nothing_freezes_nothing_is_due() -> None:
    order = paid_order(line(1, 10_000))
    assert collecting_of("sandbox-direct", PAID_AT) is None
    assert collecting_of("no-such", PAID_AT) is None
    it = Collected(order, held(profile="sandbox-direct"))
    assert it.order.look_at is msgspec.UNSET


amounts = st.integers(0, 1_000_000)


@st.composite
def sales(draw: st.DrawFn) -> tuple[SplitRequested, Agreement]:
    lines = [
        line(number, draw(amounts), freight_minor=draw(st.sampled_from((0, 0, 500))))
        for number in range(draw(st.integers(1, 4)))
    ]
    paid = sum(it.amount_minor + it.freight_minor for it in lines)
    tree = tuple(
        extra(f"r{number}", "merchant:m1", "percent", draw(st.integers(0, 3_000)))
        for number in range(draw(st.integers(0, 3)))
    )
    order = paid_order(*lines, fee=draw(st.integers(0, paid // 100)), receivers=tree)
    terms = agreement(
        channel_profile=WECHAT,
        split_cap_bp=10_000,
        commission_bp=draw(st.integers(0, 5_000)),
        fee_bearer=draw(st.sampled_from(("platform", "merchant", "pro_rata"))),
        trigger=draw(st.sampled_from(("paid", "shipped"))),
    )
    return at_channel(order, WECHAT), terms


@given(sales(), st.data())
def test_in_any_course_everybody_gets_what_a_pool_would_pay_and_the_books_end_empty(
    sale: tuple[SplitRequested, Agreement], data: st.DataObject
) -> None:
    order, terms = sale
    it = Collected(order, copies(merchant("m1", terms)))
    for number, name in enumerate(data.draw(st.permutations([one.line_id for one in order.lines]))):
        it.note(progressed(it.order.known_facts, shipped(name, number=str(number))))
    answered = 0
    while answered < len(it.payouts):
        it.pay(answered)
        answered += 1
    if reasons_of(it.decisions[-1]):
        return  # what the profile refuses
    assert it.balances == {}
    assert [payout.kind for payout in it.payouts].count("finish") == 1
    assert it.payouts[-1].kind == "finish"
    pool = msgspec.structs.replace(
        order, payments=tuple(msgspec.structs.replace(one, channel_profile="sandbox-direct") for one in order.payments)
    )
    paid: dict[str, int] = {}
    for leg in (leg for payout in it.payouts for leg in payout.legs):
        paid[leg.receiver] = paid.get(leg.receiver, 0) + leg.amount_minor
    at_once = splits.split(
        pool, copies(merchant("m1", msgspec.structs.replace(terms, trigger="paid"))), NO_FACTS, at(PAID_AT)
    )
    assert isinstance(at_once, Decision)
    assert {who: amount for who, amount in paid.items() if amount} == {
        who: amount for who, amount in legs_of(at_once).items() if amount
    }
