"""The bodies of requests and answers, and how they are read, written and documented. No route is here."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import Path, Query, Request, Response

from sandbox.domain.books import ITEMS_MAX, Id, Part, Reason, Receiver
from sandbox.domain.faults import Faults
from sandbox.domain.movements import Movement, MovementAnswer, MovementFound
from sandbox.domain.payments import Fund, Payment, PaymentAnswer, PaymentFound
from sandbox.domain.transfers import Transfer, TransferAnswer, TransferFound
from sandbox.problems import Problem

BODY_BYTES_MAX: Final = 1_048_576
PAGE_ITEMS_MAX: Final = 1_000
_SCHEMAS: Final = "#/components/schemas/{name}"

Account = Annotated[str, Path(pattern=r"^[!-.0-~]{1,64}$", description="the channel account, as the caller names it")]
Cursor = Annotated[str, Query(pattern=r"^[!-~]{0,160}$", description="`next_cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=PAGE_ITEMS_MAX)]


class PaymentBatch(Part, frozen=True, kw_only=True, gc=False):
    """Payments to take."""

    payments: Annotated[tuple[Payment, ...], msgspec.Meta(max_length=ITEMS_MAX)]


class PaymentAnswers(Part, frozen=True, kw_only=True, gc=False):
    """One answer for each payment, in the same order."""

    payments: list[PaymentAnswer]


class PaymentQuery(Part, frozen=True, kw_only=True, gc=False):
    """Payments asked for."""

    payment_ids: Annotated[tuple[Id, ...], msgspec.Meta(max_length=ITEMS_MAX)]


class PaymentsFound(Part, frozen=True, kw_only=True, gc=False):
    """What is known of payments; `next_cursor` is there on a page that is not the last."""

    payments: list[PaymentFound]
    next_cursor: str | msgspec.UnsetType | None = msgspec.UNSET


class FundAnswer(Fund, frozen=True, kw_only=True, gc=False):
    """A deposit that was taken."""

    state: str = "succeeded"


class TransferBatch(Part, frozen=True, kw_only=True, gc=False):
    """Transfers to execute in order. `profile`: the product that the caller takes the account to be under."""

    transfers: Annotated[tuple[Transfer, ...], msgspec.Meta(max_length=ITEMS_MAX)]
    profile: Id | None = None


class TransferAnswers(Part, frozen=True, kw_only=True, gc=False):
    """One answer for each transfer, in the same order."""

    transfers: list[TransferAnswer]


class TransferQuery(Part, frozen=True, kw_only=True, gc=False):
    """Transfers asked for."""

    numbers: Annotated[tuple[Id, ...], msgspec.Meta(max_length=ITEMS_MAX)]


class ReturnBatch(Part, frozen=True, kw_only=True, gc=False):
    """Payouts that their receivers' banks return, and why."""

    numbers: Annotated[tuple[Id, ...], msgspec.Meta(max_length=ITEMS_MAX)]
    reason: Reason = "returned"


class TransfersFound(Part, frozen=True, kw_only=True, gc=False):
    """What is known of transfers; `next_cursor` is there on a page that is not the last."""

    transfers: list[TransferFound]
    next_cursor: str | msgspec.UnsetType | None = msgspec.UNSET


class PocketBalance(Part, frozen=True, kw_only=True, gc=False):
    """What is in a pocket."""

    pocket: str
    currency: str
    balance_minor: int


class Pockets(Part, frozen=True, kw_only=True, gc=False):
    """The account's own pockets; receivers are not among them."""

    pockets: list[PocketBalance]


class Law(Part, frozen=True, kw_only=True, gc=False):
    """What does not add up in an account's books; nothing, where all is well."""

    broken: list[str]


class ReceiverBalance(Part, frozen=True, kw_only=True, gc=False):
    """What a receiver got."""

    receiver: str
    currency: str
    balance_minor: int


class Receivers(Part, frozen=True, kw_only=True, gc=False):
    """What receivers got."""

    receivers: list[ReceiverBalance]
    next_cursor: str | None


class AccountBody(Part, frozen=True, kw_only=True, gc=False):
    """The product that an account is opened under."""

    profile: Id


class AccountFound(Part, frozen=True, kw_only=True, gc=False):
    """An account. `opened`: false for one that nobody has opened or used yet."""

    account: str
    profile: str
    opened: bool


class BoundReceiver(Part, frozen=True, kw_only=True, gc=False):
    """Who may receive of what a merchant collects; no merchant: of what any merchant of the account does."""

    receiver: Receiver
    kind: Literal["merchant", "person"] = "merchant"
    merchant: Id | None = None


class BoundBatch(Part, frozen=True, kw_only=True, gc=False):
    """Receivers to bind, or to let go."""

    receivers: Annotated[tuple[BoundReceiver, ...], msgspec.Meta(max_length=ITEMS_MAX)]


class CapBody(Part, frozen=True, kw_only=True, gc=False):
    """The most that is split off of what a merchant (none: any) collects, in basis points of a payment."""

    merchant: Id | None = None
    cap_bp: Annotated[int, msgspec.Meta(ge=1, le=10_000)]


class CallbackBody(Part, frozen=True, kw_only=True, gc=False):
    """Where callbacks of an account go."""

    url: Annotated[str, msgspec.Meta(pattern=r"^https?://[!-~]{1,500}(?!\n)$")]


class CallbacksFound(Part, frozen=True, kw_only=True, gc=False):
    """Where callbacks go, and how many nobody has taken yet."""

    url: str | None
    waiting: int


class SheetConfirmation(Part, frozen=True, kw_only=True, gc=False):
    """Which transfers of the sheet people carried out, or could not, and why not."""

    numbers: Annotated[tuple[Id, ...], msgspec.Meta(max_length=ITEMS_MAX)]
    done: bool
    reason: Reason | None = None


class MovementBatch(Part, frozen=True, kw_only=True, gc=False):
    """Movements to let happen in order."""

    movements: Annotated[tuple[Movement, ...], msgspec.Meta(max_length=ITEMS_MAX)]


class MovementAnswers(Part, frozen=True, kw_only=True, gc=False):
    """One answer for each movement, in the same order."""

    movements: list[MovementAnswer]


class MovementsFound(Part, frozen=True, kw_only=True, gc=False):
    """Movements in the order in which they happened. `next_cursor` leads behind the last; none where there was none."""

    movements: list[MovementFound]
    next_cursor: str | None


class ClockBody(Part, frozen=True, kw_only=True, gc=False):
    """How far the institution's clock is ahead of the real time, in seconds."""

    ahead_s: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]


class Registration(Part, frozen=True, kw_only=True, gc=False):
    """Whose the money in suspense is."""

    merchant: Id


_DOCUMENTED: Final = (
    AccountBody, AccountFound, BoundBatch, CapBody, MovementBatch, MovementAnswers, MovementsFound, MovementFound,
    Registration, ClockBody, Law, CallbackBody, CallbacksFound, SheetConfirmation,
    PaymentBatch, PaymentAnswers, PaymentQuery, PaymentsFound, Fund, FundAnswer, TransferBatch, TransferAnswers,
    TransferQuery, ReturnBatch, TransfersFound, Pockets, Receivers, Faults,
)  # fmt: skip


def schemas(others: Iterable[type[Part]] = ()) -> dict[str, Any]:
    """Return the JSON Schemas of every body, for the OpenAPI document."""
    return msgspec.json.schema_components([*_DOCUMENTED, *others], ref_template=_SCHEMAS)[1]


def documented(answer: type[Part], body: type[Part] | None = None) -> dict[str, Any]:
    """Return what OpenAPI says about the bodies of one route."""
    said: dict[str, Any] = {"responses": {"200": {"description": "Done", "content": _content(answer)}}}
    if body is not None:
        said["requestBody"] = {"required": True, "content": _content(body)}
    return said


def _content(body: type[Part]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _SCHEMAS.format(name=body.__name__)}}}


async def read[B](request: Request, decoder: msgspec.json.Decoder[B]) -> B:
    """Return the body of a request.

    Raises:
        Problem: it is too large, no JSON, or not what this route takes.

    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            detail = f"a body has at most {BODY_BYTES_MAX} bytes"
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", detail)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "body_invalid", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "body_not_json", str(error)) from None


def write(answer: Part) -> Response:
    """Return an answer as JSON."""
    return Response(msgspec.json.encode(answer), media_type="application/json")


def next_cursor(keys: Iterable[str], limit: int) -> str | None:
    """Return where the next page begins; none after a page that is not full."""
    shown = list(keys)
    return shown[-1] if len(shown) == limit else None
