"""Whatever comes of payouts, no leg is paid twice, attempts rise by one, and nothing is lost."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import given, note
from hypothesis import strategies as st
from tests.split.cashier import Cashier, known
from tests.split.examples import agreement, copies, merchant, merchant_copies, orders

from shared.messages import PayoutLimit, PayoutTerms
from split.domain.retries import ATTEMPTS_MAX
from split.domain.stops import Stops

type Step = Callable[[Cashier], None]

REASONS = ("insufficient_funds", "CHANNEL_BUSY", "RECEIVER_RECEIPT_LIMIT", "ACCOUNT_ABNORMAL", "blocked:by the bank")
OPERATORS = {"ACCOUNT_ABNORMAL", "account closed", "blocked:by the bank", "restored"}
MINUTE = timedelta(minutes=1)
MONTH = timedelta(days=32)


def steps() -> st.SearchStrategy[Step]:
    """Whatever may happen to payouts."""
    reasons = st.sampled_from(REASONS)
    return st.one_of(
        st.just(lambda it: it.conclude("succeeded")),
        reasons.map(lambda reason: lambda it: it.conclude("failed", reason)),
        st.tuples(st.integers(0, 9), st.sampled_from(("failed", "succeeded"))).map(
            lambda drawn: lambda it: one(it, *drawn)
        ),
        st.just(Cashier.bounce),
        st.just(Cashier.repeat),
        st.just(Cashier.late),
        st.sampled_from((MINUTE, timedelta(hours=9), MONTH)).map(lambda by: lambda it: it.later(by)),
        st.sampled_from((Stops(), Stops(), Stops(whole=True), Stops(merchants=frozenset({"m1", "r0"})))).map(
            lambda stops: lambda it: it.stop(stops)
        ),
        st.sampled_from(("retry", "retry", "write_off", "restore")).map(lambda what: lambda it: it.by_hand(what)),
        st.sampled_from(("m1", "m2", "r0", "r1")).flatmap(
            lambda name: st.sampled_from(((), (), ("kyc",))).map(lambda why: lambda it: known(it, name, why))
        ),
        st.just(lambda it: it.review()),
    )


def one(it: Cashier, number: int, outcome: str) -> None:
    """Conclude one leg of those that are with the institution."""
    if it.open():
        payout, leg = it.open()[number % len(it.open())]
        it.end({leg: outcome}, payout, "CHANNEL_BUSY")


payout_terms = st.builds(
    PayoutTerms,
    daily_caps=st.sampled_from((0, 100, 5_000)).map(lambda cap: (PayoutLimit(currency="BRL", amount_minor=cap),))
    | st.just(()),
    minimums=st.sampled_from((10, 5_000)).map(lambda least: (PayoutLimit(currency="BRL", amount_minor=least),))
    | st.just(()),
    reserve_bp=st.sampled_from((0, 0, 1, 5_000, 10_000)),
)


@given(orders(), merchant_copies(), st.lists(steps(), max_size=12), st.data())
def test_the_laws_hold_whatever_comes_of_payouts(order: Any, merchants: Any, story: Any, data: st.DataObject) -> None:  # noqa: ANN401
    terms = {
        name: tuple(msgspec.structs.replace(one, payouts=data.draw(payout_terms)) for one in it.agreements)
        for name, it in merchants.items()
        if data.draw(st.booleans())
    }
    merchants = {
        name: msgspec.structs.replace(it, agreements=terms.get(name, it.agreements)) for name, it in merchants.items()
    }
    note(f"{order}\n{merchants}")
    world = Cashier(order, merchants)
    world.check()
    for step in story:
        step(world)
        world.check()


@given(orders(), st.lists(steps(), max_size=8))
def test_once_everything_is_possible_again_everything_is_paid_or_with_an_operator(order: Any, story: Any) -> None:  # noqa: ANN401
    sellers = {it.merchant for it in order.lines} | {it.party.removeprefix("merchant:") for it in order.adjustments}
    world = Cashier(order, copies(*(merchant(name, agreement()) for name in sellers)))
    for step in story:
        step(world)
    world.stop(Stops())
    for name in ("m1", "m2", "r0", "r1"):
        known(world, name, ())
    for _ in range(2 * ATTEMPTS_MAX):
        world.conclude("succeeded")
        world.later(MONTH)
        world.check()
    left = [it for it in world.order.shares if it.state == "available"]
    assert all(it.reason in OPERATORS or it.attempt >= ATTEMPTS_MAX for it in left)
    assert bool(left) == (world.order.operator_at is not msgspec.UNSET)
    assert not world.open()
