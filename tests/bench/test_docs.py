"""The page of benchmarks: its tables are those of the kept runs."""

from datetime import UTC, datetime

import msgspec
import pytest
from tests.bench import docs
from tests.bench.docs import Answer
from tests.bench.scenarios import Scenario
from tests.bench.test_report import result

from shared.settings import PRESETS

ANSWER = Answer(
    scenario="all",
    began=datetime(2026, 1, 2, tzinfo=UTC),
    took_s=400,
    machine=dict.fromkeys(("cpu", "cores", "memory_gib", "system", "python", "kafka", "java", "mongod"), "x"),
    commit="abc",
    floor_ratio=0.6,
    results=[result(), result(side="floor", per_s=2_500.0)],
)
PAGE = "Before.\n<!-- bench all -->\nold\n<!-- end -->\nBetween.\n<!-- bench growth -->\nold\n<!-- end -->\nAfter.\n"


def test_what_is_between_markers_is_replaced_and_nothing_else() -> None:
    page = docs.filled(PAGE, {"all": ANSWER})
    assert "old" not in page
    assert "| share of the floor | 0.6 | ≥ 0.5 (target 0.7) | yes |" in page
    assert page.startswith("Before.\n<!-- bench all -->\n2026-01-02, commit abc, x, x cores")
    assert page.endswith("<!-- bench growth -->\nNot measured yet.\n<!-- end -->\nAfter.\n")
    assert docs.filled(page, {"all": ANSWER}) == page


def test_an_answer_is_read_as_it_was_written() -> None:
    assert msgspec.json.decode(docs.encoded(ANSWER), type=Answer) == ANSWER


def test_the_page_has_the_tables_of_the_kept_runs() -> None:
    page = docs.PAGE.read_text(encoding="utf-8")
    assert docs.filled(page, docs.kept()) == page, "write it again: python -m tests.bench.docs"


def test_every_section_is_a_scenario() -> None:
    named = [found["name"] for found in docs.SECTION.finditer(docs.PAGE.read_text(encoding="utf-8"))]
    assert set(named) <= set(Scenario)
    assert "all" in named


@pytest.mark.parametrize("preset", PRESETS)
def test_the_page_states_the_dial_as_it_is_set(preset: str) -> None:
    values = PRESETS[preset]
    row = f"| `{preset}=low` | {values['fetch_min_bytes']:,} | {values['fetch_max_wait_ms']} |"
    assert row in docs.PAGE.read_text(encoding="utf-8")
