"""`python -m tests.bench.floor NAME KAFKA MONGO INSTITUTION`: runs one process of the floor until it is stopped."""

import asyncio
import gc
import sys
from typing import Protocol

from tests.bench.floor.kit import Process
from tests.bench.floor.payments import Payments
from tests.bench.floor.readers import Aftersale, Merchant
from tests.bench.floor.split import Split


class Part(Protocol):
    """One of the four."""

    async def run(self) -> None:
        """Work for ever."""


async def main(name: str, kafka: str, mongo: str, institution: str) -> None:
    """Run the part of this name."""
    process = Process(name, kafka, mongo)
    part: Part
    match name:
        case "payments":
            part = Payments(process, institution)
        case "split":
            part = Split(process)
        case "merchant":
            part = Merchant(process)
        case _:
            part = Aftersale(process)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # as Weir's services
    await part.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
