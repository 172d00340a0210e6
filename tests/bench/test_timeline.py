"""What is concluded from committed offsets over time."""

import pytest
from tests.bench.timeline import Settled, Timeline, Window, latencies, window


def line_of(*looks: tuple[float, tuple[int, int], int]) -> Timeline:
    line = Timeline([10, 20])
    for at, committed, published in looks:
        line.look(at, committed, published)
    return line


def test_an_order_is_done_at_the_first_look_that_saw_its_record_passed() -> None:
    line = line_of((1.0, (10, 20), 5), (2.0, (11, 20), 5), (3.0, (13, 21), 5))
    assert line.done_at(0, 10) == 2.0
    assert line.done_at(0, 12) == 3.0
    assert line.done_at(1, 20) == 3.0
    assert line.done_at(1, 21) is None


def test_what_was_there_before_the_run_is_not_counted() -> None:
    line = line_of((1.0, (10, 20), 0))
    assert list(line.completed) == [0]
    assert line.look(2.0, (12, 23), 9) == 5


def test_a_window_counts_what_was_published_and_done_between_its_looks() -> None:
    looks = [(float(at), (10 + at, 20 + at), 4 * at) for at in range(11)]
    found = window(line_of(*looks), 2.0, 8.0)
    assert (found.seconds, found.offered, found.completed, found.per_s) == (6.0, 24, 12, 2.0)


def test_a_window_begins_and_ends_with_the_first_look_after_its_moments() -> None:
    found = window(line_of((1.0, (10, 20), 0), (2.0, (12, 20), 5), (3.5, (13, 24), 9)), 1.5, 2.5)
    assert (found.seconds, found.offered, found.completed) == (1.5, 4, 5)


@pytest.mark.parametrize(("done", "kept_up"), [(98, True), (97, False)])
def test_a_rate_is_sustained_only_if_nearly_all_of_it_is_done(done: int, kept_up: bool) -> None:  # noqa: FBT001 - a table
    found = Window(seconds=10.0, offered=100, completed=done, backlog_grew=0.0)
    assert found.sustained(10.0) is kept_up


def test_a_rate_is_not_sustained_while_its_backlog_grows() -> None:
    # 99 of 100 a second are done: enough of them, but what is left piles up without end.
    looks = [(float(at), (10 + 99 * at, 20), 100 * at) for at in range(301)]
    found = window(line_of(*looks), 0.0, 300.0)
    assert found.completed / found.offered == 0.99
    assert found.backlog_grew == pytest.approx(200, abs=2)
    assert not found.sustained(100.0)


def test_latency_is_from_published_to_the_look_and_only_of_orders_done_in_the_window() -> None:
    line = line_of((1.0, (11, 20), 1), (2.0, (12, 20), 2), (3.0, (13, 21), 4), (4.0, (14, 21), 4))
    settled = [Settled(0, 10, 1, 0.5), Settled(0, 11, 2, 0.5), Settled(0, 12, 3, 2.75), Settled(1, 20, 4, 1.0)]
    assert latencies(line, [*settled, Settled(0, 13, 5, 3.0)], 1.0, 3.0) == [0.25, 1.5, 2.0]
