"""`weir status`: show what runs, where, and whether it is ready."""

import typer

from ops.output import Code, stop


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status")(status)


def status() -> None:
    """Show what runs, where, and whether it is ready."""
    stop(Code.FAILED, "not built yet")
