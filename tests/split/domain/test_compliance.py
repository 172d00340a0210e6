"""A seller's money is not booked to, or shared with, an account of the platform's: it is held, and says why."""

from typing import Any

import msgspec
import pytest
from tests.split.decisions import SOON, at, legs_of, reasons_of
from tests.split.examples import agreement, copies, extra, line, merchant, paid_order

from shared.messages import MerchantChanged, SplitRequested
from split.domain import splits
from split.domain.compliance import Own, own_merchants
from split.domain.holds import NO_FACTS
from split.domain.rounds import Decision

HERE = ("sandbox-direct", "test-a")


def split(order: SplitRequested, merchants: dict[str, MerchantChanged], *accounts: tuple[str, str]) -> Decision:
    own = Own(frozenset(accounts), own_merchants(merchants.values()))
    decision = splits.split(order, merchants, NO_FACTS, msgspec.structs.replace(at(SOON), own=own))
    assert isinstance(decision, Decision)
    return decision


def seller(name: str, kind: Any = "pop") -> MerchantChanged:  # noqa: ANN401 - a literal
    return msgspec.structs.replace(merchant(name, agreement(commission_bp=1_000)), kind=kind)


@pytest.mark.parametrize("share", ["percent", "fixed"])
def test_a_part_of_a_sellers_share_for_the_platforms_own_shop_is_held(share: str) -> None:
    """What the platform may take is its commission: a shop of its own among the receivers is a way around that."""
    order = paid_order(line(1, 10_000), receivers=(extra("house", "merchant:m1", share, 9_000),))
    held = split(order, copies(seller("m1"), seller("house", "self_operated")))
    assert reasons_of(held) == {"merchant:m1": "platform_receiver"}
    assert held.payout is None
    assert not {name for name, amount in held.entries.items() if name.startswith("platform:") and amount}
    allowed = split(order, copies(seller("m1"), seller("house")))
    assert reasons_of(allowed) == {}


def test_it_is_not_hidden_further_down_the_tree() -> None:
    receivers = (extra("agent", "merchant:m1", "fixed", 5_000), extra("house", "receiver:agent", "percent", 10_000))
    order = paid_order(line(1, 10_000), receivers=receivers)
    held = split(order, copies(seller("m1"), seller("agent"), seller("house", "self_operated")))
    assert reasons_of(held) == {"merchant:m1": "platform_receiver"}


def test_goods_of_a_seller_paid_into_the_platforms_own_account_are_held_and_its_own_are_not() -> None:
    lines = (line(1, 6_000), line(2, 4_000, merchant="house"))
    order = paid_order(*lines)
    decision = split(order, copies(seller("m1"), seller("house", "self_operated")), HERE)
    assert reasons_of(decision) == {"merchant:m1": "platform_account"}
    assert legs_of(decision) == {"merchant:house": 3_600, "platform:commission": 400}
    elsewhere = split(order, copies(seller("m1"), seller("house", "self_operated")), ("sandbox-direct", "other"))
    assert reasons_of(elsewhere) == {}


def test_the_platforms_own_sale_may_be_shared_as_it_likes() -> None:
    order = paid_order(line(1, 10_000, merchant="house"), receivers=(extra("depot", "merchant:house", "fixed", 100),))
    both = copies(seller("house", "self_operated"), seller("depot", "self_operated"))
    assert reasons_of(split(order, both, HERE)) == {}


def test_what_is_held_for_it_goes_once_the_receiver_is_no_shop_of_the_platforms() -> None:
    order = paid_order(line(1, 10_000), receivers=(extra("house", "merchant:m1", "fixed", 1_000),))
    held = split(order, copies(seller("m1"), seller("house", "self_operated")))
    later = splits.review(held.order, order, copies(seller("m1"), seller("house")), at(SOON))
    assert later is not None
    assert legs_of(later)["merchant:house"] == 1_000
