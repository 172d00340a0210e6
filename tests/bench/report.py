"""What people read of a bench: rows of tables, for the screen and for docs/benchmarks.md."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.bench.load import LEGS
from tests.bench.result import (
    BESIDE,
    BESIDE_SILENT,
    CAPACITY,
    LEDGER,
    MANY_RECEIVERS,
    ORDER,
    TRANSACTION,
    Result,
    ratio,
)

from ops.output import note, table

KINDS: Final = ("payments", "split", "aftersale", "merchant", "sandbox", "kafka", "mongo", "generator", "harness")
SERVICES: Final = KINDS[:4]
SPEED: Final = ("run", "load", "{}s/s", "p50 / p99 / max s", "CPU µs/{}", "cores", "others", "kept up")
ELSEWHERE_CORES_MAX: Final = 0.15
AUDITED: Final = ("orders", "settled", "lost", "duplicated", "transactions", "imbalance_minor", "breaches_total")

type Rows = list[tuple[str, ...]]


class Table(NamedTuple):
    """A table, ready to be drawn."""

    title: str
    columns: tuple[str, ...]
    rows: Rows


def speed_rows(results: Sequence[Result]) -> Rows:
    """Return a line for each run: what was asked, what was done, how long an order took and what it cost."""
    return [
        (
            it.title,
            _load(it),
            f"{it.per_s:,.0f}",
            " / ".join(_figure(seconds, it) for seconds in (it.p50_s, it.p99_s, it.max_s)),
            f"{it.cpu_total_us:,.0f}" if it.unit == ORDER else f"{it.cpu_total_us:,.1f}",
            f"{it.cores:.2f}",
            f"{it.elsewhere_cores:.2f}",
            "-" if it.sustained is None else "yes" if it.sustained else "NO",
        )
        for it in results
    ]


def cpu_rows(results: Sequence[Result]) -> Rows:
    """Return a line for each run: CPU µs of an order, by process."""
    names = _names(results)
    digits = 0 if _unit(results) == ORDER else 1
    return [
        (it.title, *(f"{it.cpu_us[name]:,.{digits}f}" if name in it.cpu_us else "" for name in names)) for it in results
    ]


def memory_rows(results: Sequence[Result]) -> Rows:
    """Return a line for each run: the most memory that each process ever had, in MiB."""
    names = _names(results)
    return [
        (it.title, *(f"{it.memory_mib[name].peak_mib:,}" if name in it.memory_mib else "" for name in names))
        for it in results
    ]


def batch_rows(results: Sequence[Result]) -> Rows:
    """Return a line for each run: records of a batch on average, by consumer group."""
    groups = _groups(results)
    return [
        (it.title, *(f"{it.batches[group]:,.0f}" if group in it.batches else "" for group in groups)) for it in results
    ]


def proof_rows(results: Sequence[Result]) -> Rows:
    """Return what shows that nothing was lost or done twice."""
    rows: Rows = []
    for it in results:
        retried = f"{it.transactions:,} transactions, {it.transaction_retries:,} run again"
        told = f"sent {it.published:,}, settled {it.settled:,}, settled twice {it.repeated:,}"
        told = told if it.unit == ORDER else f"booked {it.published:,}"
        rows.append((it.title, told + (f"; {retried}" if it.transactions else "")))
        if any("-" in process for process in it.taken):
            rows.append(("  records taken", ", ".join(f"{process} {count:,}" for process, count in it.taken.items())))
        if it.audit is not None:
            figures = ", ".join(f"{name} {it.audit[name]:,}" for name in AUDITED if name in it.audit)
            if it.unit == ORDER:
                figures += f", lag {it.lag_end}; {it.audit['command_s']} s, {it.audit['peak_mib']} MiB"
            rows.append(("  audit", figures))
    return rows


def goal_rows(results: Sequence[Result]) -> Rows:
    """Return the goals that these runs can answer: what is required, what was measured, whether it holds."""
    rows: Rows = [row for it in results if it.side == "weir" for row in _goals_of(it)]
    weir = [it for it in results if it.side == "weir" and it.unit == ORDER]
    peaks = [it.memory_mib[name].peak_mib for it in weir for name in SERVICES]
    if peaks:
        rows.append(_goal("largest service, MiB at its peak", max(peaks), most=200))
    if (share := ratio(results)) is not None:
        rows.append(_goal("share of the floor", share, least=0.5, target=0.7))
    p99_s = {it.name: it.p99_s for it in results}
    if {BESIDE, BESIDE_SILENT} <= p99_s.keys():
        told = "p99 beside a channel that times out / that answers"
        rows.append(_goal(told, p99_s[BESIDE_SILENT] / p99_s[BESIDE], most=1.3))
    grown = [it for it in results if it.name.endswith("k stored")]
    if len(grown) > 1:
        told = f"CPU of an order, {grown[-1].name} / {grown[0].name}"
        rows.append(_goal(told, grown[-1].cpu_total_us / grown[0].cpu_total_us, most=1.1))
        # A young JVM compiles: beside Kafka's CPU of the first run, the growth of the others would not show.
        others = [it.cpu_total_us - it.cpu_us.get("kafka", 0.0) for it in (grown[-1], grown[0])]
        rows.append(_goal(f"{told}, without Kafka", others[0] / others[1], most=1.1))
    return rows


def _goals_of(it: Result) -> Rows:
    if it.name == CAPACITY:
        return [
            _goal("orders a second, sustained", it.per_s, least=1_200, target=1_800),
            _goal("p99 at that, s", it.p99_s, most=2.6),
        ]
    if it.name == "116/s":
        return [_goal("p99 at 116/s, s", it.p99_s, most=1.0), _goal("cores at 116/s", it.cores, most=0.9)]
    others = {
        "1160/s": lambda: _goal("p99 at 1,160/s, s", it.p99_s, most=2.0),
        MANY_RECEIVERS: lambda: _goal("orders a second with 50 receivers", it.per_s, least=400),
        LEDGER: lambda: _goal("ledger transactions a second", it.per_s, least=8_000),
    }
    return [others[it.name]()] if it.name in others else []


def tables(results: Sequence[Result]) -> list[Table]:
    """Return everything that is said of results."""
    names, unit = ("run", *_names(results)), _unit(results)
    every = [
        Table("Speed", tuple(it.format(unit) for it in SPEED), speed_rows(results)),
        Table(f"CPU of {'an' if unit == ORDER else 'a'} {unit}, µs", names, cpu_rows(results)),
        Table("Memory at its peak, MiB", names, memory_rows(results)),
        Table("Records of a batch, mean", ("run", *_groups(results)), batch_rows(results)),
        Table("What happened", ("run", "result"), proof_rows(results)),
        Table("Goals", ("goal", "measured", "required", "met"), goal_rows(results)),
    ]
    return [it for it in every if it.rows and len(it.columns) > 1]


def show(results: Sequence[Result]) -> None:
    """Print the tables, and a warning where the machine was not ours alone."""
    for it in tables(results):
        table(it.title, it.columns, it.rows)
    for told in warnings(results):
        note(told)


def warnings(results: Sequence[Result]) -> list[str]:
    """Return what makes figures worth less: somebody else's work takes cores, and makes ours dearer by the order."""
    return [
        f"{it.title}: others used {it.elsewhere_cores:.2f} cores meanwhile; do not compare its figures with others"
        for it in results
        if it.elsewhere_cores > ELSEWHERE_CORES_MAX
    ]


def _goal(
    name: str, measured: float, *, least: float | None = None, most: float | None = None, target: float | None = None
) -> tuple[str, ...]:
    met = measured >= least if least is not None else measured <= (most or 0)
    asked = f"≥ {least:,g}" if least is not None else f"≤ {most:,g}"
    return name, f"{measured:,.4g}", asked + (f" (target {target:,g})" if target else ""), "yes" if met else "NO"


def _load(it: Result) -> str:
    load = f"{it.rate:g}/s" if it.rate else f"{it.window:,} open"
    if it.unit == TRANSACTION:
        return f"{load}, {it.legs} entries"
    return load if it.legs == LEGS else f"{load}, {it.legs} merchants"


def _unit(results: Sequence[Result]) -> str:
    return results[0].unit if results else ORDER


def _figure(seconds: float, it: Result) -> str:
    """Return a time; a unit of the ledger takes milliseconds."""
    return f"{seconds:.2f}" if it.unit == ORDER else f"{seconds:.3f}"


def _names(results: Sequence[Result]) -> list[str]:
    return sorted({name for it in results for name in it.cpu_us}, key=_place)


def _groups(results: Sequence[Result]) -> list[str]:
    return sorted({group for it in results for group in it.batches}, key=_place)


def _place(name: str) -> tuple[int, str]:
    kind = name.partition("-")[0].partition(".")[0]
    return (KINDS.index(kind) if kind in KINDS else len(KINDS), name)
