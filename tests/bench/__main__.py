"""`python -m tests.bench SCENARIO`: measures, prints tables, and writes the results as JSON. `make bench` calls it."""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, Final, NoReturn

import msgspec
import typer
from tests.bench import report
from tests.bench.scenarios import SCENARIOS, Options, Scenario

from ops.output import note, told
from ops.runtime.fault import ClusterFault

SECONDS: Final = 60.0
WARMUP_S: Final = 10.0
WINDOW: Final = 2_500


def main(
    scenario: Annotated[Scenario, typer.Argument()] = Scenario.CAPACITY,
    *,
    rate: Annotated[float, typer.Option(min=1, help="Orders a second, where a rate is measured.")] = 1_160.0,
    seconds: Annotated[float, typer.Option(min=1, help="How long to measure.")] = SECONDS,
    warmup: Annotated[float, typer.Option(min=0, help="How long to run before, in seconds.")] = WARMUP_S,
    window: Annotated[
        int, typer.Option(min=1, help="Orders not done at one time, where capacity is measured.")
    ] = WINDOW,
    json: Annotated[Path | None, typer.Option(help="Write the results here.")] = None,
) -> None:
    """Measure how fast Weir is on this machine, on a cluster of its own."""
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGHUP, _terminated)
    options = Options(seconds=seconds, warmup_s=warmup, window=window, rate=rate)
    with told(ClusterFault):
        results = SCENARIOS[scenario](options, note)
    report.show(results)
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")


def _terminated(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
