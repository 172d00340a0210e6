"""Which of the two ways of running the cluster a command means."""

from ops.runtime import state as states
from ops.runtime.docker import Docker
from ops.runtime.fault import ClusterFault
from ops.runtime.interface import Runtime
from ops.runtime.local import Local
from ops.runtime.state import Way


def to_start(way: Way, *, tied: bool = False) -> Runtime:
    """Return the runtime to start a cluster with.

    Raises:
        ClusterFault: the cluster of this clone runs the other way.

    """
    home = states.home()
    state = states.load(home / states.FOLDER)
    if state is not None and state.runtime != way:
        other = Docker(home) if state.runtime == Way.DOCKER else Local(home)
        if state.running and any(part.state != "stopped" for part in other.parts()):
            msg = f"this cluster runs with RUNTIME={state.runtime}: stop it first (`weir down`)."
            raise ClusterFault(msg)
    return Docker(home) if way == Way.DOCKER else Local(home, tied=tied)


def started() -> Runtime | None:
    """Return the runtime that the cluster of this clone was last started with, if it ever was."""
    home = states.home()
    state = states.load(home / states.FOLDER)
    if state is None:
        return None
    return Docker(home) if state.runtime == Way.DOCKER else Local(home)
