"""The page of the rules names stories that exist, and every reason for which money is held or a wish refused."""

import inspect
import re
from pathlib import Path
from typing import get_args

import pytest

from shared import tariffs
from split.domain import bindings, limits, receivers

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "rules.md").read_text()
STORIES = sorted(set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", TEXT)))


def test_the_page_has_stories_of_every_part() -> None:
    assert {file for file, _ in STORIES} >= {
        "test_rules.py",
        "test_receivers.py",
        "test_payouts.py",
        "test_money_back.py",
    }


@pytest.mark.parametrize(("file", "name"), STORIES)
def test_every_story_that_is_named_exists(file: str, name: str) -> None:
    text = (ROOT / "tests" / "flows" / file).read_text()
    assert re.search(rf"^(?:async )?def {name}\(", text, re.MULTILINE), f"tests/flows/{file} has no {name}"


@pytest.mark.parametrize("file", ["test_rules.py", "test_receivers.py"])
def test_every_story_of_rules_and_receivers_is_named(file: str) -> None:
    told = set(re.findall(r"^async def (test_\w+)\(", (ROOT / "tests" / "flows" / file).read_text(), re.MULTILINE))
    assert told == {name for of, name in STORIES if of == file}


def test_every_reason_of_these_rules_is_explained() -> None:
    reasons = {*get_args(limits.Refusal), *get_args(tariffs.Reason)}
    reasons |= set(re.findall(r'(?:return|else) "([a-z_]+)"', inspect.getsource(receivers)))
    reasons |= set(re.findall(r'Refused\("([a-z_]+)"', inspect.getsource(bindings)))
    assert len(reasons) > 30
    assert {it for it in reasons if f"`{it}`" not in TEXT} == set()
