"""The player makes and loses no money: whatever fails, however often it is asked, and however split plans again."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.player.course import Course
from tests.player.examples import AT, MARKET, advance, back, plan
from tests.player.script import ALL, STAGES, Failure, Script

from shared.messages import BuyerRefund, Funding, RefundRequested, RefundSettled

KEY = f"{MARKET}/r-1"

reasons = st.builds(Failure, st.sampled_from(["NOT_ENOUGH", "BUSY"]), st.none() | st.integers(1, 2))
scripts = st.builds(
    Script,
    returns=st.dictionaries(st.sampled_from(["merchant:a", "merchant:b", ALL]), reasons, max_size=2),
    refunds=st.dictionaries(st.sampled_from(["pay-1", "pay-2"]), reasons, max_size=2),
    funding=st.none() | reasons,
    waits=st.booleans(),
    fundings_first=st.booleans(),
    shown=st.frozensets(st.sampled_from(STAGES)),
    stop=st.none() | st.sampled_from(STAGES),
)
amounts = st.integers(0, 10**6)


def again(last: RefundSettled, asked: RefundRequested) -> RefundRequested:
    """Plan as split does: for what did not come back, an advance; everything else as it was."""
    gone = {it.return_id for it in last.returns if it.state in {"failed", "cancelled"}}
    missing = sum(it.amount_minor for it in asked.returns if it.return_id in gone)
    more = (advance(missing, asked.revision + 1),) if missing else ()
    return msgspec.structs.replace(
        asked,
        revision=asked.revision + 1,
        returns=tuple(it for it in asked.returns if it.return_id not in gone),
        fundings=asked.fundings + more,
    )


@given(
    scripts, st.tuples(amounts, amounts, amounts, amounts, amounts, amounts), st.lists(st.integers(0, 9), max_size=8)
)
def test_no_money_is_made_or_lost_whatever_fails_and_however_often_it_is_asked(
    script: Script, money: tuple[int, ...], repeats: list[int]
) -> None:
    given_a, more_a, given_b, advanced, undone, held = money
    own = held + undone  # what the pool has of the order: some of it the platform had added and gets back
    brought = given_a + more_a + given_b + advanced + held
    refunds = (
        BuyerRefund(channel_payment_id="pay-1", amount_minor=brought // 3),
        BuyerRefund(channel_payment_id="pay-2", amount_minor=brought - brought // 3),
    )
    undoing = Funding(funding_id="r-1/marketing_back/1", kind="marketing_back", amount_minor=undone)
    second = msgspec.structs.replace(back("a", more_a), return_id="r-1/merchant:a/2")
    returns = (back("a", given_a), second, back("b", given_b))
    asked = [plan(returns=returns, fundings=(advance(advanced), undoing), refunds=refunds)]
    played, events = Course(lambda _: script), list[RefundSettled]()
    for _ in range(8):
        events += played.take(asked[-1], AT) + played.go_on(KEY, AT)
        before = msgspec.json.encode(played.account(MARKET, "CNY"))
        for number in repeats:
            events_again = played.take(asked[number % len(asked)], AT)
            assert all(it in events for it in events_again)
        assert msgspec.json.encode(played.account(MARKET, "CNY")) == before
        done = played.account(MARKET, "CNY")
        assert done.pool_minor >= -own
        assert done.refunded.total() == 0 or done.returned.total() + done.funded["advance"] == brought - held
        if events[-1].state == "succeeded":
            break
        asked.append(again(events[-1], asked[-1]))
    assert [it.revision for it in events] == list(range(1, len(events) + 1))
    done = played.account(MARKET, "CNY")
    by_payment = {it.channel_payment_id: it.amount_minor for it in events[-1].refunds if it.state == "succeeded"}
    assert +done.refunded == {name: amount for name, amount in by_payment.items() if amount}
    lasting = [it for it in (*script.refunds.values(), script.funding) if it is not None and it.times is None]
    assert lasting or events[-1].state == "succeeded"
    if events[-1].state == "succeeded":
        assert by_payment == {it.channel_payment_id: it.amount_minor for it in refunds}
        assert done.pool_minor == -own
