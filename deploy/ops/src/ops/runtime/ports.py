"""Which ports of this machine are free. Opens nothing that stays open."""

import random
import socket
from collections.abc import Iterable, Iterator
from typing import Final

# Below the range handed to outgoing connections: a port kept for the next start is not lost to one meanwhile.
PORT_MIN: Final = 20_000
PORT_MAX: Final = 30_000


def is_free(port: int) -> bool:
    """Say whether a server could listen on `port` of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_open(port: int) -> bool:
    """Say whether something listens on `port` of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def choose(names: Iterable[str], kept: dict[str, int] | None = None) -> dict[str, int]:
    """Return a port for each name: the kept one if it is still free, else a new one."""
    kept = kept or {}
    taken = set(kept.values())
    fresh = _candidates(taken)
    return {name: kept[name] if name in kept and is_free(kept[name]) else next(fresh) for name in names}


def _candidates(taken: set[int]) -> Iterator[int]:
    for port in random.sample(range(PORT_MIN, PORT_MAX), PORT_MAX - PORT_MIN):
        if port not in taken and is_free(port):
            yield port
