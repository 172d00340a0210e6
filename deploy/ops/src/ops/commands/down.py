"""`weir down`: stop the cluster; its data stays."""

import typer

from ops.output import Code, stop


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("down")(down)


def down() -> None:
    """Stop the cluster; its data stays."""
    stop(Code.FAILED, "not built yet")
