"""What lines wait for: the same facts in any order give the same answer, and time and progress only ever help."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.split.examples import PAID_AT

from split.domain.calendars import Calendar
from split.domain.holds import (
    FREEZES_MAX,
    LINES_NAMED_MAX,
    NO_FACTS,
    PROGRESS_MAX,
    RELEASES_MAX,
    Facts,
    Freeze,
    Hold,
    Progress,
    Release,
    fitting,
    frozen,
    progressed,
    released,
)
from split.domain.readiness import Readiness, readiness, waits

CALENDAR = Calendar(ZoneInfo("Asia/Shanghai"), time(0))
LINES = ("l1", "l2", "l3")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

some_lines = st.one_of(st.just(()), st.lists(st.sampled_from(LINES), min_size=1, unique=True).map(tuple))
moments = st.integers(-48, 24 * 20).map(lambda hours: PAID_AT + hours * HOUR)
triggers = st.sampled_from(("paid", "shipped", "delivered", "completed"))
waiting = st.builds(Hold, trigger=triggers, days=st.integers(0, 5), working=st.booleans())
news_of_goods = st.builds(
    Progress,
    kind=st.sampled_from(("shipped", "delivered", "completed", "cancelled")),
    progress_id=st.sampled_from("abcdef"),
    line_ids=some_lines,
    occurred_at=moments,
    hash=st.just("h"),
)
helpful = news_of_goods.filter(lambda it: it.kind != "cancelled")
news_of_cases = st.builds(
    Freeze,
    owner=st.sampled_from(("case:1", "case:2", "operator:f")),
    revision=st.integers(1, 4),
    open=st.booleans(),
    reason=st.just("why"),
    line_ids=some_lines,
    expires_at=st.one_of(st.none(), moments),
    hash=st.just("h"),
)
news_of_hands = st.builds(Release, approval_id=st.sampled_from("xy"), line_ids=some_lines, at=moments)
type News = Progress | Freeze | Release


def identity(it: News) -> tuple[str, object]:
    match it:
        case Progress():
            return "goods", it.identity
        case Freeze():
            return "case", (it.owner, it.revision)
        case Release():
            return "hand", it.approval_id


some_news = st.lists(
    st.one_of(news_of_goods, news_of_cases, news_of_hands),
    max_size=12,
    unique_by=identity,
)


def known(news: Sequence[News], facts: Facts = NO_FACTS) -> Facts:
    """Fold events in the order in which they came."""
    for it in news:
        match it:
            case Progress():
                after = progressed(facts, it)
            case Freeze():
                after = frozen(facts, it)
            case Release():
                after = released(facts, it)
        assert isinstance(after, Facts)
        facts = after
    return facts


def ready(hold: Hold, facts: Facts, now: datetime) -> Readiness:
    return readiness(hold, LINES, PAID_AT, facts, (), CALENDAR, now)


def shipped(*lines: str, number: str = "s1", at: datetime = PAID_AT + HOUR, kind: str = "shipped") -> Progress:
    fields = {"kind": kind, "progress_id": number, "line_ids": lines, "occurred_at": at, "hash": f"{lines}"}
    return msgspec.convert(fields, Progress)


def case(revision: int = 1, *lines: str, closed: bool = False, until: datetime | None = None) -> Freeze:
    return Freeze(
        owner="case:1",
        revision=revision,
        open=not closed,
        reason="broken",
        line_ids=lines,
        expires_at=until,
        hash=f"{revision}{lines}{closed}{until}",
    )


@given(st.data(), waiting, some_news, moments)
def test_events_in_any_order_and_again_give_the_same_answer(
    data: st.DataObject, hold: Hold, news: list[News], now: datetime
) -> None:
    other = data.draw(
        st.permutations(news + data.draw(st.lists(st.sampled_from(news), max_size=5) if news else st.just([])))
    )
    assert ready(hold, known(news), now) == ready(hold, known(other), now)


@given(waiting, some_news, helpful, moments)
def test_progress_of_goods_never_takes_back_what_may_go(
    hold: Hold, news: list[News], more: Progress, now: datetime
) -> None:
    facts = known(news)
    if more.identity in {it.identity for it in facts.progress}:
        more = msgspec.structs.replace(more, progress_id="new")
    before, after = ready(hold, facts, now), ready(hold, known([more], facts), now)
    assert before.lines <= after.lines


@given(waiting, some_news, moments, moments)
def test_time_never_takes_back_what_may_go(hold: Hold, news: list[News], one: datetime, other: datetime) -> None:
    facts = known(news)
    assert ready(hold, facts, min(one, other)).lines <= ready(hold, facts, max(one, other)).lines


@given(waiting, some_news, moments)
def test_between_two_looks_nothing_changes(hold: Hold, news: list[News], now: datetime) -> None:
    """What time changes, it changes at `next_at`: who looks then, and not before, misses nothing."""
    facts = known(news)
    found = ready(hold, facts, now)
    until = found.next_at or now + 100 * DAY
    assert until > now
    for moment in (now + (until - now) / 2, until - timedelta(milliseconds=1)):
        later = ready(hold, facts, max(now, moment))
        assert (later.lines, later.reason, later.next_at) == (found.lines, found.reason, found.next_at)
    if found.next_at is not None:
        assert ready(hold, facts, found.next_at) != found


@given(waiting, some_news, moments, moments)
def test_a_freeze_that_ends_leaves_what_would_have_been_without_it(
    hold: Hold, news: list[News], until: datetime, now: datetime
) -> None:
    facts = known([it for it in news if not isinstance(it, Freeze)])
    for ended in (case(2, closed=True), case(2, until=min(until, now))):
        assert ready(hold, known([case(1), ended], facts), now) == ready(hold, facts, now)
    running = ready(hold, known([case(1, until=now + HOUR)], facts), now)
    assert running.lines == frozenset()
    assert running.reason in ("frozen:case:1", "cancelled")


def test_a_later_event_of_the_goods_fires_an_earlier_trigger() -> None:
    hold = Hold(trigger="shipped")
    for kind in ("shipped", "delivered", "completed"):
        assert ready(hold, known([shipped("l2", kind=kind)]), PAID_AT + DAY).lines == {"l2"}
    assert ready(Hold(trigger="completed"), known([shipped(kind="delivered")]), PAID_AT + DAY).lines == frozenset()


def test_an_event_that_names_no_line_is_of_all_lines() -> None:
    assert ready(Hold(trigger="shipped"), known([shipped()]), PAID_AT + DAY).lines == set(LINES)


def test_the_earliest_of_several_events_counts_whichever_came_first() -> None:
    hold = Hold(trigger="shipped", days=1)
    late, early = shipped("l1", number="late", at=PAID_AT + 5 * DAY), shipped("l1", number="early")
    for news in ([late, early], [early, late]):
        (found,) = waits(hold, ["l1"], PAID_AT, known(news), (), CALENDAR, PAID_AT + HOUR)
        assert found.due_at == datetime(2026, 3, 1, 16, tzinfo=UTC)  # the next day begins in Shanghai


def test_what_is_due_is_known_while_it_is_frozen_and_unknown_until_the_trigger_has_fired() -> None:
    hold = Hold(trigger="completed", days=7)
    facts = known([shipped("l1", kind="completed"), case(1, "l1"), shipped("l2")])
    first, second, _ = waits(hold, LINES, PAID_AT, facts, (), CALENDAR, PAID_AT + DAY)
    assert (first.reason, first.due_at) == ("frozen:case:1", datetime(2026, 3, 7, 16, tzinfo=UTC))
    assert first.look_at is None
    assert (second.reason, second.due_at, second.look_at) == ("awaiting_completed", None, None)


def test_a_line_that_was_called_off_never_goes_whatever_else_happened() -> None:
    facts = known([shipped(kind="completed"), shipped("l1", kind="cancelled"), case(1, "l1"), case(2, closed=True)])
    found = ready(Hold(trigger="completed"), facts, PAID_AT + 300 * DAY)
    assert found == Readiness(lines=frozenset({"l2", "l3"}), reason="cancelled")


def test_a_freeze_of_one_line_leaves_the_others_free() -> None:
    found = ready(Hold(trigger="paid"), known([case(1, "l2")]), PAID_AT)
    assert found == Readiness(lines=frozenset({"l1", "l3"}), reason="frozen:case:1")


def test_an_older_revision_that_comes_later_opens_nothing_again() -> None:
    facts = known([case(2, closed=True), case(1)])
    assert ready(Hold(trigger="paid"), facts, PAID_AT).reason == ""


def test_what_is_paid_at_once_does_not_wait_for_a_clock_that_is_behind() -> None:
    assert ready(Hold(trigger="paid"), known([shipped()]), PAID_AT - HOUR).lines == set(LINES)
    assert ready(Hold(trigger="paid", days=1), known([shipped()]), PAID_AT - HOUR).lines == frozenset()


def test_lines_that_two_people_let_go_need_no_trigger_and_no_days_but_freezes_hold_them() -> None:
    hold, later = Hold(trigger="completed", days=7), PAID_AT + DAY
    free = Release(approval_id="a", line_ids=("l1",), at=PAID_AT + HOUR)
    first, second, _ = waits(hold, LINES, PAID_AT, known([free]), (), CALENDAR, later)
    assert (first.reason, first.due_at) == ("", PAID_AT + HOUR)
    assert (second.reason, second.due_at) == ("awaiting_completed", None)
    assert ready(hold, known([free, case(1, "l1")]), later).lines == frozenset()
    assert ready(hold, known([free, shipped("l1", kind="cancelled")]), later).lines == frozenset()
    whole = Release(approval_id="b", line_ids=(), at=PAID_AT + HOUR)
    assert ready(hold, known([free, whole]), later).lines == set(LINES)
    assert ready(hold, known([whole, free]), PAID_AT).lines == frozenset()


def test_the_same_event_again_changes_nothing_and_another_body_under_its_id_is_refused() -> None:
    facts = known([shipped("l1"), case(1)])
    assert progressed(facts, shipped("l1")) is facts
    assert progressed(facts, shipped("l2")) == "progress_differs"
    assert frozen(facts, case(1)) is facts
    assert frozen(facts, case(1, "l1")) == "freeze_differs"
    other = msgspec.structs.replace(case(1), hash="another word in what no freeze keeps")
    assert frozen(facts, other) == "freeze_differs"


def test_no_order_keeps_more_than_a_document_holds() -> None:
    progress = tuple(shipped(number=str(number)) for number in range(PROGRESS_MAX))
    assert progressed(Facts(progress=progress), shipped(number="x")) == "progress_too_much"
    freezes = tuple(msgspec.structs.replace(case(), owner=str(number)) for number in range(FREEZES_MAX))
    assert frozen(Facts(freezes=freezes), case()) == "freezes_too_many"
    named = tuple(f"l{number}" for number in range(500))
    facts = Facts(progress=tuple(shipped(*named, number=str(number)) for number in range(LINES_NAMED_MAX // 500)))
    assert progressed(facts, shipped("l1", number="x")) == "progress_too_much"
    assert frozen(facts, case(1, "l1")) == "freezes_too_many"
    hand = Release(approval_id="x", line_ids=("l1",), at=PAID_AT)
    assert released(facts, hand) == "releases_too_many"
    hands = tuple(msgspec.structs.replace(hand, approval_id=str(number)) for number in range(RELEASES_MAX))
    assert released(Facts(released=hands), hand) == "releases_too_many"
    assert released(Facts(released=hands), hands[0]) == Facts(released=hands)
    assert isinstance(frozen(facts, case(1)), Facts)
    assert isinstance(progressed(facts, shipped(number="x")), Facts)


def test_a_newer_revision_takes_the_place_of_the_lines_that_the_older_named() -> None:
    named = tuple(f"l{number}" for number in range(LINES_NAMED_MAX))
    facts = known([case(1, *named)])
    assert isinstance(frozen(facts, case(2, *named)), Facts)


def test_what_came_before_its_order_is_kept_as_far_as_it_fits() -> None:
    facts = known([shipped("l1"), shipped("l1", "l9", number="s2"), case(1, "l9"), shipped(number="s3")])
    fits, misfits = fitting(facts, frozenset(LINES), "BRL")
    assert [it.progress_id for it in fits.progress] == ["s1", "s3"]
    assert [it.progress_id for it in misfits.progress] == ["s2"]
    assert (fits.freezes, misfits.freezes) == ((), (case(1, "l9"),))


def test_a_large_order_is_judged_in_time() -> None:
    """An order of 500 lines and 2,000 events is gone through once for triggers and once for what was called off."""
    times: list[int] = []

    class Counted(tuple[Progress, ...]):
        __slots__ = ()

        def __iter__(self) -> Iterator[Progress]:
            times.append(1)
            return super().__iter__()

    named = [f"l{number}" for number in range(500)]
    progress = Counted(shipped(named[n % 500], number=str(n), at=PAID_AT + n * HOUR) for n in range(PROGRESS_MAX))
    times.clear()
    found = waits(Hold(trigger="shipped"), named, PAID_AT, Facts(progress=progress), (), CALENDAR, PAID_AT)
    assert [it.due_at for it in found] == [PAID_AT + n * HOUR for n in range(500)]
    assert len(times) == 2
