"""The document shows what a run really gave: its tables are those of the result beside them."""

import pytest
from tests.chaos.report import BEGIN, DOCUMENT, END, Result, block, placed, shown, table

RESULT = Result(
    seed=7,
    rounds=2,
    cores=2,
    load_s=60,
    orders_per_s=100,
    kills={"payments": 2, "split": 1},
    faults={"kafka killed": 1, "kills only": 1},
    orders=6_000,
    sent_twice=300,
    sent_by_http=120,
    settled=6_000,
    lost=0,
    duplicated=0,
    imbalance_minor=0,
    breaches=0,
    institution_missing=0,
    institution_too_many=0,
    p50_s=0.6,
    p99_s=20.25,
    slowest_s=31,
    slowest_fault="kafka killed",
    drained_in_s=12,
    audited_in_s=3,
)


def test_a_result_is_put_between_the_markers_and_read_from_there() -> None:
    text = placed(f"before\n{BEGIN}old\n{END}after\n", RESULT)
    assert text.startswith(f"before\n{BEGIN}")
    assert text.endswith(f"{END}after\n")
    assert shown(text) == (block(RESULT), RESULT)


def test_a_document_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="the document has no"):
        placed("nothing\n", RESULT)


def test_the_table_names_every_fault_and_every_victim() -> None:
    text = table(RESULT)
    assert "3: payments 2, split 1" in text
    assert "| kafka killed | 1 |" in text


def test_docs_reliability_shows_a_good_run_as_it_was_written() -> None:
    inside, result = shown(DOCUMENT.read_text())
    assert inside == block(result)
    assert result.settled == result.orders
    wrong = (result.lost, result.duplicated, result.imbalance_minor, result.breaches)
    assert (*wrong, result.institution_missing, result.institution_too_many) == (0,) * 6
