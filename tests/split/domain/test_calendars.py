"""When days are over: zones with summer time, the cut of a business day, weekends and holidays."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from split.domain.calendars import Calendar

ZONES = (
    "UTC",
    "Asia/Shanghai",
    "America/Sao_Paulo",  # until 2019 summer began at midnight: that day has no 00:00
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Pacific/Apia",  # had no 30 December 2011
    "Asia/Gaza",  # changes around midnight
    "America/Scoresbysund",  # went back across midnight
)
zones = st.sampled_from(ZONES).map(ZoneInfo)
cuts = st.builds(time, hour=st.integers(0, 23), minute=st.sampled_from((0, 10, 30, 45)))
days = st.dates(date(2009, 1, 1), date(2026, 12, 31))
moments = st.datetimes(datetime(2009, 1, 2), datetime(2026, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is beside
calendars = st.builds(Calendar, zones, cuts)

SHANGHAI = Calendar(
    ZoneInfo("Asia/Shanghai"),
    time(0),
    holidays=frozenset(date(2026, 10, day) for day in range(1, 8)),
    workdays=frozenset({date(2026, 9, 27), date(2026, 10, 10)}),
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def first_shown(calendar: Calendar, day: date) -> datetime:
    """Look at the clock every minute, until it first shows the day's cut or something later."""
    wanted = datetime.combine(day, calendar.day_cut)
    moment = datetime.combine(day, time(0), UTC) - timedelta(hours=20)
    while moment.astimezone(calendar.zone).replace(tzinfo=None) < wanted:
        moment += timedelta(minutes=1)
    return moment


@given(calendars, days)
def test_a_day_begins_when_a_clock_on_the_wall_first_shows_it(calendar: Calendar, day: date) -> None:
    assert calendar.begin(day) == first_shown(calendar, day)


@pytest.mark.parametrize(
    ("zone", "cut", "day", "begins"),
    [
        ("America/Sao_Paulo", time(0), date(2018, 11, 4), "2018-11-04T03:00:00Z"),
        ("America/Sao_Paulo", time(0, 30), date(2018, 11, 4), "2018-11-04T03:00:00Z"),
        ("America/Sao_Paulo", time(23, 30), date(2018, 2, 17), "2018-02-18T01:30:00Z"),
        ("America/New_York", time(2, 30), date(2026, 3, 8), "2026-03-08T07:00:00Z"),
        ("America/New_York", time(1, 30), date(2026, 11, 1), "2026-11-01T05:30:00Z"),
        ("Pacific/Apia", time(0), date(2011, 12, 30), "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", time(0), date(2011, 12, 31), "2011-12-30T10:00:00Z"),
        ("Australia/Lord_Howe", time(2, 15), date(2026, 10, 4), "2026-10-03T15:30:00Z"),
    ],
)
def test_a_cut_that_clocks_leap_over_or_show_twice_is_one_moment(zone: str, cut: time, day: date, begins: str) -> None:
    calendar = Calendar(ZoneInfo(zone), cut)
    assert calendar.begin(day) == at(begins) == first_shown(calendar, day)


@given(calendars, moments)
def test_every_moment_belongs_to_the_day_that_has_begun_last(calendar: Calendar, moment: datetime) -> None:
    day = calendar.day_of(moment)
    assert calendar.begin(day) <= moment < calendar.begin(day + timedelta(days=1))


@given(calendars, moments, st.timedeltas(timedelta(0), timedelta(hours=3)), st.integers(0, 20))
def test_what_happens_later_is_never_due_earlier(
    calendar: Calendar, moment: datetime, later: timedelta, waits: int
) -> None:
    for working in (False, True):
        first, second = (calendar.after(it, waits, working=working) for it in (moment, moment + later))
        assert moment <= first <= second


@given(calendars, moments, st.integers(1, 60))
def test_n_days_are_over_when_the_nth_day_after_begins(calendar: Calendar, moment: datetime, waits: int) -> None:
    due = calendar.after(moment, waits, working=False)
    assert due == calendar.begin(calendar.day_of(moment) + timedelta(days=waits))


offsets = st.frozensets(st.integers(-1, 45), max_size=30)


@given(zones, moments, st.integers(1, 30), offsets, offsets)
def test_n_working_days_are_counted_one_by_one(
    zone: ZoneInfo, moment: datetime, waits: int, off: frozenset[int], on: frozenset[int]
) -> None:
    today = Calendar(zone, time(6)).day_of(moment)
    holidays, workdays = (frozenset(today + timedelta(it) for it in these) for these in (off, on))
    day, counted = today, 0
    while counted < waits:
        day += timedelta(days=1)
        weekend = day.strftime("%a") in ("Sat", "Sun")
        counted += day in workdays or not (weekend or day in holidays)
    calendar = Calendar(zone, time(6), holidays, workdays)
    assert calendar.after(moment, waits, working=True) == calendar.begin(day)


@pytest.mark.parametrize(
    ("moment", "waits", "working", "due"),
    [
        ("2026-03-02T15:00+08:00", 7, False, "2026-03-09T00:00+08:00"),
        ("2026-03-02T23:59+08:00", 1, False, "2026-03-03T00:00+08:00"),
        ("2026-03-06T15:00+08:00", 1, True, "2026-03-09T00:00+08:00"),
        ("2026-03-07T15:00+08:00", 1, True, "2026-03-09T00:00+08:00"),
        ("2026-09-25T15:00+08:00", 1, True, "2026-09-27T00:00+08:00"),  # a Sunday that is worked
        ("2026-09-30T15:00+08:00", 1, True, "2026-10-08T00:00+08:00"),  # the week of the national holiday
        ("2026-09-30T15:00+08:00", 3, True, "2026-10-10T00:00+08:00"),  # a Saturday that is worked
        ("2026-09-30T15:00+08:00", 3, False, "2026-10-03T00:00+08:00"),
        ("2026-03-02T15:00+08:00", 0, True, "2026-03-02T15:00+08:00"),
    ],
)
def test_days_as_people_count_them(moment: str, waits: int, *, working: bool, due: str) -> None:
    assert SHANGHAI.after(at(moment), waits, working=working) == at(due)


def test_before_the_cut_it_is_still_the_day_before() -> None:
    calendar = Calendar(ZoneInfo("Asia/Shanghai"), time(6))
    assert calendar.after(at("2026-03-02T05:59+08:00"), 1, working=False) == at("2026-03-02T06:00+08:00")
    assert calendar.after(at("2026-03-02T06:00+08:00"), 1, working=False) == at("2026-03-03T06:00+08:00")


@pytest.mark.parametrize("zone", ZONES)
def test_what_is_said_to_be_as_old_as_the_calendar_is_long_over(zone: str) -> None:
    calendar = Calendar(ZoneInfo(zone), time(0))
    for working in (False, True):
        assert calendar.after(datetime.min.replace(tzinfo=UTC), 365, working=working) < at("1903-01-01T00:00Z")


def test_a_calendar_without_working_days_is_a_mistake() -> None:
    never = Calendar(
        ZoneInfo("UTC"), time(0), holidays=frozenset(date(2026, 1, 1) + timedelta(d) for d in range(5_000))
    )
    with pytest.raises(ValueError, match="no 1 working days"):
        never.after(at("2026-01-01T00:00Z"), 1, working=True)
