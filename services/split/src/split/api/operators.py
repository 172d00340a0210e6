"""What operators' requests have in common: who, why, a key that makes a repeat one, and how a no is answered."""

from typing import Annotated, Final

from fastapi import Header
from pydantic import BaseModel, ConfigDict, Field

from shared.http import Problem, parameter
from shared.ids import EXTERNAL_ID_PATTERN
from shared.messages.models.contract import Label
from split.domain.refusals import Reason, Refused

STATUSES: Final[dict[Reason, int]] = {"approval_unknown": 404}
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
        Problem: it was refused; 404 where there is no such thing, else 409.

    """
    if isinstance(answer, Refused):
        raise Problem(STATUSES.get(answer.reason, 409), answer.reason, answer.detail)
    return answer
