"""Disks that fail, as far as one process can make its own fail."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def log_of(database: Path) -> Path:
    """Return the write-ahead log of a database, into which a commit writes."""
    return Path(f"{database}-wal")


@contextmanager
def no_file_grows_beyond(largest: Path) -> Iterator[None]:
    """Let every write beyond the end of this file fail."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest.stat().st_size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@contextmanager
def no_space_for(file: Path) -> Iterator[None]:
    """Let every write to this file, wherever this process has it open, fail as on a full disk."""
    opened = [it for it in [int(it.name) for it in Path("/dev/fd").iterdir()] if _is(it, file)]
    kept = {it: os.dup(it) for it in opened}
    full = os.open("/dev/full", os.O_RDWR)
    try:
        for it in opened:
            os.dup2(full, it)
        yield
    finally:
        os.close(full)
        for it, before in kept.items():
            os.dup2(before, it)
            os.close(before)


def _is(descriptor: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except OSError:  # it was the list's own
        return False
