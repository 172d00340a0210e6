"""Binding a merchant's bank account: by nothing, a small amount sent to it, or a code that is valid for a while."""

import hashlib
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec

from sandbox.domain.books import Id, Part
from shared.profiles import Profile

TRIES_MAX: Final = 3
MICRO_DEPOSIT_MAX_MINOR: Final = 50
CODE_VALID_S: Final = 120

Method = Literal["micro_deposit", "code", "none"]
State = Literal["verifying", "succeeded", "failed"]


class Binding(Part, frozen=True, kw_only=True, gc=False):
    """One wish to bind the bank account of a merchant."""

    number: Id
    merchant: Id
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    bank_account: Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,64}(?!\n)$")]
    method: Method


class Bound(Part, frozen=True, kw_only=True, gc=False):
    """A binding as it stands. `answer` is what the merchant reads on its bank statement or its telephone."""

    binding: Binding
    state: State
    reason: str | None = None
    answer: str = ""
    until: datetime | None = None
    tries: int = 0


class BindingTold(Part, frozen=True, kw_only=True, gc=False):
    """What is told of a binding."""

    number: str
    state: Literal["verifying", "succeeded", "failed", "not_found"]
    reason: str | None = None
    merchant: str | msgspec.UnsetType = msgspec.UNSET


def begin(binding: Binding, profile: Profile, failing: str | None, now: datetime) -> Bound:
    """Begin to bind. `failing`: why the bank says no to this account."""
    if failing is not None:
        return Bound(binding=binding, state="failed", reason=failing)
    verification = profile.verification
    methods = ("none",) if verification is None else verification.methods
    if not profile.has("bind") or (binding.method not in methods and profile.family != "direct"):
        return Bound(binding=binding, state="failed", reason=profile.said("operation_unknown"))
    if binding.method == "none":  # the product itself knows its accounts
        return Bound(binding=binding, state="succeeded")
    drawn = int.from_bytes(hashlib.sha256(binding.number.encode()).digest()[:8])
    if binding.method == "micro_deposit":
        most = (verification and verification.micro_deposit_max_minor) or MICRO_DEPOSIT_MAX_MINOR
        return Bound(binding=binding, state="verifying", answer=str(drawn % most + 1))
    valid_s = (verification and verification.code_valid_s) or CODE_VALID_S
    until = now + timedelta(seconds=valid_s)
    return Bound(binding=binding, state="verifying", answer=f"{drawn % 1_000_000:06}", until=until)


def verify(bound: Bound, said: str, now: datetime) -> Bound:
    """Compare what the merchant says with what it was sent; after the third mistake it has failed."""
    if bound.state != "verifying":
        return bound
    if bound.until is not None and now > bound.until:
        return msgspec.structs.replace(bound, state="failed", reason="code_expired")
    if said == bound.answer:
        return msgspec.structs.replace(bound, state="succeeded")
    tries = bound.tries + 1
    if tries >= TRIES_MAX:
        return msgspec.structs.replace(bound, state="failed", reason="answer_wrong", tries=tries)
    return msgspec.structs.replace(bound, tries=tries, reason="answer_wrong")


def told(number: str, bound: Bound | None) -> BindingTold:
    """Return what is told of a number."""
    if bound is None:
        return BindingTold(number=number, state="not_found")
    return BindingTold(number=number, state=bound.state, reason=bound.reason, merchant=bound.binding.merchant)
