"""The end of a channel's freeze: the seller has the rest of the payment, and owes the others what is theirs of it."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.split.channels import ECOMMERCE, WECHAT, at_channel
from tests.split.decisions import reasons_of
from tests.split.domain.test_collectors import ALIPAY, DAY, MINUTE, Collected, held, kinds, sales, seller, shipped
from tests.split.examples import PAID_AT, agreement, copies, extra, line, merchant, paid_order

from split.domain.holds import NO_FACTS, Freeze, Progress, frozen, moved, progressed
from split.domain.movements import Movement

ENDS_AT = PAID_AT + 30 * DAY
TREE = (extra("r1", "merchant:m1", "fixed", 500),)


def end(amount_minor: int, movement_id: str = "u1", receiver: str = "merchant:m1") -> Movement:
    return Movement(
        movement_id=movement_id,
        kind="auto_unfreeze",
        currency="BRL",
        amount_minor=amount_minor,
        receiver=receiver,
        moved_at=ENDS_AT,
        cause=f"cause-{movement_id}",
        hash=f"hash-{movement_id}",
    )


def unfreeze(it: Collected, amount_minor: int, movement_id: str = "u1") -> None:
    it.note(moved(it.order.known_facts, end(amount_minor, movement_id)), ENDS_AT)


def by_path(it: Collected) -> dict[str, tuple[str, str, int]]:
    return {share.path: (share.state, share.reason, share.amount_minor) for share in it.order.shares}


def sold(profile: str = WECHAT) -> Any:  # noqa: ANN401 - an order
    return at_channel(paid_order(line(1, 10_000), receivers=TREE), profile)


def test_what_was_let_go_is_the_sellers_who_owes_the_others_their_shares() -> None:
    it = Collected(sold(), held(let_go=True))
    unfreeze(it, 10_000)
    assert it.balances == {"merchant:debt/m1": -1_500, "platform:advance": 1_000, "merchant:available/r1": 500}
    assert it.standings["m1"].guard.debt_minor == 1_500
    assert by_path(it) == {
        "merchant:m1": ("paid", "unfrozen", 8_500),
        "receiver:r1": ("available", "channel_closed", 500),
        "platform:commission": ("written_off", "channel_closed", 1_000),
    }
    assert it.payouts == []
    assert it.look(ENDS_AT + DAY) is None
    (told,) = it.order.known_freeze.unfrozen
    assert (told.merchant, told.amount_minor, told.owed_minor) == ("m1", 10_000, 1_500)


def test_the_same_end_told_twice_is_booked_once() -> None:
    it = Collected(sold(), held(let_go=True))
    unfreeze(it, 10_000)
    before = it.balances
    unfreeze(it, 10_000)
    assert it.balances == before
    assert it.order.known_freeze.closed


def test_what_was_split_in_vain_is_owed_and_the_sellers_own_is_paid() -> None:
    it = Collected(sold(), seller())
    it.pay(state="failed")
    unfreeze(it, 10_000)
    assert it.balances == {"merchant:debt/m1": -1_500, "platform:advance": 1_000, "merchant:available/r1": 500}
    assert [kind for _, kind, _ in kinds(it)] == ["pay"]


def test_a_leg_that_fails_after_the_end_was_heard_of_comes_to_the_same() -> None:
    it = Collected(sold(), seller())
    it.pay(state="unknown")
    unfreeze(it, 10_000)
    assert it.order.known_freeze.unfrozen[0].owed_minor == 1_500
    it.pay(0, "failed", revision=2)
    it.look(ENDS_AT + DAY)
    assert it.balances == {"merchant:debt/m1": -1_500, "platform:advance": 1_000, "merchant:available/r1": 500}


def test_where_the_others_were_paid_the_end_is_as_good_as_a_finish() -> None:
    it = Collected(sold(), seller())
    case = Freeze(owner="case:1", revision=1, open=True, reason="broken")
    it.note(frozen(NO_FACTS, case))
    it.pay()
    assert by_path(it)["merchant:m1"][:2] == ("in_transit", "frozen:case:1")
    unfreeze(it, 8_500)
    assert it.balances == {}
    assert by_path(it)["merchant:m1"][:2] == ("paid", "unfrozen")
    assert [kind for _, kind, _ in kinds(it)] == ["pay"]


def test_an_end_heard_of_before_any_agreement_is_owed_whole_until_one_says_what_is_the_sellers_own() -> None:
    it = Collected(sold(), {})
    unfreeze(it, 10_000)
    assert it.balances == {"merchant:held/m1": 10_000, "merchant:debt/m1": -10_000}
    it.merchants = held()
    it.look(ENDS_AT + MINUTE)
    it.look(ENDS_AT + 2 * MINUTE)
    assert it.balances["merchant:debt/m1"] == -1_500
    assert it.balances["merchant:available/r1"] == 500
    assert {account for account in it.balances if account.startswith("merchant:held")} == set()


def test_where_the_channel_splits_after_the_end_the_others_wait_for_their_trigger() -> None:
    it = Collected(sold(ALIPAY), held(let_go=True, profile=ALIPAY))
    unfreeze(it, 10_000)
    assert (it.balances, it.payouts) == ({"channel:clearing/test-a": -10_000, "merchant:held/m1": 10_000}, [])
    it.note(progressed(it.order.known_facts, shipped(kind="completed")), ENDS_AT + DAY)
    assert [kind for _, kind, _ in kinds(it)] == ["pay"]


def test_the_end_of_one_sellers_freeze_leaves_the_other_its_own() -> None:
    lines = (line(1, 6_000), line(2, 4_000, merchant="m2"))
    both = copies(
        *(
            merchant(name, agreement(channel_profile=ECOMMERCE, commission_bp=500, trigger="completed"))
            for name in ("m1", "m2")
        )
    )
    it = Collected(at_channel(paid_order(*lines), ECOMMERCE, m1=6_000, m2=4_000), both)
    unfreeze(it, 6_000)
    assert it.balances == {
        "channel:clearing/test-a": -4_000,
        "merchant:held/m2": 4_000,
        "merchant:debt/m1": -300,
        "platform:advance": 300,
    }


@pytest.mark.parametrize(("payment_id", "owed"), [("m1", "m1"), ("m2", "m2"), ("", None)])
def test_whose_payment_it_was_says_who_got_the_rest(payment_id: str, owed: str | None) -> None:
    lines = (line(1, 6_000), line(2, 6_000, merchant="m2"))
    both = copies(
        *(
            merchant(name, agreement(channel_profile=ECOMMERCE, commission_bp=500, trigger="completed"))
            for name in ("m1", "m2")
        )
    )
    it = Collected(at_channel(paid_order(*lines), ECOMMERCE, m1=6_000, m2=6_000), both)
    unsaid = msgspec.structs.replace(end(6_000, receiver=""), payment_id=payment_id)
    it.note(moved(NO_FACTS, unsaid), ENDS_AT)
    debts = {account: amount for account, amount in it.balances.items() if account.startswith("merchant:debt")}
    assert debts == ({f"merchant:debt/{owed}": -300} if owed else {})


def test_what_somebody_who_sells_nothing_is_said_to_have_got_is_not_booked() -> None:
    it = Collected(sold(), held(let_go=True))
    it.note(moved(NO_FACTS, end(10_000, receiver="merchant:thief")), ENDS_AT)
    assert it.balances == {"channel:clearing/test-a": -10_000, "merchant:held/m1": 10_000}


def freeze(until: Any = None, *, line_ids: tuple[str, ...] = (), opened: bool = True, revision: int = 1) -> Freeze:  # noqa: ANN401 - a moment
    return Freeze(owner="case:1", revision=revision, open=opened, reason="broken", line_ids=line_ids, expires_at=until)


@pytest.mark.parametrize("expires", [True, False])
def test_a_case_that_comes_before_the_finish_keeps_the_sellers_own_until_it_ends(*, expires: bool) -> None:
    it = Collected(at_channel(paid_order(line(1, 10_000)), WECHAT), seller())
    until = PAID_AT + DAY if expires else None
    it.note(frozen(NO_FACTS, freeze(until)))
    it.pay()
    assert len(it.payouts) == 1
    assert it.order.look_at == (until or msgspec.UNSET)
    if until:
        it.look(until)
    else:
        it.note(frozen(it.order.known_facts, freeze(opened=False, revision=2)))
    assert kinds(it)[-1] == ("o:1.2", "finish", {"merchant:m1": 9_000})


def test_a_case_about_one_sellers_line_keeps_only_its_own() -> None:
    lines = (line(1, 6_000), line(2, 4_000, merchant="m2"))
    both = copies(*(merchant(name, agreement(channel_profile=ECOMMERCE, commission_bp=500)) for name in ("m1", "m2")))
    it = Collected(at_channel(paid_order(*lines), ECOMMERCE, m1=6_000, m2=4_000), both)
    it.note(frozen(NO_FACTS, freeze(line_ids=("l1",))))
    it.pay()
    assert kinds(it)[-1] == ("o:1.2", "finish", {"merchant:m2": 3_800})
    it.pay()
    it.note(frozen(it.order.known_facts, freeze(line_ids=("l1",), opened=False, revision=2)))
    assert kinds(it)[-1] == ("o:1.3", "finish", {"merchant:m1": 5_700})
    it.pay()
    assert it.balances == {}


def test_what_a_reversed_chargeback_gives_back_to_the_seller_comes_by_another_finish() -> None:
    it = Collected(at_channel(paid_order(line(1, 10_000)), WECHAT), seller())
    it.pay()
    it.pay()
    taken = msgspec.structs.replace(end(10_000, "cb"), kind="chargeback", receiver="")
    back = msgspec.structs.replace(end(10_000, "back"), kind="chargeback_reversed", receiver="", reverses="cb")
    it.note(moved(it.order.known_facts, taken), ENDS_AT)
    it.note(moved(it.order.known_facts, back), ENDS_AT)
    assert len(it.payouts) == 2  # what the chargeback asked back may still come
    done = tuple(msgspec.structs.replace(refund, state="succeeded") for refund in it.order.known_refunds)
    it.order = msgspec.structs.replace(it.order, refunds=done)
    it.look(ENDS_AT)
    assert kinds(it)[-1] == ("o:1.3", "finish", {"merchant:m1": 9_000})
    assert by_path(it)["platform:commission"][:2] in {("available", "channel_closed"), ("paid", "")}


def several(count: int, **terms: Any) -> Collected:  # noqa: ANN401 - any field of an agreement
    lines = [line(number, 1_000) for number in range(1, count + 1)]
    return Collected(at_channel(paid_order(*lines), WECHAT), seller(trigger="shipped", **terms))


def test_the_last_request_that_a_channel_takes_waits_for_all_lines_that_are_left() -> None:
    it = several(60)
    for number in range(1, 60):
        event: Progress = shipped(f"l{number}", number=str(number))
        it.note(progressed(it.order.known_facts, event))
    assert len(it.payouts) == 49
    assert reasons_of(it.decisions[-1]) == {"merchant:m1": "too_many_requests"}
    it.note(progressed(it.order.known_facts, shipped("l60", number="60")))
    assert len(it.payouts) == 50
    for number in range(50):
        it.pay(number)
    assert it.payouts[-1].kind == "finish"
    it.pay()
    assert it.balances == {}


def test_what_waits_for_the_last_request_is_split_when_the_freeze_is_about_to_end() -> None:
    it = several(60)
    for number in range(1, 60):
        it.note(progressed(it.order.known_facts, shipped(f"l{number}", number=str(number))))
    it.look(PAID_AT + 27 * DAY)
    assert len(it.payouts) == 50
    assert all(share.state != "held" for share in it.order.shares)


@given(sales(), st.data())
def test_whenever_the_freeze_ends_the_books_are_what_the_seller_has_and_owes(sale: Any, data: st.DataObject) -> None:  # noqa: ANN401 - an order and terms
    """Split some lines, have some legs fail, and let the channel give all that is left to the seller."""
    order, terms = sale
    it = Collected(order, copies(merchant("m1", terms)))
    names = [one.line_id for one in order.lines]
    for number, name in enumerate(data.draw(st.lists(st.sampled_from(names), unique=True))):
        it.note(progressed(it.order.known_facts, shipped(name, number=str(number))))
    answered = 0
    while answered < len(it.payouts):
        it.pay(answered, data.draw(st.sampled_from(("succeeded", "failed"))))
        answered += 1
    left = -it.balances.get("channel:clearing/test-a", 0)
    if not left:
        return  # nothing was frozen any more
    unfreeze(it, left)
    it.look(ENDS_AT + timedelta(minutes=1))
    if it.order.subsidies or it.order.subsidy_due_minor:
        return  # what is not in the payment comes by no freeze's end
    assert it.balances.get("channel:clearing/test-a", 0) == 0
    assert not any(account.startswith(("merchant:held", "merchant:in_transit")) for account in it.balances)
    owed = -it.balances.get("merchant:debt/m1", 0)
    others = [share for share in it.order.shares if share.path != "merchant:m1" and share.state != "paid"]
    assert owed == sum(share.amount_minor for share in others)
    own = [share for share in it.order.shares if share.path == "merchant:m1"]
    assert all(share.state == "paid" or not share.amount_minor for share in own)
