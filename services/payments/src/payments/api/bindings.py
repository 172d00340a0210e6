"""Bindings over HTTP: how they stand, and what a merchant answers. Of a bank account, four characters are shown."""

from datetime import datetime
from typing import Annotated, Final, Literal, Self

from fastapi import APIRouter, Header, Path
from pydantic import BaseModel, ConfigDict, Field

from payments.domain.bindings import ATTEMPTS_MAX
from payments.handlers.bindings import Answers
from payments.store.bindings import Bindings
from shared.http import PAGE_ITEMS, Cursor, Limit, Problem, cursor_of, key_of, marketplace_of, parameter
from shared.ids import EXTERNAL_ID_PATTERN
from shared.marketplaces import Marketplaces
from shared.messages.models.contract import Label
from shared.mongo import Document

BindingId = Annotated[str, Path(pattern=parameter(EXTERNAL_ID_PATTERN), description="as binding-requested named it")]
IdempotencyKey = Annotated[
    str,
    Header(pattern=parameter(EXTERNAL_ID_PATTERN), description="A repeat of it is answered as it stands now"),
]
INVALID: Final = frozenset({"answer_invalid"})


class BindingAnswer(BaseModel):
    """What the merchant says it was sent. `answer`: the deposit's amount in minor units, or the digits of the code."""

    model_config = ConfigDict(extra="forbid", regex_engine="python-re")

    answer: Annotated[str, Field(pattern=r"^[0-9]{1,8}(?!\n)$")]
    actor: Annotated[Label, Field(description="who says so")]


class BindingStatus(BaseModel):
    """How a binding stands. `attempts_left`: how often the merchant may still answer."""

    binding_id: str
    merchant: str
    requested: int
    revision: int
    state: Literal["requested", "verifying", "succeeded", "failed"]
    reason: str | None
    method: Literal["micro_deposit", "code", "none"]
    channel_profile: str
    channel_account: str
    name: str
    last_four: str
    token: str | None
    attempts_left: int
    answer_under_way: bool
    expires_at: datetime | None
    requested_at: datetime

    @classmethod
    def of(cls, it: Document) -> Self:
        """Return a stored binding."""
        left = max(0, ATTEMPTS_MAX - it["attempts"]) if it["state"] == "verifying" else 0
        return cls.model_validate(it | {"attempts_left": left, "answer_under_way": it["answering"] is not None})


class BindingList(BaseModel):
    """A page of them."""

    items: list[BindingStatus]
    next_cursor: str | None = None


def routes(answers: Answers, bindings: Bindings, marketplaces: Marketplaces) -> APIRouter:
    """Return the routes of bindings."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}/bindings")

    async def show(marketplace: str, binding_id: str) -> BindingStatus:
        found = await bindings.show(f"{marketplace}/{binding_id}")
        if found is None:
            raise Problem(404, "binding_unknown", f"no binding {binding_id!r} has been requested")
        return BindingStatus.of(found)

    @router.get("")
    async def list_bindings(marketplace: str, cursor: Cursor = None, limit: Limit = PAGE_ITEMS) -> BindingList:
        """List the bindings of a marketplace."""
        marketplace_of(marketplaces, marketplace)
        (after,) = key_of(cursor, str) or ("",)
        found = await bindings.of_marketplace(marketplace, after, limit)
        following = cursor_of(found[-1]["_id"]) if len(found) == limit else None
        return BindingList(items=[BindingStatus.of(it) for it in found], next_cursor=following)

    @router.get("/{binding_id}")
    async def show_binding(marketplace: str, binding_id: BindingId) -> BindingStatus:
        """Show how a binding stands."""
        marketplace_of(marketplaces, marketplace)
        return await show(marketplace, binding_id)

    @router.post("/{binding_id}/verify", status_code=202)
    async def verify_binding(
        marketplace: str, binding_id: BindingId, answer: BindingAnswer, idempotency_key: IdempotencyKey
    ) -> BindingStatus:
        """Hand on what the merchant says it was sent. What the institution thinks of it is shown by the binding."""
        marketplace_of(marketplaces, marketplace)
        key = f"{marketplace}/{binding_id}"
        taken = await answers.answer(key, answer.answer, idempotency_key, answer.actor)
        if isinstance(taken, str):
            raise Problem(422 if taken in INVALID else 409, taken)
        return await show(marketplace, binding_id)

    return router
