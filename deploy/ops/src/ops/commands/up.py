"""`weir up`: start the cluster and leave it running."""

from typing import Annotated

import typer

from ops.output import AsJson, emit, note, table, told
from ops.runtime import choose
from ops.runtime.fault import ClusterFault
from ops.runtime.interface import Runtime
from ops.runtime.state import State, Way

RuntimeOption = Annotated[Way, typer.Option(envvar="RUNTIME", help="Processes of this machine, or containers.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("up")(up)


def up(*, runtime: RuntimeOption = Way.LOCAL, as_json: AsJson = False) -> None:
    """Start the cluster and leave it running."""
    with told(ClusterFault):
        cluster = choose.to_start(runtime)
        started = cluster.up(note)
        if as_json:
            emit(answer(cluster, started))
        else:
            show(cluster)


def answer(cluster: Runtime, started: State) -> dict[str, object]:
    """Return what a machine is told about a running cluster."""
    parts = cluster.parts()
    logs = {part.name: part.log for part in parts}
    urls = {part.name: part.url for part in parts}
    return {"runtime": started.runtime, "run": started.run, "urls": urls, "data": cluster.data, "logs": logs}


def show(cluster: Runtime) -> None:
    """Print where everything is."""
    rows = [(part.name, part.state, _page(part.url), part.log) for part in cluster.parts()]
    table("The cluster", ("part", "state", "address", "log"), rows)
    note(f"data: {cluster.data}   stop: weir down   delete the data: weir reset")


def _page(url: str) -> str:
    return f"{url}/docs" if url.startswith("http") else url
