"""Routes of merchants and agreements."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Header, Response

from merchant.api.bodies import (
    AgreementPage,
    AgreementTerms,
    MerchantChange,
    MerchantChanges,
    MerchantFacts,
    MerchantId,
    MerchantItems,
    MerchantPage,
    MerchantShown,
    agreement_shown,
)
from merchant.domain.decisions import Reason, Refused
from merchant.domain.merchants import Decided, Draft, Facts
from merchant.handlers import MerchantHandlers
from merchant.handlers.merchants import NotChanged
from merchant.store.merchants import Merchants
from shared.http import PAGE_ITEMS, Cursor, Limit, Problem, cursor_of, key_of, marketplace_of, parameter, problem
from shared.ids import EXTERNAL_ID_PATTERN
from shared.marketplaces import Marketplaces
from shared.messages.models.merchant import Agreement

STATUSES: Final[dict[Reason, int]] = {
    "merchant_unknown": 404,
    "effective_from_taken": 409,
    "idempotency_key_reused": 409,
    "rules_tie": 409,
}
"""What is not here is 422."""

IdempotencyKey = Annotated[
    str | None,
    Header(pattern=parameter(EXTERNAL_ID_PATTERN), description="Repeated: the version that it made is the answer"),
]


def change_routes(router: APIRouter, change: MerchantHandlers, marketplaces: Marketplaces) -> None:
    """Add the routes that change something."""

    async def changed(marketplace: str, draft: Draft) -> Decided:
        answer = await change.change(marketplace_of(marketplaces, marketplace), [draft])
        if isinstance(answer, NotChanged):
            _, refused = answer.refused[0]
            raise Problem(STATUSES.get(refused.reason, 422), refused.reason, refused.detail)
        return answer[0]

    @router.put("/merchants/{merchant}")
    async def put_merchant(marketplace: str, merchant: MerchantId, body: MerchantFacts) -> MerchantShown:
        """Create a merchant, or describe it anew. The same again changes nothing and makes no version."""
        decided = await changed(marketplace, Draft(merchant, body.facts()))
        return MerchantShown.of(decided.merchant)

    @router.post("/merchants/{merchant}/agreements", status_code=201, responses={200: {"description": "stated before"}})
    async def post_agreement(
        marketplace: str,
        merchant: MerchantId,
        body: AgreementTerms,
        response: Response,
        idempotency_key: IdempotencyKey = None,
    ) -> Agreement:
        """State a new version of the agreement: 201; a repeat is answered 200 with the version that says the same."""
        decided = await changed(marketplace, Draft(merchant, terms=body.terms(), key=idempotency_key))
        response.status_code = 201 if decided.changed else 200
        return agreement_shown(decided)

    @router.post("/merchants:batch", response_model=MerchantChanges)
    async def post_merchants(marketplace: str, body: MerchantItems) -> MerchantChanges | Response:
        """Create or change many merchants with their agreements in one transaction: all, or none with every reason."""
        drafts = [
            Draft(it.merchant, Facts(it.name, it.kind), it.agreement.terms() if it.agreement else None)
            for it in body.merchants
        ]
        answer = await change.change(marketplace_of(marketplaces, marketplace), drafts)
        if isinstance(answer, NotChanged):
            return _refused(drafts, answer.refused)
        return MerchantChanges(merchants=[MerchantChange.of(it) for it in answer])


def read_routes(router: APIRouter, merchants: Merchants, marketplaces: Marketplaces) -> None:
    """Add the routes that only show something."""

    @router.get("/merchants")
    async def list_merchants(marketplace: str, cursor: Cursor = None, limit: Limit = PAGE_ITEMS) -> MerchantPage:
        """List the merchants of a marketplace in order of their ids."""
        marketplace_of(marketplaces, marketplace)
        (after,) = key_of(cursor, str) or ("",)
        found = await merchants.page(marketplace, after, limit + 1)
        shown = [MerchantShown.model_validate(it) for it in found[:limit]]
        return MerchantPage(merchants=shown, next_cursor=cursor_of(shown[-1].merchant) if len(found) > limit else None)

    @router.get("/merchants/{merchant}")
    async def show_merchant(marketplace: str, merchant: MerchantId) -> MerchantShown:
        """Show one merchant."""
        marketplace_of(marketplaces, marketplace)
        found = await merchants.show(marketplace, merchant)
        if found is None:
            raise _unknown(merchant)
        return MerchantShown.model_validate(found)

    @router.get("/merchants/{merchant}/agreements")
    async def list_agreements(
        marketplace: str, merchant: MerchantId, cursor: Cursor = None, limit: Limit = PAGE_ITEMS
    ) -> AgreementPage:
        """List all versions of a merchant's agreement, each with the end that it really has."""
        marketplace_of(marketplaces, marketplace)
        (after,) = key_of(cursor, int) or (0,)
        found = await merchants.show(marketplace, merchant)
        if found is None:
            raise _unknown(merchant)
        left = [it for it in found["agreements"] if it["version"] > after]
        shown = [Agreement.model_validate(it) for it in left[:limit]]
        return AgreementPage(agreements=shown, next_cursor=cursor_of(shown[-1].version) if len(left) > limit else None)


def _unknown(merchant: str) -> Problem:
    return Problem(404, "merchant_unknown", f"there is no merchant {merchant}")


def _refused(drafts: Sequence[Draft], refused: Sequence[tuple[int, Refused]]) -> Response:
    """Return the answer to a request of which items are refused: the first one's reason, and each one's place."""
    first_at, first = refused[0]
    status = max(STATUSES.get(it.reason, 422) for _, it in refused)
    detail = f"{len(refused)} of {len(drafts)} refused, nothing changed; {drafts[first_at].merchant}: {first.detail}"
    errors = [{"field": f"merchants.{at}", "message": f"{it.reason}: {it.detail}"} for at, it in refused]
    return problem(status, first.reason, detail, errors)
