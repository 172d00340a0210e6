"""The orders of a chaos run add up, and their own check of the institution's record finds what is missing or twice."""

from collections import Counter

from tests.chaos.orders import Move, compare, latecomer, merchants, moves, order, wanted

NUMBERS = range(2_000)


def test_what_is_moved_for_an_order_is_what_was_paid_for_it() -> None:
    for number in NUMBERS:
        paid = sum(it.amount_minor for it in order(number).payments)
        out = sum(it.amount_minor for it in moves(number) if it.kind == "payout")
        put_in = sum(it.amount_minor for it in moves(number) if it.kind == "subsidy")
        assert (out - put_in, put_in) == (paid, -sum(it.amount_minor for it in order(number).adjustments))
        assert {it.account for it in moves(number)} == {order(number).marketplace}


def test_no_two_orders_move_the_same() -> None:
    assert len(wanted(NUMBERS)) == sum(len(moves(number)) for number in NUMBERS)


def test_every_receiver_has_an_agreement() -> None:
    come = [*merchants(), *(it for number in NUMBERS if (it := latecomer(number)) is not None)]
    known = {(it.marketplace, f"merchant:{it.merchant}") for it in come}
    assert len(come) == len(known) == 12 + 4
    paid = {(move.account, move.receiver) for move in wanted(NUMBERS) if move.receiver.startswith("merchant:")}
    assert paid == known


def test_the_check_tells_what_is_missing_twice_wrong_and_nobodys() -> None:
    right = wanted(NUMBERS)
    moved = Counter(right.keys())
    assert compare(right, moved) == ([], [])
    first, second, third, *_ = right
    moved[first] -= 1
    moved[second] += 1
    wrong, stray = third._replace(amount_minor=third.amount_minor + 1), Move("other", "payout", "x", "CNY", 1)
    moved = moved - Counter([third]) + Counter([wrong, stray])
    lost, more = compare(right, moved)
    assert lost == [f"order {right[first]}: no {first}", f"order {right[third]}: no {third}"]
    assert sorted(more) == sorted([f"2 times {second}", f"1 times {wrong}", f"1 times {stray}"])
