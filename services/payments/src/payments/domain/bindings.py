"""Bank accounts bound to merchants: what is asked for, how it is verified, and how often (money.md 7). Pure.

The number of a bank account is in no value here but the request: what is kept of it are four characters and a keyed
hash, by which the same account is known again.
"""

from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from shared.ids import channel_number
from shared.messages import BindingRequested, BindingSettled
from shared.profiles import Profile

ATTEMPTS_MAX: Final = 3
MICRO_DEPOSIT_MAX_MINOR: Final = 50
"""0.50 CNY, where a profile says nothing else (money.md 2)."""

CODE_VALID_S: Final = 120
DEPOSIT_VALID_S: Final = 7 * 86_400
"""A small deposit is on the merchant's statement within days; longer than a week nobody waits for its amount."""

MISSING_S_MAX: Final = 120
"""How long an institution may not know a binding that was sent to it: whoever had its number is gone then."""

LEFT_S: Final = 30
ASK_AGAIN_S: Final = (30, 300, 3_600)
REASON_CHARACTERS_MAX: Final = 128

Method = Literal["micro_deposit", "code", "none"]
State = Literal["requested", "verifying", "succeeded", "failed"]
Event = Literal["verifying", "succeeded", "failed"]

BINDING: Final[dict[State, dict[Event, State]]] = {
    "requested": {"verifying": "verifying", "succeeded": "succeeded", "failed": "failed"},
    "verifying": {"succeeded": "succeeded", "failed": "failed"},
    "succeeded": {},
    "failed": {},
}

Refusal = Literal["channel_account_unknown", "binding_not_offered", "method_not_offered"]
"""Why a binding is not even sent; it is told as failed for that reason."""

Unanswerable = Literal["not_verifying", "answer_under_way", "attempts_exhausted", "binding_expired", "answer_invalid"]
"""Why an answer of the merchant is not taken."""


class Said(msgspec.Struct, frozen=True):
    """What the institution says of a binding."""

    state: Event
    reason: str | None = None
    token: str | None = None


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """A binding. `requested` is the revision that was asked for, `revision` rises with every change that is told.

    `answering`: the merchant's answer, until the institution has said what it thinks of it. `missing_since`: when the
    institution first said that it does not know it.
    """

    marketplace: str
    merchant: str
    binding_id: str
    requested: int
    channel_profile: str
    channel_account: str
    name: str
    method: Method
    last_four: str
    fingerprint: str | None
    number: str
    state: State
    reason: str | None = None
    token: str | None = None
    revision: int = 0
    attempts: int = 0
    asks: int = 0
    answering: str | None = None
    expires_at: datetime | None = None
    missing_since: datetime | None = None
    requested_at: datetime
    origin_time: datetime

    @property
    def key(self) -> str:
        """What makes it one binding."""
        return f"{self.marketplace}/{self.binding_id}"

    @property
    def is_final(self) -> bool:
        """Whether nothing is to come any more."""
        return not BINDING[self.state]


def requested(
    event: BindingRequested, fingerprint: str | None, origin_time: datetime, before: Binding | None
) -> Binding:
    """Return a binding as it is asked for, in the place of what was asked for `before`."""
    return Binding(
        marketplace=event.marketplace,
        merchant=event.merchant,
        binding_id=event.binding_id,
        requested=event.revision,
        channel_profile=event.channel_profile,
        channel_account=event.channel_account,
        name=event.name,
        method=event.method,
        last_four=event.bank_account[-4:],
        fingerprint=fingerprint,
        number=channel_number("binding", event.marketplace, event.binding_id, event.binding_id, event.revision),
        state="requested",
        revision=before.revision if before else 0,
        requested_at=event.requested_at,
        origin_time=origin_time,
    )


def is_same(one: Binding, other: Binding) -> bool:
    """Tell whether two requests of one revision ask for the same."""
    return _asked(one) == _asked(other)


def refusal(profile: Profile | None, method: Method, *, owned: bool) -> Refusal | None:
    """Return why a binding is not sent. `owned`: the account is the marketplace's."""
    if not owned or profile is None:
        return "channel_account_unknown"
    if not profile.has("bind"):
        return "binding_not_offered"
    methods = {"none"} if profile.verification is None else set(profile.verification.methods)
    return None if method in methods or profile.family == "direct" else "method_not_offered"


def refused(binding: Binding, reason: str) -> Binding:
    """Return a binding that has failed without the institution."""
    return msgspec.structs.replace(
        binding, state="failed", reason=reason, revision=binding.revision + 1, answering=None, expires_at=None
    )


def answered(binding: Binding, said: Said | None, profile: Profile | None, now: datetime) -> Binding:
    """Return a binding after what the institution says of it; None: it does not know it."""
    if binding.is_final:
        return binding
    asked = msgspec.structs.replace(binding, asks=binding.asks + 1)
    if said is None:
        since = binding.missing_since or now
        if binding.state == "verifying" or (now - since).total_seconds() < MISSING_S_MAX:
            return msgspec.structs.replace(asked, missing_since=since)
        return refused(asked, "interrupted")
    told = msgspec.structs.replace(asked, missing_since=None, answering=None, token=said.token or binding.token)
    state = BINDING[binding.state].get(said.state, binding.state)
    reason = said.reason[:REASON_CHARACTERS_MAX] if said.reason else None
    if state == "verifying":
        expires_at = binding.expires_at or now + timedelta(seconds=valid_s(profile, binding.method))
        if binding.state == "verifying" and now >= expires_at:
            return refused(told, "expired")
        if binding.attempts >= ATTEMPTS_MAX and binding.answering is not None:
            return refused(told, "attempts_exhausted")
        told = msgspec.structs.replace(told, expires_at=expires_at)
    else:
        told = msgspec.structs.replace(told, expires_at=None)
    told = msgspec.structs.replace(told, state=state, reason=None if state == "succeeded" else reason)
    changed = (told.state, told.reason, told.token) != (binding.state, binding.reason, binding.token)
    # A second wrong answer reads like the first, and is news to who waits for it.
    news = changed or (binding.answering is not None and state == "verifying")
    return msgspec.structs.replace(told, revision=told.revision + news)


def answering(binding: Binding, answer: str, profile: Profile | None, now: datetime) -> Binding | Unanswerable:
    """Return a binding whose merchant has answered, or why the answer is not taken; such a one costs no attempt."""
    if binding.state != "verifying":
        return "not_verifying"
    if binding.answering is not None:
        return "answer_under_way"
    if binding.attempts >= ATTEMPTS_MAX:
        return "attempts_exhausted"
    if binding.expires_at is not None and now >= binding.expires_at:
        return "binding_expired"
    if not _may_be(answer, binding.method, profile):
        return "answer_invalid"
    return msgspec.structs.replace(binding, answering=answer, attempts=binding.attempts + 1)


def valid_s(profile: Profile | None, method: Method) -> int:
    """Return for how many seconds an answer is taken."""
    if method != "code":
        return DEPOSIT_VALID_S
    verification = profile.verification if profile else None
    return (verification.code_valid_s if verification else None) or CODE_VALID_S


def look_at(binding: Binding, now: datetime) -> datetime | None:
    """Return when to look at a binding again; None: never."""
    if binding.is_final:
        return None
    if binding.state == "requested" or binding.answering is not None:
        return now + timedelta(seconds=LEFT_S)
    again = now + timedelta(seconds=ASK_AGAIN_S[min(binding.asks, len(ASK_AGAIN_S) - 1)])
    return min(again, binding.expires_at) if binding.expires_at is not None and binding.expires_at > now else again


def settled(binding: Binding, now: datetime) -> BindingSettled:
    """Return the event that tells of this revision."""
    if binding.state == "requested":
        message = f"{binding.key} is not settled"
        raise ValueError(message)
    return BindingSettled(
        marketplace=binding.marketplace,
        merchant=binding.merchant,
        binding_id=binding.binding_id,
        revision=binding.revision,
        requested=binding.requested,
        state=binding.state,
        reason=binding.reason,
        channel_profile=binding.channel_profile,
        channel_account=binding.channel_account,
        method=binding.method,
        last_four=binding.last_four,
        token=binding.token,
        expires_at=binding.expires_at,
        settled_at=now,
    )


def _asked(it: Binding) -> tuple[object, ...]:
    place = (it.merchant, it.channel_profile, it.channel_account)
    # Without a key there is no fingerprint: then the last four characters have to do.
    return (*place, it.name, it.method, it.last_four, it.fingerprint)


def _may_be(answer: str, method: Method, profile: Profile | None) -> bool:
    if not (answer.isascii() and answer.isdigit()):
        return False
    if method == "code":
        return 4 <= len(answer) <= 8  # noqa: PLR2004 - digits of a code
    verification = profile.verification if profile else None
    most = (verification.micro_deposit_max_minor if verification else None) or MICRO_DEPOSIT_MAX_MINOR
    return len(answer) <= len(str(most)) and 1 <= int(answer) <= most
