"""`weir reset`: stop the cluster and delete its data, having asked."""

from typing import Annotated

import typer

from ops.output import AsJson, Code, emit, note, stop, told
from ops.runtime import choose
from ops.runtime.fault import ClusterFault

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reset")(reset)


def reset(*, yes: Yes = False, as_json: AsJson = False) -> None:
    """Stop the cluster and delete its orders, books, topics and logs."""
    with told(ClusterFault):
        cluster = choose.started()
        if cluster is None:
            note("there is nothing to delete")
        elif yes or typer.confirm(f"Delete all data of this cluster ({cluster.data})?", err=True):
            cluster.reset(note)
            note("deleted")
        else:
            stop(Code.FAILED, "nothing was deleted")
    if as_json:
        emit({"deleted": cluster is not None})
