"""What an institution says by itself: a hint to ask it, never an answer (docs/decisions/0027). Pure."""

from collections.abc import Callable
from typing import Annotated, Final, Literal, cast

import msgspec

from payments.domain.lifecycles import INSTRUCTION, State
from shared.ids import EXTERNAL_ID_PATTERN

STALE_S_MAX: Final = 300
"""How far the time in a callback's signature may be from ours: what is older may have been kept by somebody."""

BODY_BYTES_MAX: Final = 65_536

Refusal = Literal[
    "account_unknown",
    "signature_missing",
    "timestamp_invalid",
    "timestamp_stale",
    "signature_invalid",
    "account_differs",
]
"""Why a callback is not believed. Whoever sent it is told none of these: only that it is not."""

Type = Literal["payment.succeeded", "transfer.changed", "movement.happened", "binding.changed"]
_Id = Annotated[str, msgspec.Meta(pattern=EXTERNAL_ID_PATTERN)]


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """What a callback says of what: `subject` is a payment, a number or a movement, `told` how it stands by its word.

    `type` None: a type that is not known here, which means nothing.
    """

    event_id: str
    profile: str
    account: str
    type: Type | None
    subject: str = ""
    told: str = ""

    @property
    def key(self) -> str:
        """What makes it one callback."""
        return f"{self.profile}/{self.account}/{self.event_id}"


class UnreadableError(ValueError):
    """A callback that is signed well and says nothing that can be read."""


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    event_id: _Id
    type: _Id
    profile: str
    account: str
    data: msgspec.Raw


class _Payment(msgspec.Struct, frozen=True):
    payment_id: _Id


class _Number(msgspec.Struct, frozen=True):
    number: _Id
    state: _Id


class _Movement(msgspec.Struct, frozen=True):
    movement_id: _Id
    kind: _Id


_body = msgspec.json.Decoder(_Body).decode
_payment = msgspec.json.Decoder(_Payment).decode
_number = msgspec.json.Decoder(_Number).decode
_movement = msgspec.json.Decoder(_Movement).decode


def _said_of_payment(data: msgspec.Raw) -> tuple[str, str]:
    return _payment(data).payment_id, "succeeded"


def _said_of_number(data: msgspec.Raw) -> tuple[str, str]:
    said = _number(data)
    return said.number, said.state


def _said_of_movement(data: msgspec.Raw) -> tuple[str, str]:
    said = _movement(data)
    return said.movement_id, said.kind


_SAID: Final[dict[str, Callable[[msgspec.Raw], tuple[str, str]]]] = {
    "payment.succeeded": _said_of_payment,
    "transfer.changed": _said_of_number,
    "movement.happened": _said_of_movement,
    "binding.changed": _said_of_number,
}


def read(body: bytes) -> Hint:
    """Return what a callback says. Only a body whose signature is good is read.

    Raises:
        UnreadableError: it is no JSON, or breaks the contract.

    """
    try:
        body.decode()  # msgspec does not look into what it skips
        it = _body(body)
        subject, told = _SAID[it.type](it.data) if it.type in _SAID else ("", "")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"{type(error).__name__}: {error}"[:200]
        raise UnreadableError(message) from None
    kind = cast("Type", it.type) if it.type in _SAID else None
    return Hint(event_id=it.event_id, profile=it.profile, account=it.account, type=kind, subject=subject, told=told)


def timely(timestamp: str, now_s: float) -> Refusal | None:
    """Return why the time in a signature (unix seconds) is not believed, or None."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):  # noqa: PLR2004 - the year 33658
        return "timestamp_invalid"
    return "timestamp_stale" if abs(int(timestamp) - now_s) > STALE_S_MAX else None


def contradicted(told: str, found: str | None) -> bool:
    """Tell whether what an institution told of an instruction cannot be true beside how it says that it stands.

    `found` None: it does not know it. A callback may come late: what can have come of what it told is no contradiction.
    """
    if told not in INSTRUCTION:
        return False  # a word of its own, which nothing can be said of
    return found is None or found not in _reached(told)


def _reached(state: State) -> set[State]:
    """Return the states that an instruction in this one is in or may come to."""
    reached, ahead = {state}, [state]
    while ahead:
        new = set(INSTRUCTION[ahead.pop()].values()) - reached
        reached |= new
        ahead += new
    return reached
