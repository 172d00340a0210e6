"""What people read of a bench: tables on the screen. Figures come from results and are only written here."""

from collections.abc import Sequence
from typing import Final

from tests.bench.run import Result

from ops.output import table

KINDS: Final = ("payments", "split", "aftersale", "merchant", "sandbox", "kafka", "mongo", "generator", "harness")


def speed_rows(results: Sequence[Result]) -> list[tuple[object, ...]]:
    """Return a line for each run: what was asked, what was done, how long an order took."""
    return [
        (
            f"{it.side} {it.name}",
            _load(it),
            f"{it.per_s:,.0f}",
            f"{it.p50_s:.2f} / {it.p99_s:.2f} / {it.max_s:.2f}",
            f"{it.cpu_total_us:,.0f}",
            f"{it.cores:.2f}",
            f"{it.elsewhere_cores:.2f}",
            _verdict(it),
        )
        for it in results
    ]


SPEED: Final = ("run", "load", "orders/s", "p50 / p99 / max s", "CPU µs/order", "cores", "others", "kept up")


def process_rows(results: Sequence[Result]) -> list[tuple[object, ...]]:
    """Return a line for each process: CPU of an order and memory in each run."""
    names = sorted({name for it in results for name in it.cpu_us}, key=_place)
    return [(name, *(_process(it, name) for it in results)) for name in names]


def detail_rows(results: Sequence[Result]) -> list[tuple[object, ...]]:
    """Return what is said of each run besides: batches, retries, what is lost, the audit."""
    rows: list[tuple[object, ...]] = []
    for it in results:
        batches = ", ".join(f"{topic} {size:g}" for topic, size in sorted(it.batches.items()))
        rows.append((f"{it.side} {it.name}", "records in a batch, mean", batches or "not measured"))
        retries = f"{it.transactions:,}, {it.transaction_retries:,} run again"
        rows.append(("", "transactions", retries if it.transactions else "not measured"))
        done = f"{it.published:,} / {it.settled:,} / {it.repeated:,} / {it.lag_end:,}"
        rows.append(("", "sent / settled / repeated / lag at the end", done))
        if it.audit:
            figures = ("orders", "settled", "lost", "duplicated", "imbalance_minor", "breaches_total")
            said = ", ".join(f"{name} {it.audit[name]:,}" for name in figures)
            rows.append(("", "audit", f"{said}; {it.audit['seconds']} s, {it.audit['peak_mib']} MiB"))
    return rows


def show(results: Sequence[Result]) -> None:
    """Print the tables."""
    table("Speed", SPEED, speed_rows(results))
    runs = [f"{it.side} {it.name}" for it in results]
    table("CPU µs an order (memory now / peak, MiB)", ("process", *runs), process_rows(results))
    table("What happened", ("run", "what", "result"), detail_rows(results))


def _load(it: Result) -> str:
    load = f"{it.rate:g}/s" if it.rate else f"{it.window:,} open"
    return load if it.legs == 3 else f"{load}, {it.legs} legs"


def _verdict(it: Result) -> str:
    return "-" if it.sustained is None else "yes" if it.sustained else "NO"


def _process(it: Result, name: str) -> str:
    if name not in it.cpu_us:
        return ""
    now, peak = it.memory_mib[name]
    return f"{it.cpu_us[name]:,.0f} ({now} / {peak})"


def _place(name: str) -> tuple[int, str]:
    kind = name.partition("-")[0]
    return (KINDS.index(kind) if kind in KINDS else len(KINDS), name)
