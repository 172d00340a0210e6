"""Fills the tables of docs/benchmarks.md from the JSON of real runs, which is kept beside it in docs/benchmarks/.

`python -m tests.bench.docs` writes it again. What stands between its markers is written here and nowhere else.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from tests.bench import report
from tests.bench.cluster import ROOT
from tests.bench.report import Table
from tests.bench.result import Result

PAGE: Final = ROOT / "docs" / "benchmarks.md"
FOLDER: Final = ROOT / "docs" / "benchmarks"
SECTION: Final = re.compile(r"(<!-- bench (?P<name>[a-z0-9-]+) -->\n)(?P<body>.*?)(<!-- end -->)", re.DOTALL)
UNMEASURED: Final = "Not measured yet.\n"


class Answer(msgspec.Struct, kw_only=True):
    """What one `make bench` found."""

    scenario: str
    began: datetime
    took_s: int
    machine: dict[str, Any]
    commit: str
    floor_ratio: float | None
    results: list[Result]


def filled(page: str, answers: Mapping[str, Answer]) -> str:
    """Return the page with the tables of these answers, by scenario."""

    def section(found: re.Match[str]) -> str:
        answer = answers.get(found["name"])
        return found[1] + (written(answer) if answer else UNMEASURED) + found[4]

    return SECTION.sub(section, page)


def written(answer: Answer) -> str:
    """Return the tables of one answer as Markdown."""
    about = answer.machine
    told = (
        f"{answer.began:%Y-%m-%d}, commit {answer.commit}, {about['cpu']}, {about['cores']} cores, "
        f"{about['memory_gib']} GiB, {about['system']}, Python {about['python']}, Kafka {about['kafka']} on Java "
        f"{about['java']}, mongod {about['mongod']}; all of it took {answer.took_s} s.\n"
    )
    return "\n".join([told, *(_markdown(it) for it in report.tables(answer.results))])


def kept(folder: Path = FOLDER) -> dict[str, Answer]:
    """Return the answers that are kept, by scenario."""
    found = [msgspec.json.decode(path.read_bytes(), type=Answer) for path in sorted(folder.glob("*.json"))]
    return {answer.scenario: answer for answer in found}


def keep(answer: Answer) -> None:
    """Keep an answer in place of the one before, and write the page again."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{answer.scenario}.json").write_bytes(encoded(answer))
    write()


def write() -> None:
    """Write the page again."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), kept()), encoding="utf-8")


def encoded(answer: Answer) -> bytes:
    """Return the JSON of an answer, for people and machines."""
    return msgspec.json.format(msgspec.json.encode(answer)) + b"\n"


def _markdown(it: Table) -> str:
    lines = [f"**{it.title}**", "", _line(it.columns), _line(["---"] * len(it.columns)), *map(_line, it.rows)]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    write()
