"""`weir down`: stop the cluster; its data stays."""

import typer

from ops.output import AsJson, Code, emit, note, told
from ops.runtime import choose
from ops.runtime.fault import ClusterFault


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("down")(down)


def down(*, as_json: AsJson = False) -> None:
    """Stop the cluster; its data stays. Stopping what does not run is no mistake."""
    with told(ClusterFault):
        cluster = choose.started()
        ran = cluster.down(note) if cluster else False
    if as_json:
        emit({"stopped": ran})
    else:
        note("stopped; the data stays" if ran else "nothing was running")
    raise typer.Exit(Code.OK)
