"""Where an order is, judged from what payments and split have of it."""

from typing import Any

import pytest

from ops.places import NAMES, Place, Tally, payout_keys, place_of, sent_keys


def share(state: str, reason: str = "") -> dict[str, Any]:
    return {"state": state, "reason": reason}


def split(*shares: dict[str, Any]) -> dict[str, Any]:
    return {"state": "split", "shares": list(shares), "payouts": 1}


def payout(state: str = "final", *subsidies: dict[str, Any]) -> dict[str, Any]:
    return {"state": state, "subsidies": list(subsidies)}


ACCEPTED = {"state": "accepted"}
WAITS_FOR_FUNDS = {"state": "created", "reason": "waiting_funds"}


@pytest.mark.parametrize(
    ("claim", "books", "payouts", "place"),
    [
        (None, None, [], Place("waiting", "not_taken")),
        ({"state": "sending"}, None, [], Place("waiting", "proof")),
        ({"state": "unverified"}, None, [], Place("held", "unverified")),
        ({"state": "rejected", "reason": "amount_mismatch"}, None, [], Place("rejected", "amount_mismatch")),
        (ACCEPTED, None, [], Place("waiting", "split")),
        (ACCEPTED, {"state": "stub", "shares": []}, [], Place("waiting", "split")),
        (ACCEPTED, split(share("paid"), share("held", "merchant_unknown")), [], Place("held", "merchant_unknown")),
        (ACCEPTED, split(share("available", "ACCOUNT_ABNORMAL")), [payout()], Place("held", "ACCOUNT_ABNORMAL")),
        (ACCEPTED, split(share("available")), [payout()], Place("held", "available")),
        (
            ACCEPTED,
            split(share("paid"), share("in_transit", "awaiting_finish")),
            [payout()],
            Place("held", "awaiting_finish"),
        ),
        (
            ACCEPTED,
            split(share("paid"), share("in_transit", "frozen:case:1")),
            [payout()],
            Place("held", "frozen:case:1"),
        ),
        (ACCEPTED, split(share("in_transit")), [payout("waiting", WAITS_FOR_FUNDS)], Place("held", "waiting_funds")),
        (ACCEPTED, split(share("in_transit")), [payout("sending")], Place("waiting", "institution")),
        (ACCEPTED, split(share("in_transit")), [payout()], Place("waiting", "books")),
        (ACCEPTED, split(share("in_transit")), [], Place("waiting", "books")),
        (ACCEPTED, split(share("paid"), share("paid")), [payout()], Place("settled")),
        (ACCEPTED, split(), [], Place("settled")),
    ],
)
def test_an_order_is_in_one_place(
    claim: dict[str, Any] | None, books: dict[str, Any] | None, payouts: list[dict[str, Any]], place: Place
) -> None:
    assert place_of(claim, books, payouts) == place


def test_the_places_add_up_to_the_orders() -> None:
    tally = Tally()
    tally.add(Place("settled"), 3)
    tally.add(Place("held", "merchant_unknown"), 2)
    tally.add(Place("held", "unverified"))
    answer = tally.answer()
    assert answer["orders"] == sum(answer[name] for name in NAMES) == 6
    assert tally.reasons() == {"held": {"merchant_unknown": 2, "unverified": 1}}


def test_the_payouts_of_an_order_are_numbered() -> None:
    assert list(payout_keys("demo-x/a.b", 2)) == ["demo-x/o:a.b.1", "demo-x/o:a.b.2"]


def test_what_was_sent_twice_is_looked_for_once() -> None:
    assert list(sent_keys(["b", "a", "b"])) == ["a", "b"]
