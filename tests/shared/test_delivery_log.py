"""What a delivery writes to the log: where records went, once a batch; never what is in them."""

import types

import pytest
from tests.shared.probe import Probe

from shared import delivery
from shared.record import Bad


@pytest.mark.infra
async def test_what_is_set_aside_is_said_once_a_batch(it: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    said = list[dict[str, object]]()
    log = types.SimpleNamespace(warning=lambda event, **facts: said.append({"event": event} | facts))
    monkeypatch.setattr(delivery, "log", log)
    good, *bad = it.received(*[it.order(number) for number in range(3)])
    async with it.resting() as service:
        _, it_delivers = service.intake.routes[it.taken.topic]
        await it_delivers.deliver([good, *(Bad(received.raw, "contract", "order_differs") for received in bad)], "s")
    (line,) = said
    assert (line["event"], line["dead_letters"], line["parked"]) == ("set aside", 2, 0)
