"""The routes of a marketplace's rules: stating a version, the one in force, and all that were ever stated."""

from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from shared.clock import Clock
from shared.http import PAGE_ITEMS, Cursor, Limit, Problem, cursor_of, key_of, marketplace_of
from shared.marketplaces import Marketplaces
from shared.messages.models import asked
from shared.messages.models.contract import ExternalId, Timestamp, listed, unstated
from split.api.operators import IdempotencyKey, Operation, done
from split.domain.rulesets import RULES_MAX, MarketplaceRule, Stated
from split.handlers.rules import RuleHandlers, Shown, Wish, shown
from split.store.rulesets import Rulesets, rules_of

Number = Annotated[int, Path(ge=1, le=2**31, description="of the version")]


class RuleBody(asked.Rule):
    """What the platform takes of the lines that keep every condition stated; a condition left out is none."""

    merchant: ExternalId | None = unstated(None)
    """Only lines of this merchant."""


class RuleSetRequest(Operation):
    """Rules to be in force from a moment on, whole: what is not named is not so."""

    effective_from: Annotated[
        Timestamp, Field(description="first moment in force; what is in force is replaced only after the lead time")
    ]
    effective_to: Annotated[
        Timestamp | None, Field(description="first moment no longer in force; null: until the next version begins")
    ] = None
    rules: Annotated[tuple[RuleBody, ...], listed(0, RULES_MAX)]

    def stated(self) -> Stated:
        """Return them as the domain knows them, times to the millisecond as MongoDB keeps them."""
        rules = tuple(msgspec.convert(it.model_dump(), MarketplaceRule) for it in self.rules)
        end = None if self.effective_to is None else _millisecond(self.effective_to)
        return Stated(_millisecond(self.effective_from), end, rules)


class RuleSetSummary(BaseModel):
    """A version without its rules."""

    version: int
    announced_at: datetime
    effective_from: datetime
    effective_to: Annotated[
        datetime | None, Field(description="when it really ends: its own end or the next version's")
    ]
    actor: str
    reason: str
    rules_count: int


class RuleSetAnswer(RuleSetSummary):
    """A version with its rules."""

    rules: list[RuleBody]


class RuleSetPage(BaseModel):
    """The version in force now, and versions in the order in which they were stated."""

    current: Annotated[int | None, Field(description="the version in force; null where none is")]
    versions: list[RuleSetSummary]
    next_cursor: str | None


def routes(handlers: RuleHandlers, rulesets: Rulesets, clock: Clock, marketplaces: Marketplaces) -> APIRouter:
    """Return the routes over these."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}/rules", tags=["rules"])

    @router.post("", status_code=201, responses={200: {"model": RuleSetAnswer, "description": "stated before"}})
    async def post_rules(
        marketplace: str, body: RuleSetRequest, idempotency_key: IdempotencyKey, response: Response
    ) -> RuleSetAnswer:
        """State the next version: 201; a repeat of the key is answered 200. Orders already split keep what they have.

        Rules that could tie are refused with both named. Where none are in force they may begin at any past time.
        """
        tenant = marketplace_of(marketplaces, marketplace)
        wish = Wish(
            marketplace=tenant.id, stated=body.stated(), actor=body.actor, reason=body.reason, key=idempotency_key
        )
        answer = done(await handlers.state(wish))
        response.status_code = 201 if answer.made else 200
        return _answer(answer)

    @router.get("")
    async def list_rules(marketplace: str, cursor: Cursor = None, limit: Limit = PAGE_ITEMS) -> RuleSetPage:
        """Say which version is in force now, and list all that were ever stated."""
        tenant = marketplace_of(marketplaces, marketplace)
        (after,) = key_of(cursor, int) or (0,)
        found = shown(await rulesets.known(tenant.id))
        left = [it for it in found if it.version.number > after]
        more = cursor_of(left[limit - 1].version.number) if len(left) > limit else None
        current = next((it.version.number for it in found if _is_in_force(it, clock.now())), None)
        return RuleSetPage(current=current, versions=[_summary(it) for it in left[:limit]], next_cursor=more)

    @router.get("/{number}")
    async def get_rules(marketplace: str, number: Number) -> RuleSetAnswer:
        """Return one version with its rules."""
        tenant = marketplace_of(marketplaces, marketplace)
        for it in shown(await rulesets.known(tenant.id)):
            if it.version.number == number:
                return _answer(it)
        raise Problem(404, "rules_unknown", f"there is no version {number} of the rules")

    return router


def _is_in_force(it: Shown, now: datetime) -> bool:
    return it.version.effective_from <= now and (it.effective_to is None or now < it.effective_to)


def _fields(it: Shown) -> dict[str, object]:
    rules = rules_of(it.body)
    known = {name: getattr(it.version, name) for name in ("announced_at", "effective_from", "actor", "reason")}
    return known | {
        "version": it.version.number,
        "effective_to": it.effective_to,
        "rules_count": len(rules),
        "rules": msgspec.to_builtins(rules),
    }


def _summary(it: Shown) -> RuleSetSummary:
    return RuleSetSummary.model_validate(_fields(it))


def _answer(it: Shown) -> RuleSetAnswer:
    return RuleSetAnswer.model_validate(_fields(it))


def _millisecond(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)
