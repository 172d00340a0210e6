"""20,000 real orders: every seller is paid to the last centavo what a computation of its own says.

Only the command line is used, and no code of the services or of the command line is imported. On the cluster that
WEIR_KAFKA_BOOTSTRAP and the other addresses name, else on a fresh one.
"""

import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
FILE: Final = Path(os.environ["WEIR_REAL_FILE"]).resolve()
WEIR: Final = Path(sys.executable).with_name("weir")
SETTLED_TIMEOUT_S: Final = 400
TOTALS: Final = {"sellers": 285_114_428, "commission": 32_819_307, "surcharge": 120_317, "discount": 5_221}
PAID: Final = 318_048_831

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where `weir` is called: the cluster that the environment names, else a fresh one that ends with the test."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "deploy").symlink_to(ROOT / "deploy")
    if os.environ.get("WEIR_KAFKA_BOOTSTRAP"):
        yield folder
        return
    try:
        weir(folder, "up")
        yield folder
    finally:
        weir(folder, "down")


def weir(place: Path, *words: str) -> str:
    """Return what a command prints; it must end with exit code 0."""
    done = subprocess.run([WEIR, *words], cwd=place, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own command
    assert done.returncode == 0, f"weir {' '.join(words)}: exit code {done.returncode}\n{done.stdout}"
    return done.stdout


def expected() -> tuple[Counter[str], Counter[str]]:
    """Return by hand, from the file alone, what each seller is to be paid, and the totals."""
    sellers: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    unpack = (
        partial(gzip.open, mode="rt", encoding="utf-8") if FILE.suffix == ".gz" else partial(open, encoding="utf-8")
    )
    with unpack(FILE) as rows:
        for row in map(json.loads, rows):
            for item in row["items"]:
                commission = item["price"] * 12 // 100
                sellers[item["seller_id"]] += item["price"] - commission + item["freight"]
                totals["commission"] += commission
            paid = sum(payment["value"] for payment in row["payments"])
            over = paid - sum(item["price"] + item["freight"] for item in row["items"])
            totals["surcharge"] += max(0, over)
            totals["discount"] += max(0, -over)
            totals["orders"] += 1
            totals["paid"] += paid
    totals["sellers"] = sellers.total()
    return sellers, totals


@pytest.fixture(scope="module")
def settled(place: Path) -> Path:
    """Return the place once everything sent there is settled."""
    weir(place, "send", "--format", "olist", str(FILE))
    weir(place, "settled", "--timeout", str(SETTLED_TIMEOUT_S))
    return place


def test_the_file_is_the_one_whose_sums_are_known() -> None:
    _, totals = expected()
    assert {name: totals[name] for name in TOTALS} == TOTALS
    assert totals["paid"] == PAID
    assert totals["sellers"] + totals["commission"] + totals["surcharge"] - totals["discount"] == PAID


def test_every_seller_is_paid_to_the_last_centavo(settled: Path) -> None:
    sellers, totals = expected()
    rows = json.loads(weir(settled, "report", "payouts", "--marketplace", "olist", "--json"))["payouts"]
    paid = {row["receiver"]: row["paid_minor"] for row in rows}
    platform = {"platform:commission": totals["commission"], "platform:fee": totals["surcharge"]}
    assert paid == {f"merchant:{seller}": amount for seller, amount in sellers.items()} | platform
    assert {row["currency"] for row in rows} == {"BRL"}
    assert {row["returned_minor"] for row in rows} == {0}


def test_the_books_balance(settled: Path) -> None:
    answer: dict[str, Any] = json.loads(weir(settled, "audit", "--marketplace", "olist", "--json"))
    _, totals = expected()
    figures = ("orders", "settled", "lost", "duplicated", "imbalance_minor", "breaches_total")
    assert {name: answer[name] for name in figures} == {
        "orders": totals["orders"],
        "settled": totals["orders"],
        "lost": 0,
        "duplicated": 0,
        "imbalance_minor": 0,
        "breaches_total": 0,
    }
