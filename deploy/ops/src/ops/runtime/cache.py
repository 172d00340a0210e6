"""The folder outside the clone that keeps what was fetched, so that the next clone starts fast."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def folder() -> Path:
    """Return the cache folder: `WEIR_CACHE`, else `~/.cache/weir`."""
    return Path(os.environ.get("WEIR_CACHE") or Path.home() / ".cache" / "weir")


def keep(name: str, make: Callable[[Path], None]) -> Path:
    """Return the entry `name`, made by `make` when missing. An entry appears whole or not at all."""
    entry = folder() / name
    if entry.exists():
        return entry
    entry.parent.mkdir(parents=True, exist_ok=True)
    workplace = Path(tempfile.mkdtemp(prefix=f".{entry.name}-", dir=entry.parent))
    try:
        made = workplace / entry.name
        make(made)
        if not entry.exists():  # another clone may have been faster
            made.replace(entry)
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    return entry
