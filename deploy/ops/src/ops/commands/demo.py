"""`weir demo`: the whole story once: start, send, settle, audit, show, stop what was started."""

import signal
import sys
from types import FrameType
from typing import Annotated, Final, NoReturn

import typer

from ops import addresses, demo, reach
from ops.commands.send import Bar
from ops.commands.up import RuntimeOption
from ops.output import AsJson, Code, emit, note, table, told
from ops.places import SETTLED
from ops.runtime import choose
from ops.runtime.fault import ClusterFault
from ops.runtime.interface import Part
from ops.runtime.state import Way
from ops.sample import DEFAULT_ORDERS
from shared.marketplaces import Marketplaces, MarketplacesError

BREACHES_SHOWN: Final = 10

Orders = Annotated[int, typer.Option(min=1, max=1_000_000, help="How many sample orders to send.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(show)


def show(*, orders: Orders = DEFAULT_ORDERS, runtime: RuntimeOption = Way.LOCAL, as_json: AsJson = False) -> None:
    """Start the cluster, settle sample orders of a fresh marketplace, audit the books, and stop what was started.

    A cluster that is already up is used and left running. Exit 0: every order settled and the books sound.
    """
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGHUP, _terminated)
    with told(ClusterFault):
        # Tied: should even this command be killed, nothing that it started stays.
        cluster = choose.to_start(runtime, tied=True)
        ours = not cluster.is_up()
        try:
            cluster.up(note)
            outcome = _play(orders)
            parts = cluster.parts()
        finally:
            if ours:
                cluster.down(note)
    if as_json:
        emit(_answer(outcome, parts))
    else:
        _print(outcome, parts)
        note("stopped what was started; the data stays" if ours else "the cluster is left running: weir down")
    raise typer.Exit(Code.OK if outcome.fine else Code.FAILED)


def _play(orders: int) -> demo.Outcome:
    with told(MarketplacesError, code=Code.USAGE), Bar() as bar:
        marketplaces = Marketplaces.load(reach.MARKETPLACES)
        # Only the cluster that was started or found here: not one that the environment may name.
        return reach.run(demo.play(addresses.load({}), marketplaces, reach.topics(), orders, bar))


def _terminated(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _answer(outcome: demo.Outcome, parts: list[Part]) -> dict[str, object]:
    return {
        "fine": outcome.fine,
        "marketplace": outcome.marketplace,
        "orders": outcome.tally.orders,
        "settled": outcome.tally.of("settled"),
        "seconds": round(outcome.seconds, 3),
        "p50_s": round(outcome.p50_s, 3),
        "p99_s": round(outcome.p99_s, 3),
        "lag_records": outcome.lag_records,
        "imbalance_minor": outcome.audit.findings.imbalance_minor,
        "breaches_total": outcome.audit.findings.total,
        "urls": {part.name: part.url for part in parts},
    }


def _print(outcome: demo.Outcome, parts: list[Part]) -> None:
    tally, findings = outcome.tally, outcome.audit.findings
    rows: list[tuple[str, object]] = [
        ("orders sent", tally.orders),
        ("settled", tally.of("settled")),
        *(
            (f"{place.name}: {place.detail}", count)
            for place, count in sorted(tally.counts.items())
            if place != SETTLED
        ),
        ("everything sent and settled in", f"{outcome.seconds:.1f} s"),
        ("order to settled, p50 / p99", f"{outcome.p50_s:.2f} s / {outcome.p99_s:.2f} s"),
        ("consumer lag, records", outcome.lag_records),
        ("imbalance of the books, minor units", findings.imbalance_minor),
        ("laws of the audit broken", findings.total),
        *((part.name, part.url) for part in parts),
    ]
    table(f"Marketplace {outcome.marketplace}", ("what", "result"), rows)
    for breach in findings.shown[:BREACHES_SHOWN]:
        note(f"{breach.law} {breach.id}: {breach.detail}")
