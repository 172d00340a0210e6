"""News of goods and cases as upstream and aftersale publish them, for the tests of split."""

from datetime import datetime, timedelta
from typing import Any

from tests.split.examples import PAID_AT

from shared.messages import CaseChanged, OrderProgressed

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def progress(kind: Any = "shipped", *lines: str, number: str = "1", **fields: Any) -> OrderProgressed:  # noqa: ANN401 - any field of the event
    """Let goods of order 1 be shipped an hour after they were paid, all of them unless lines are named."""
    given: dict[str, Any] = {
        "marketplace": "test-a",
        "order_id": "1",
        "kind": kind,
        "progress_id": number,
        "line_ids": lines,
        "occurred_at": PAID_AT + HOUR,
    }
    return OrderProgressed(**(given | fields))


def case(
    revision: int = 1,
    *lines: str,
    state: Any = "opened",  # noqa: ANN401 - a literal
    until: datetime | None = None,
    **fields: Any,  # noqa: ANN401 - any field of the event
) -> CaseChanged:
    """Let a case of order 1 be opened, about all lines unless some are named."""
    given: dict[str, Any] = {
        "marketplace": "test-a",
        "order_id": "1",
        "case_id": "c",
        "revision": revision,
        "state": state,
        "line_ids": lines,
        "reason": "arrived broken",
        "expires_at": until,
        "changed_at": PAID_AT + HOUR,
    }
    return CaseChanged(**(given | fields))
