"""What is read from the counters of the measured processes."""

from tests.bench import scrape

METRICS = """\
# HELP weir_batch_records Records taken in one fetch.
# TYPE weir_batch_records histogram
weir_batch_records_bucket{{le="500.0",topic="order-paid"}} 3.0
weir_batch_records_count{{topic="order-paid"}} {batches}
weir_batch_records_sum{{topic="order-paid"}} {records}
# HELP weir_transaction_retries_total Transactions run again after a conflict.
# TYPE weir_transaction_retries_total counter
weir_transaction_retries_total 4.0
"""


def counts(batches: int, records: int) -> scrape.Counts:
    return scrape.counts(METRICS.format(batches=float(batches), records=float(records)))


def test_the_mean_batch_is_of_the_window_and_of_all_copies_of_a_service() -> None:
    before = {"payments": counts(10, 100), "payments-2": counts(0, 0)}
    after = {"payments": counts(12, 700), "payments-2": counts(1, 300)}
    assert scrape.batches(before, after) == {"payments.order-paid": 300.0}
    assert scrape.taken(before, after) == {"payments": 600, "payments-2": 300}


def test_a_group_without_a_batch_in_the_window_has_no_mean() -> None:
    assert scrape.batches({"payments": counts(10, 100)}, {"payments": counts(10, 100)}) == {}


def test_a_counter_that_was_not_there_before_began_at_zero() -> None:
    assert scrape.in_all(scrape.RETRIES, {"payments": {}, "split": {}}, {"payments": counts(1, 1), "split": {}}) == 4


def test_the_floor_is_read_from_its_last_whole_line() -> None:
    log = '{"order-paid": [1, 1]}\n{"order-paid": [500, 2]}\n{"order-pa'
    assert scrape.told(log) == {(scrape.RECORDS, "order-paid"): 500, (scrape.BATCHES, "order-paid"): 2}
