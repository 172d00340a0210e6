"""What a way of running the cluster must offer. The two are local.py (processes) and docker.py (compose)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from ops.runtime.state import State

type Tell = Callable[[str], None]
"""Hears what is being done, in words for a person."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the cluster. `ready` serves, `running` does not yet or no more, `stopped` is not there."""

    name: str
    state: Literal["ready", "running", "stopped"]
    url: str
    pid: int | None
    log: str


class Runtime(Protocol):
    """Starts, stops and looks at the one cluster of a clone."""

    @property
    def data(self) -> str:
        """Where the data is, in words for a person."""

    def is_up(self) -> bool:
        """Say whether every part runs."""

    def up(self, tell: Tell) -> State:
        """Return when every part is ready. On a cluster that is already up nothing is changed."""

    def down(self, tell: Tell) -> bool:
        """Stop every part in order; say whether anything ran. The data stays."""

    def reset(self, tell: Tell) -> None:
        """Stop every part and delete all data of the cluster."""

    def parts(self) -> list[Part]:
        """Return every part as it is now."""
