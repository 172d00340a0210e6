"""What keeps the code readable, held by tests: sizes, one shape for all services, names, reasons for dependencies."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
SERVICES: Final = ("payments", "split", "aftersale", "merchant")
SHAPE: Final = ("app", "settings", "api", "consumers", "handlers", "domain", "store")
FILE_LINES_MAX: Final = 300
FUNCTION_LINES_MAX: Final = 60
FILE_LINES_P90: Final = 250
FUNCTION_LINES_P90: Final = 30
FORBIDDEN_NAMES: Final = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
UNFINISHED: Final = re.compile(r"\b(TODO|FIXME|HACK)\b")
MACHINE: Final = re.compile(r"(?<![\w.~}$-])/(root|work|home|Users)/\w")
SKIPPED: Final = re.compile(r"pytest\.(mark\.)?(skip|skipif|xfail|importorskip)\b")
REQUIREMENT: Final = re.compile(r"^[A-Za-z0-9._-]+")
REASON: Final = re.compile(r"^- `(?P<name>[^`]+)`: .+ Considered: .+\.$", re.MULTILINE)


def tracked(*patterns: str) -> list[Path]:
    """Files of the repository, those not yet committed included; nothing that git ignores."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603 - built above
    return [path for line in listed.splitlines() if (path := ROOT / line).is_file()]


def texts(*patterns: str) -> Iterator[tuple[str, str]]:
    for path in tracked(*patterns):
        try:
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def lines_of(pattern: re.Pattern[str], *patterns: str) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts(*patterns)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def functions() -> dict[str, int]:
    return {
        f"{name}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for name, text in texts("*.py")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def p90(sizes: list[int]) -> int:
    return sorted(sizes)[len(sizes) * 9 // 10]


def test_no_file_is_longer_than_a_reader_holds() -> None:
    sizes = {name: len(text.splitlines()) for name, text in texts("*.py")}
    assert {name: size for name, size in sizes.items() if size > FILE_LINES_MAX} == {}
    assert p90(list(sizes.values())) < FILE_LINES_P90


def test_no_function_is_longer_than_a_screen() -> None:
    sizes = functions()
    assert {name: size for name, size in sizes.items() if size > FUNCTION_LINES_MAX} == {}
    assert p90(list(sizes.values())) < FUNCTION_LINES_P90


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_shape(service: str) -> None:
    source = ROOT / "services" / service / "src" / service
    there = {path.stem for path in source.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert set(SHAPE) - there == set()


def test_every_module_says_what_lives_there() -> None:
    silent = [name for name, text in texts("*.py") if ast.get_docstring(ast.parse(text)) is None]
    assert silent == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [str(path) for path in tracked("*.py") if FORBIDDEN_NAMES & {path.stem, path.parent.name}] == []


def test_nothing_is_left_for_later_in_the_code() -> None:
    assert lines_of(UNFINISHED, ":!uv.lock", ":!tests/test_tidy.py") == []


def test_nothing_knows_the_machine_it_was_written_on() -> None:
    assert list(lines_of(MACHINE)) == []


def test_no_test_is_skipped() -> None:
    assert [line for line in lines_of(SKIPPED, "tests/*.py") if "test_tidy.py" not in line] == []


def test_every_dependency_has_its_reason() -> None:
    projects = [tomllib.loads(path.read_text()) for path in tracked("*pyproject.toml")]
    stated = chain.from_iterable(
        [*project["project"]["dependencies"], *chain.from_iterable(project.get("dependency-groups", {}).values())]
        for project in projects
    )
    names = {found.group().lower() for line in stated if (found := REQUIREMENT.match(line))}
    needed = {name for name in names if not name.startswith("weir-")}
    given = [found["name"] for found in REASON.finditer((ROOT / "docs" / "dependencies.md").read_text())]
    assert sorted(given) == sorted(needed)
