"""`weir status`: what runs, where, and whether it is ready."""

from dataclasses import asdict

import typer

from ops.commands.up import show
from ops.output import AsJson, Code, emit, stop, told
from ops.runtime import choose
from ops.runtime.fault import ClusterFault


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status(*, as_json: AsJson = False) -> None:
    """Show what runs, where, and whether it is ready. Exit 0: all of it; 1: not all; 3: nothing runs."""
    with told(ClusterFault):
        cluster = choose.started()
        parts = cluster.parts() if cluster else []
        running = [part for part in parts if part.state != "stopped"]
        ready = bool(parts) and all(part.state == "ready" for part in parts)
        if as_json:
            emit({"running": bool(running), "ready": ready, "parts": [asdict(part) for part in parts]})
        elif cluster and running:
            show(cluster)
    if not running:
        stop(Code.UNREACHABLE, "no cluster runs here: start one with `weir up`")
    raise typer.Exit(Code.OK if ready else Code.FAILED)
