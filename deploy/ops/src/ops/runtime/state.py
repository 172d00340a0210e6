"""What is known about the cluster of this clone between two commands: `.weir/state.json`. Starts and stops nothing."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from ops.runtime.fault import ClusterFault
from ops.runtime.process import Started

FOLDER: Final = Path(".weir")
SERVICES: Final = ("payments", "split", "aftersale", "merchant")
SANDBOX: Final = "sandbox"
LOCK: Final = "lock"


class Way(StrEnum):
    """The ways to run a cluster: as processes of this machine, or as containers."""

    LOCAL = "local"
    DOCKER = "docker"


class State(msgspec.Struct, kw_only=True):
    """The cluster as it was last left. `ports` outlive a stop, so that a cluster is found where it was."""

    runtime: Way
    running: bool = False
    run: str = ""
    ports: dict[str, int] = {}
    urls: dict[str, str] = {}
    processes: dict[str, Started] = {}


def home() -> Path:
    """Return the clone that the command was called in.

    Raises:
        ClusterFault: the current folder is not the root of a clone of Weir.

    """
    here = Path.cwd()
    if not (here / "deploy" / "topics.yaml").exists():
        msg = f"{here} is not a clone of Weir: run the command where its Makefile is."
        raise ClusterFault(msg)
    return here


def load(folder: Path) -> State | None:
    """Return what was written, or None where no cluster was ever started.

    Raises:
        ClusterFault: the file is damaged.

    """
    path = folder / "state.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        msg = f"{path} is damaged ({error}). Stop what still runs, then delete the file."
        raise ClusterFault(msg) from error


def save(folder: Path, state: State) -> None:
    """Write the state so that a crash leaves the old one or the new one."""
    folder.mkdir(exist_ok=True)
    fresh = folder / "state.json.new"
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(state)) + b"\n")
    fresh.replace(folder / "state.json")


def clear(folder: Path) -> None:
    """Delete everything in the folder but the lock, which the caller holds."""
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != LOCK:
            entry.unlink()


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Let one command at a time start or stop the cluster of a clone; another is refused, not made to wait."""
    folder.mkdir(exist_ok=True)
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = "another command is starting or stopping this cluster; try again when it is done."
            raise ClusterFault(msg) from None
        yield
