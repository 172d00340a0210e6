"""`weir reset`: stop the cluster and delete its data."""

import typer

from ops.output import Code, stop


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reset")(reset)


def reset() -> None:
    """Stop the cluster and delete its data."""
    stop(Code.FAILED, "not built yet")
