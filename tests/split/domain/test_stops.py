"""What is paused, and what that holds."""

from datetime import UTC, datetime

import msgspec
import pytest
from tests.split.decisions import SHANGHAI, SOON, held_of, legs_of, reasons_of
from tests.split.examples import agreement, copies, line, merchant, paid_order

from shared.messages import SplitRequested
from split.domain import splits
from split.domain.holds import NO_FACTS
from split.domain.judgements import Moment
from split.domain.rounds import Decision
from split.domain.stops import DEBTS, STOPS_MAX, Change, Stops, Target, name_of, refusal, stops_of

MERCHANTS = copies(
    merchant("m1", agreement()), merchant("m2", agreement()), merchant("m3", agreement(trigger="shipped"))
)
ORDER = paid_order(line(1, 1_000), line(2, 500, merchant="m2"))
WHOLE = Stops(whole=True)
CHANNEL = Stops(channels=frozenset({"test-a"}))
MERCHANT = Stops(merchants=frozenset({"m1"}))


def split(stops: Stops, order: SplitRequested = ORDER) -> Decision:
    decision = splits.split(order, MERCHANTS, NO_FACTS, Moment(SOON, SHANGHAI, stops=stops))
    assert isinstance(decision, Decision)
    return decision


@pytest.mark.parametrize(("stops", "reason"), [(WHOLE, "paused:marketplace"), (CHANNEL, "paused:channel")])
def test_nothing_of_a_paused_marketplace_or_channel_goes_out(stops: Stops, reason: str) -> None:
    held = split(stops)
    assert held.payout is None
    assert reasons_of(held) == {"merchant:m1": reason, "merchant:m2": reason}
    assert held_of(held) == {"m1": 1_000, "m2": 500}


def test_a_paused_merchant_is_held_and_the_others_are_paid() -> None:
    decision = split(MERCHANT)
    assert reasons_of(decision) == {"merchant:m1": "paused:merchant"}
    assert legs_of(decision) == {"merchant:m2": 440, "platform:commission": 60}


@pytest.mark.parametrize(
    ("stops", "target"),
    [
        (WHOLE, Target(marketplace="test-a", scope="marketplace")),
        (CHANNEL, Target(marketplace="test-a", scope="channel", subject="test-a")),
        (MERCHANT, Target(marketplace="test-a", scope="merchant", subject="m1")),
    ],
)
def test_an_order_waits_for_the_very_stop_that_holds_it_and_goes_when_that_ends(stops: Stops, target: Target) -> None:
    held = split(stops).order
    (name,) = held.waiting_for
    again = splits.review(held, ORDER, MERCHANTS, Moment(SOON, SHANGHAI, stops=stops))
    assert again is None
    released = splits.review(held, ORDER, MERCHANTS, Moment(SOON, SHANGHAI))
    assert released is not None
    assert released.order.waiting_for == ()
    assert not held_of(released)
    assert name == target.name


def test_a_trigger_that_has_not_fired_comes_before_a_stop() -> None:
    """What waits for its goods is not waked by the end of a stop."""
    order = paid_order(line(1, 1_000, merchant="m3"))
    held = split(WHOLE, order)
    assert reasons_of(held) == {"merchant:m3": "awaiting_shipped"}
    assert held.order.waiting_for == ()


def test_another_marketplaces_account_and_merchant_stop_nothing() -> None:
    other = Stops(channels=frozenset({"test-b"}), merchants=frozenset({"m9"}))
    assert split(other).order.waiting_for == ()
    assert not held_of(split(other))


def test_no_merchants_id_is_the_name_of_a_stop() -> None:
    names = {name_of(reason, "account", "m1") for reason in ("paused:marketplace", "paused:channel", "paused:merchant")}
    assert names == {"stop/marketplace", "stop/channel/account", "stop/merchant/m1"}
    assert {name_of(reason, "account", "m1") for reason in ("", "blocked:kyc", "paused:", "paused:else")} == {""}


def test_targets_come_to_what_they_stop() -> None:
    targets = [
        Target(marketplace="test-a", scope="marketplace"),
        Target(marketplace="test-a", scope="channel", subject="c"),
        Target(marketplace="test-a", scope="merchant", subject="m"),
    ]
    assert stops_of(targets) == Stops(whole=True, channels=frozenset({"c"}), merchants=frozenset({"m"}))
    assert stops_of([]) == Stops()


def test_what_a_debtor_earns_is_released_and_not_paid() -> None:
    stops = stops_of([], [Target(marketplace="a", scope="merchant", subject="m")])
    assert (stops.reason("c", "m"), stops.paying("c", "m")) == ("", "paused:merchant")
    assert (stops.paying("c", "n"), Stops(whole=True, debtors=stops.debtors).paying("c", "m")) == (
        "",
        "paused:marketplace",
    )


def test_a_stop_is_made_once_ended_once_and_there_are_not_too_many() -> None:
    target = Target(marketplace="test-a", scope="merchant", subject="m")
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    pause, resume = (
        Change(change_id="c", target=target, paused=paused, actor="Ann", reason="why", at=moment)
        for paused in (True, False)
    )

    def reason(change: Change, *, by: str | None, paused_now: int = 0) -> str:
        refused = refusal(change, paused_by=by, paused_now=paused_now)
        return refused.reason if refused else ""

    assert reason(pause, by=None) == ""
    assert reason(pause, by="Bob") == "already_paused"
    assert reason(pause, by=DEBTS) == ""
    assert reason(msgspec.structs.replace(pause, actor=DEBTS), by=DEBTS) == "already_paused"
    assert reason(resume, by="Bob", paused_now=STOPS_MAX) == ""
    assert reason(resume, by=None) == "not_paused"
    assert reason(pause, by=None, paused_now=STOPS_MAX) == "stops_too_many"
