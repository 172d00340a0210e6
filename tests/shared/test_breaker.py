"""A fifth of a full window is an outage; a few bad records, or a bad start, are not."""

from shared.breaker import WINDOW_RECORDS, Breaker


def test_more_than_a_fifth_of_the_last_thousand_opens_it() -> None:
    breaker = Breaker()
    breaker.note(good=800, bad=200)
    assert not breaker.open
    breaker.note(good=0, bad=1)
    assert breaker.open


def test_a_window_that_is_not_full_is_not_judged() -> None:
    breaker = Breaker()
    breaker.note(good=0, bad=WINDOW_RECORDS - 1)
    assert not breaker.open
    breaker.note(good=0, bad=1)
    assert breaker.open


def test_only_the_last_thousand_count() -> None:
    breaker = Breaker()
    breaker.note(good=0, bad=1_000)
    breaker.note(good=799, bad=0)
    assert breaker.open
    breaker.note(good=1, bad=0)
    assert not breaker.open


def test_after_a_pause_a_new_window_begins() -> None:
    breaker = Breaker()
    breaker.note(good=0, bad=1_000)
    breaker.reset()
    assert not breaker.open
    breaker.note(good=0, bad=999)
    assert not breaker.open
