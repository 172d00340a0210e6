"""`python -m tests.bench SCENARIO`: measures, prints tables, and writes the results as JSON. `make bench` calls it."""

import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from tests.bench import docs, machine, report
from tests.bench.docs import Answer
from tests.bench.result import Result, ratio
from tests.bench.scenarios import SCENARIOS, Options, Scenario

from ops.output import note, told
from ops.runtime.fault import ClusterFault

DEFAULTS = Options()


def main(  # noqa: PLR0913 - each is an option of the command line
    scenario: Annotated[Scenario, typer.Argument(help="What to measure.")] = Scenario.ALL,
    *,
    rate: Annotated[float, typer.Option(min=1, help="Orders a second, of the scenario `rate`.")] = DEFAULTS.rate,
    seconds: Annotated[float, typer.Option(min=1, help="How long to measure.")] = DEFAULTS.seconds,
    warmup: Annotated[float, typer.Option(min=0, help="How long to run before, in seconds.")] = DEFAULTS.warmup_s,
    window: Annotated[int, typer.Option(min=1, help="Orders not done at one time.")] = DEFAULTS.window,
    orders: Annotated[int, typer.Option(min=1, help="How far `growth` grows.")] = DEFAULTS.orders,
    json: Annotated[Path | None, typer.Option(help="Write the results here.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Put the results into docs/benchmarks.md.")] = False,
) -> None:
    """Measure how fast Weir is on this machine, on a cluster of its own."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started it in the background
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGHUP, _terminated)
    began = datetime.now(UTC)
    options = Options(seconds=seconds, warmup_s=warmup, window=window, rate=rate, orders=orders)
    with told(ClusterFault):
        results = SCENARIOS[scenario](options, note)
    report.show(results)
    answer = _answer(scenario, began, results)
    if json is not None:
        json.write_bytes(docs.encoded(answer))
    if keep:
        docs.keep(answer)


def _answer(scenario: Scenario, began: datetime, results: list[Result]) -> Answer:
    return Answer(
        scenario=scenario,
        began=began,
        took_s=round((datetime.now(UTC) - began).total_seconds()),
        machine=machine.describe(),
        commit=machine.commit(),
        floor_ratio=ratio(results),
        results=results,
    )


def _terminated(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
