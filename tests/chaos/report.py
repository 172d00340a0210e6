"""The result of a chaos run as JSON and as a table, and how it gets into docs/reliability.md.

`python -m tests.chaos.report FILE` writes a result (as the long run leaves it) between the markers of the document.
"""

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
from tests.infra.local import ROOT

DOCUMENT: Final = ROOT / "docs" / "reliability.md"
BEGIN: Final = "<!-- chaos: begin -->\n"
END: Final = "<!-- chaos: end -->\n"
JSON_FENCE: Final = "```json\n"
KILLS_MIN: Final = 100
ORDERS_MIN: Final = 200_000


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did and what came of it. Times are in seconds, amounts in minor units."""

    seed: int
    rounds: int
    cores: int
    load_s: float
    orders_per_s: float
    kills: dict[str, int]
    faults: dict[str, int]
    orders: int
    sent_twice: int
    sent_by_http: int
    settled: int
    lost: int
    duplicated: int
    imbalance_minor: int
    breaches: int
    institution_missing: int
    institution_too_many: int
    p50_s: float
    p99_s: float
    slowest_s: float
    slowest_fault: str
    drained_in_s: float
    audited_in_s: float

    @property
    def killed(self) -> int:
        """How often a service was killed, whichever."""
        return sum(self.kills.values())


def table(result: Result) -> str:
    """Return the result as a table of Markdown."""
    kills = ", ".join(f"{part} {count}" for part, count in sorted(result.kills.items()))
    rows: list[tuple[str, object]] = [
        ("orders sent", f"{result.orders:,} in {result.load_s:,.0f} s ({result.orders_per_s:,.0f}/s)"),
        ("of them sent twice / by HTTP", f"{result.sent_twice:,} / {result.sent_by_http:,}"),
        ("rounds, seed", f"{result.rounds}, {result.seed}"),
        ("services killed with -9", f"{result.killed}: {kills}"),
        ("settled", f"{result.settled:,}"),
        ("lost / duplicated (audit)", f"{result.lost} / {result.duplicated}"),
        ("imbalance of the books, minor units", result.imbalance_minor),
        ("laws of the audit broken", result.breaches),
        (
            "missing / too many in the institution's record",
            f"{result.institution_missing} / {result.institution_too_many}",
        ),
        ("order due to settled, p50 / p99", f"{result.p50_s:.1f} s / {result.p99_s:.1f} s"),
        ("slowest recovery", f"{result.slowest_s:.1f} s, an order that came during: {result.slowest_fault}"),
        ("everything settled after the last order in", f"{result.drained_in_s:.0f} s"),
        ("audited in", f"{result.audited_in_s:.0f} s, on {result.cores} cores"),
    ]
    faults = [(fault, count) for fault, count in sorted(result.faults.items())]
    return _markdown(("what", "result"), rows) + "\n" + _markdown(("fault", "rounds"), faults)


def block(result: Result) -> str:
    """Return what stands between the markers: the tables, then the same as JSON."""
    shown = msgspec.json.format(msgspec.json.encode(result)).decode()
    return f"{table(result)}\n{JSON_FENCE}{shown}\n```\n"


def shown(text: str) -> tuple[str, Result]:
    """Return what a document has between the markers, and the result in it."""
    inside = text.partition(BEGIN)[2].partition(END)[0]
    return inside, msgspec.json.decode(inside.partition(JSON_FENCE)[2].partition("```")[0], type=Result)


def placed(text: str, result: Result) -> str:
    """Return the document with this result between the markers instead of another.

    Raises:
        ValueError: the markers are not there.

    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        message = f"the document has no {BEGIN.strip()} … {END.strip()}"
        raise ValueError(message)
    return before + begin + block(result) + end + after


def _markdown(head: tuple[str, str], rows: Iterable[tuple[str, object]]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    return "\n".join(lines) + "\n"


def printed(text: str) -> None:
    """Print a line of progress at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Write the result of the file that is named into the document, unless the run was a shortened one."""
    result = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Result)
    if result.killed < KILLS_MIN or result.orders < ORDERS_MIN:
        printed(f"{DOCUMENT.relative_to(ROOT)} stays as it is: it shows whole runs only")
        return
    DOCUMENT.write_text(placed(DOCUMENT.read_text(), result))
    printed(f"{DOCUMENT.relative_to(ROOT)} shows the run of seed {result.seed}")


def total(counts: Iterable[Counter[str]]) -> dict[str, int]:
    """Add up counts."""
    found: Counter[str] = Counter()
    for it in counts:
        found.update(it)
    return dict(sorted(found.items()))


if __name__ == "__main__":
    main()
