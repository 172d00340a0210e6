"""A TCP proxy whose line can be cut and joined again: an outage, as a service behind it sees one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit


class Proxy:
    """Forwards one port to one address."""

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        self._to = host, port
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.StreamWriter] = set()

    async def join(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Close every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for line in list(self._lines):
            line.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._lines.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._to)
            self._lines.add(far_writer)
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
            self._lines.discard(far_writer)
        except OSError:
            pass
        finally:
            writer.close()
            self._lines.discard(writer)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while part := await reader.read(65_536):
            writer.write(part)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def to_mongo(url: str, *, joined: bool = True) -> AsyncIterator[tuple[Proxy, str]]:
    """Give a proxy in front of a replica set of one, and the URL through it."""
    parts = urlsplit(url)
    proxy = Proxy(parts.hostname or "127.0.0.1", parts.port or 27017)
    await proxy.join()
    if not joined:
        await proxy.cut()
    try:
        # Direct, because the set would give its members' own addresses, and the driver would go around the proxy.
        yield proxy, f"mongodb://127.0.0.1:{proxy.port}/?directConnection=true"
    finally:
        await proxy.cut()
