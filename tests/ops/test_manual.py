"""The manual says what the command line does today."""

import re
from pathlib import Path

import pytest

from ops.audit.findings import LAWS
from ops.manual import END, MANUAL, updated
from ops.places import Tally
from ops.send.draft import MerchantDraft
from ops.send.lines import read, weir_decoder
from shared.messages import OrderPaid, OrderProgressed

TEXT = (Path(__file__).parents[2] / MANUAL).read_text()


def rows(heading: str) -> dict[str, str]:
    """Return the rows of the table under a heading: what stands in backquotes first, and the rest."""
    section = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", section, re.MULTILINE))


def test_the_reference_is_that_of_todays_commands() -> None:
    assert updated(TEXT) == TEXT, "run `make docs`"


def test_every_command_that_answers_a_machine_has_its_fields_listed() -> None:
    commands = re.findall(r"^### `weir ([a-z ]+?)(?: \[?[A-Z]+\]?)*`$", TEXT, re.MULTILINE)
    assert sorted(rows("What `--json` has")) == sorted(commands)


def test_every_law_is_explained_as_the_audit_explains_it() -> None:
    assert rows("What `weir audit` proves") == LAWS


@pytest.mark.parametrize("command", ["settled", "audit"])
def test_every_place_is_a_field_of(command: str) -> None:
    fields = set(re.findall(r"`([a-z_]+)", rows("What `--json` has")[command]))
    assert set(Tally().answer()) <= fields


def test_a_manual_without_marks_cannot_be_updated() -> None:
    with pytest.raises(ValueError, match="must have the marks"):
        updated(TEXT.replace(END, ""))


def test_the_example_of_a_file_can_be_sent(tmp_path: Path) -> None:
    file = tmp_path / "orders.jsonl"
    file.write_text(TEXT.partition("```json\n")[2].partition("```")[0])
    merchant, order, *progress = (line.item for line in read(file, weir_decoder(None)))
    assert isinstance(merchant, MerchantDraft)
    assert isinstance(order, OrderPaid)
    assert {line.merchant for line in order.lines} == {merchant.merchant}
    assert [it.kind for it in progress if isinstance(it, OrderProgressed)] == ["shipped", "completed"]
    assert {it.key for it in progress if isinstance(it, OrderProgressed)} == {order.key}
