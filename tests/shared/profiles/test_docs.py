"""The pages of docs/channels are what the profiles say now, and there is one for each."""

from pathlib import Path

import pytest

from shared.profiles import shipped
from shared.profiles.docs.files import CHANNELS, COMMAND, made, stale, words, write

ROOT = Path(__file__).parents[3]


def test_the_pages_are_fresh() -> None:
    assert stale(ROOT) == [], f"run `{COMMAND}`"


@pytest.mark.parametrize("profile", tuple(shipped()), ids=lambda it: it.name)
def test_each_profile_has_a_page_with_the_way_of_its_money_and_what_it_lacks(profile: object) -> None:
    assert hasattr(profile, "name")
    told = made()[CHANNELS / f"{profile.name}.md"]
    assert "```mermaid\nflowchart LR" in told
    assert "{" not in told.split("```mermaid")[1].split("```")[0]
    for part in ("## Limits and behaviour", "## Compliance", "## Where it differs"):
        assert part in told


def test_a_waiver_and_a_differing_figure_are_told() -> None:
    pages = made()
    assert "**Needs a waiver**" in pages[CHANNELS / "stripe-connect.md"]
    assert "**Needs a waiver**" not in pages[CHANNELS / "pingan-witness.md"]
    assert "| `freeze_days` | `180` | `30` |" in pages[CHANNELS / "wechat-ecommerce.md"]
    assert "Lacks: `finish`, `return`" in pages[CHANNELS / "pingan-witness.md"]


def test_every_family_has_its_words() -> None:
    assert set(words()) == {it.family for it in shipped()}


def test_a_page_of_no_profile_is_stale_and_deleted(tmp_path: Path) -> None:
    write(tmp_path)
    assert stale(tmp_path) == []
    (tmp_path / CHANNELS / "paypal.md").write_text("", encoding="utf-8")
    assert stale(tmp_path) == ["docs/channels/paypal.md"]
    write(tmp_path)
    assert stale(tmp_path) == []
