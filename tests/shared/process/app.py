"""The probe as a process of its own: `python -m shared.serve tests.shared.process`, told by its environment."""

import asyncio
import os

from fastapi import FastAPI
from tests.shared.probe import Probe, ProbeSettings, contract

from shared import subscriptions
from shared.messages import OrderPaid
from shared.record import Batch
from shared.settings import load
from shared.work import Work


def create_app() -> FastAPI:
    """Return the app of one replica."""
    subscriptions.BATCH_RECORDS_MAX = 25  # type: ignore[misc] # small batches, for more steps
    settings = load(ProbeSettings)
    taken, given = contract(os.environ["TAKEN_TOPIC"]), contract(os.environ["GIVEN_TOPIC"])
    it = Probe(settings.kafka_bootstrap, settings, taken, given, 4)

    async def take_time(_: Batch[OrderPaid], __: Work) -> None:
        await asyncio.sleep(float(os.environ["BATCH_S"]))

    it.before.append(take_time)
    return it.service().app
