"""The routes of bound receivers: bind, unbind, and who is bound. A real name is never taken, only a hash of it."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from shared.http import PAGE_ITEMS, Cursor, Limit, Problem, cursor_of, key_of, marketplace_of, parameter
from shared.ids import EXTERNAL_ID_PATTERN
from shared.marketplaces import Marketplaces
from shared.messages.models.contract import Label, Timestamp
from shared.profiles import Profile
from shared.profiles.profile import ReceiverKind
from split.api.operators import IdempotencyKey, Operation, done
from split.domain.bindings import Binding, Change, Consent, Place, Relation, State, Terms
from split.handlers.receivers import ReceiverHandlers, Wish
from split.store.receivers import Receivers

RECEIVER_PATTERN: Final = r"^(?:merchant:[!-.0-~]{1,64}|platform:(?:commission|fee|tax))$"
NAME_HASH_PATTERN: Final = r"^[0-9a-f]{64}$"

External = parameter(EXTERNAL_ID_PATTERN)
MerchantId = Annotated[str, Path(pattern=External, description="who collects, and whose payments are split")]
ProfileName = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$", description="the channel's profile")]
Account = Annotated[str, Path(pattern=External, description="the channel account")]
Receiver = Annotated[str, Path(pattern=RECEIVER_PATTERN, description="`merchant:<id>`, or an account of the platform")]


class ConsentBody(BaseModel):
    """That the receiver agreed to be bound."""

    model_config = ConfigDict(extra="forbid", regex_engine="python-re")

    actor: Annotated[Label, Field(description="who gave it")]
    at: Annotated[Timestamp, Field(description="when; RFC 3339 with an offset")]
    reference: Annotated[Label | None, Field(description="where it can be seen, such as a file number")] = None


class BindRequest(Operation):
    """Who a receiver is, and by whose consent it is bound."""

    kind: Annotated[ReceiverKind, Field(description="an account of a merchant, or of a person")]
    relation: Annotated[Relation, Field(description="what it is to the merchant")]
    relation_name: Annotated[Label | None, Field(description="a `custom` relation in words")] = None
    name_hash: Annotated[
        str | None, Field(pattern=NAME_HASH_PATTERN, description="HMAC-SHA-256 of the real name, hexadecimal")
    ] = None
    consent: ConsentBody


class BindingAnswer(BaseModel):
    """A receiver as it is bound, or was."""

    merchant: str
    channel_profile: str
    channel_account: str
    receiver: str
    state: State
    kind: ReceiverKind
    relation: Relation
    relation_name: str
    name_hash: Annotated[str, Field(description="empty where none was given")]
    consent_actor: str
    consent_at: datetime
    consent_reference: str


class ChangeAnswer(BaseModel):
    """One binding or unbinding, as it was made."""

    change_id: str
    merchant: str
    channel_profile: str
    channel_account: str
    receiver: str
    state: Annotated[State, Field(description="what it made of the receiver")]
    actor: str
    reason: str
    at: datetime


class BindingPage(BaseModel):
    """Bindings in order of profile, account and receiver."""

    items: list[BindingAnswer]
    next_cursor: str | None


def routes(handlers: ReceiverHandlers, receivers: Receivers, marketplaces: Marketplaces) -> APIRouter:
    """Return the routes over these."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}/merchants/{merchant}/receivers", tags=["operators"])
    one = "/{channel_profile}/{channel_account}/{receiver}"

    def place_of(marketplace: str, merchant: str, profile: str, account: str, receiver: str) -> tuple[Place, Profile]:
        tenant, found = marketplace_of(marketplaces, marketplace), receivers.profiles.find(profile)
        if found is None or not tenant.owns(profile, account):
            raise Problem(404, "channel_account_unknown", f"{tenant.id} has no account {account!r} at {profile}")
        return Place(tenant.id, merchant, profile, account, receiver), found

    @router.put(one)
    async def bind_receiver(
        marketplace: str,
        merchant: MerchantId,
        channel_profile: ProfileName,
        channel_account: Account,
        receiver: Receiver,
        body: BindRequest,
        idempotency_key: IdempotencyKey,
    ) -> ChangeAnswer:
        """Bind a receiver, or state anew who it is. Orders that waited for it are looked at behind the answer."""
        place, profile = place_of(marketplace, merchant, channel_profile, channel_account, receiver)
        wish = Wish(place=place, terms=_terms(body), actor=body.actor, reason=body.reason, key=idempotency_key)
        return _made(done(await handlers.change(wish, profile)))

    @router.post(f"{one}/unbind")
    async def unbind_receiver(
        marketplace: str,
        merchant: MerchantId,
        channel_profile: ProfileName,
        channel_account: Account,
        receiver: Receiver,
        body: Operation,
        idempotency_key: IdempotencyKey,
    ) -> ChangeAnswer:
        """Unbind a receiver: no later split names it. What was split to it before can still be taken back."""
        place, profile = place_of(marketplace, merchant, channel_profile, channel_account, receiver)
        wish = Wish(place=place, terms=None, actor=body.actor, reason=body.reason, key=idempotency_key)
        return _made(done(await handlers.change(wish, profile)))

    @router.get("")
    async def list_receivers(
        marketplace: str, merchant: MerchantId, cursor: Cursor = None, limit: Limit = PAGE_ITEMS
    ) -> BindingPage:
        """List the receivers that a merchant has bound, those that it has unbound since included."""
        tenant = marketplace_of(marketplaces, marketplace)
        after = key_of(cursor, str, str, str)
        place = Place(tenant.id, merchant, *after).key if after else None
        found = await receivers.page(tenant.id, merchant, place, limit + 1)
        page = found[:limit]
        last = page[-1].place if page else None
        more = cursor_of(last.profile, last.account, last.receiver) if last and len(found) > limit else None
        return BindingPage(items=[_shown(it) for it in page], next_cursor=more)

    return router


def _terms(body: BindRequest) -> Terms:
    at = body.consent.at
    return Terms(
        kind=body.kind,
        relation=body.relation,
        relation_name=body.relation_name or "",
        name_hash=body.name_hash or "",
        consent=Consent(
            actor=body.consent.actor,
            at=at.replace(microsecond=at.microsecond // 1_000 * 1_000),  # as MongoDB keeps it
            reference=body.consent.reference or "",
        ),
    )


def _made(change: Change) -> ChangeAnswer:
    place = change.place
    return ChangeAnswer(
        change_id=change.change_id,
        merchant=place.merchant,
        channel_profile=place.profile,
        channel_account=place.account,
        receiver=place.receiver,
        state=change.state,
        actor=change.actor,
        reason=change.reason,
        at=change.at,
    )


def _shown(binding: Binding) -> BindingAnswer:
    place, terms = binding.place, binding.terms
    fields = {name: getattr(terms, name) for name in ("kind", "relation", "relation_name", "name_hash")}
    return BindingAnswer.model_validate(
        {
            "merchant": place.merchant,
            "channel_profile": place.profile,
            "channel_account": place.account,
            "receiver": place.receiver,
            "state": binding.state,
            "consent_actor": terms.consent.actor,
            "consent_at": terms.consent.at,
            "consent_reference": terms.consent.reference,
            **fields,
        }
    )
