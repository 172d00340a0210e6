"""The audit's laws about orders that a late version corrected, held to what split's own rules do."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ops.audit.test_money_back import judged
from tests.split.domain.test_corrections import come_late, newer
from tests.split.domain.test_money_back import finish, noises, pay, stories
from tests.split.examples import agreement, copies, line, merchant, paid_order
from tests.split.world import World


@given(stories(), st.data())
def test_no_late_version_breaks_a_law_whenever_it_comes(story: Any, data: st.DataObject) -> None:  # noqa: ANN401
    order, merchants, steps = story
    late = {
        name: msgspec.structs.replace(it, agreements=(*it.agreements, data.draw(newer(it.agreements[-1]))))
        for name, it in merchants.items()
        if it.agreements
    }
    world = World(order, merchants)
    for step in data.draw(st.permutations([*steps, lambda it: come_late(it, late)])):
        for other in data.draw(st.lists(noises(), max_size=2)):
            other(world)
            assert judged(world) == []
        step(world)
        assert judged(world) == []
    finish(world)
    assert judged(world) == []


@pytest.mark.parametrize("rate", [1_000, 1_500])
@pytest.mark.parametrize("account", ["merchant:debt/m1", "platform:advance", "platform:marketing"])
def test_a_correction_that_is_booked_wrongly_is_named(rate: int, account: str) -> None:
    first = agreement()
    world = World(paid_order(line(1, 1_000)), copies(merchant("m1", first)))
    pay(world)
    come_late(world, copies(merchant("m1", first, agreement(version=2, commission_bp=rate))))
    assert judged(world) == []
    world.booked.append(("adjustment", {account: -7, "merchant:available/m1": 7}))
    assert "order_booked" in {law for law, _ in judged(world)}
