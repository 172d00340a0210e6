"""The command line `weir`: which commands there are, in the order of `weir --help`. Each has its own file.

A command file has `register(app)`, which adds its command or group of commands; add the file to COMMANDS.
"""

import logging
from typing import Final

import typer

from ops.commands import (
    audit,
    demo,
    dlq,
    down,
    lag,
    park,
    payouts,
    refunds,
    report,
    reset,
    send,
    settled,
    status,
    trace,
    up,
)

COMMANDS: Final = (up, down, reset, status, demo, send, settled, trace, lag, report, audit, dlq, park, payouts, refunds)


def create_app() -> typer.Typer:
    """Return the command line with every command registered."""
    app = typer.Typer(
        name="weir",
        help="Run a Weir cluster, send it orders, and ask where their money is.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_show_locals=False,
    )
    for command in COMMANDS:
        command.register(app)
    return app


def main() -> None:
    """Run the command line."""
    # What Kafka's client has to say is in the command's own words already.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    create_app()()
