"""What operators' requests have in common: who, why, a key that makes a repeat one, and how a no is answered."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import Header
from pydantic import BaseModel, ConfigDict, Field

from shared.http import Problem, cursor_of, key_of, parameter
from shared.ids import EXTERNAL_ID_PATTERN
from shared.messages.models.contract import Label
from split.domain.refusals import INVALID, Reason, Refused

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)
STATUSES: Final[dict[Reason, int]] = {
    "approval_unknown": 404,
    "channel_account_unknown": 404,
    "freeze_unknown": 404,
    "leg_unknown": 404,
    "order_unknown": 404,
    "receiver_unknown": 404,
    "refund_unknown": 404,
    "amount_out_of_range": 422,
    "binding_not_needed": 422,
    "consent_in_future": 422,
    "direction_differs": 422,
    "profile_pays_orders_only": 422,
    "receiver_is_the_merchant": 422,
    "relation_unnamed": 422,
    **dict.fromkeys(INVALID, 422),
}
"""What is not here is 409."""

IdempotencyKey = Annotated[
    str,
    Header(pattern=parameter(EXTERNAL_ID_PATTERN), description="A repeat of it is answered as the first was"),
]


class Operation(BaseModel):
    """Who does something by hand, and why; both are kept with what it did."""

    model_config = ConfigDict(extra="forbid", regex_engine="python-re")

    actor: Annotated[Label, Field(description="who does it")]
    reason: Annotated[Label, Field(description="why it is done")]


def done[T](answer: T | Refused) -> T:
    """Return what was done.

    Raises:
        Problem: it was refused; 404 where there is no such thing, 422 where it cannot be meant, else 409.

    """
    if isinstance(answer, Refused):
        raise Problem(STATUSES.get(answer.reason, 409), answer.reason, answer.detail)
    return answer


def cursor_at(moment: datetime, key: str) -> str:
    """Return a cursor that continues after this time and key."""
    return cursor_of((moment - EPOCH) // MILLISECOND, key)


def place_of(cursor: str | None) -> tuple[datetime, str] | None:
    """Return the time and key in a cursor; None for the first page.

    Raises:
        Problem: 422, it is not a cursor of such a listing.

    """
    key = key_of(cursor, int, str)
    if key is None:
        return None
    try:
        return EPOCH + key[0] * MILLISECOND, key[1]
    except OverflowError:
        raise Problem(422, "cursor_invalid", "use next_cursor of the page before, or none") from None
