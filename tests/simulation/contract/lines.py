"""A line to MongoDB that breaks before a request is done, or after it and before its answer: real, and in memory."""

import asyncio
import contextlib
from typing import Any, Protocol

from tests.shared.proxy import Proxy
from tests.simulation.weather import Fault, Place, Weather


class Line(Protocol):
    """What a test does to a line."""

    async def cut(self) -> None:
        """Let no request arrive."""

    async def deafen(self) -> None:
        """Let requests arrive, and no answer come back."""

    async def mend(self) -> None:
        """Let all be well again."""


class DrawnLine(Weather):
    """The line in memory: weather that a test makes."""

    def __init__(self) -> None:
        self._fault: Fault | None = None

    async def step(self, process: Any, place: Place, what: str) -> Fault | None:  # noqa: ANN401, ARG002 - as Weather has it
        await asyncio.sleep(0)
        return self._fault

    async def cut(self) -> None:
        self._fault = "lost"

    async def deafen(self) -> None:
        self._fault = "unanswered"

    async def mend(self) -> None:
        self._fault = None


class RealLine(Proxy):
    """A proxy in front of the real one: an answer that comes while it is deaf ends its connection."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self._deaf = False

    async def deafen(self) -> None:
        self._deaf = True

    async def mend(self) -> None:
        self._deaf = False
        if self._server is None:
            await self.join()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._lines.add(writer)
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection(*self._to)
            self._lines.add(far_writer)
            await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer, back=True))
            self._lines.discard(far_writer)
        writer.close()
        self._lines.discard(writer)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool = False) -> None:
        with contextlib.suppress(OSError):
            while part := await reader.read(65_536):
                if back and self._deaf:
                    writer.transport.abort()
                    return
                writer.write(part)
                await writer.drain()
        writer.close()
