"""A payout as payments carries it out: which requests are taken, what is sent next, what a cancel still stops. Pure.

What the institution's answers do to it is in outcomes.py. A leg's number is derived here, before anything is sent.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, Literal

import msgspec

from payments.domain.instructions import POOL, Instruction, Kind
from payments.domain.lifecycles import HELD, OPEN, State, instruction_after
from payments.domain.reasons import PayoutReason
from shared.ids import channel_number
from shared.messages import Leg, LegOutcome, PayoutRequested, PayoutSettled, SubsidyOutcome
from shared.money import AMOUNT_MINOR_MAX

WAITING_FUNDS: Final = "waiting_funds"

Waits = Literal["waiting_funds", "unknown", "accepted", "sending", "checked"]
"""What a payout that is not final waits for, the worst first; `checked`: whether a bank has returned what it paid."""


class Subsidy(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Money from the marketing account, sent before the legs. `attempt` rises with every final failure."""

    subsidy_id: str
    amount_minor: int
    attempt: int = 1
    state: State
    channel_number: str
    reason: str | None = None
    channel_payment_id: str | msgspec.UnsetType = msgspec.UNSET


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """All legs of one payout and where each stands. `revision` rises with every change, `asks` with every ask.

    `fenced`: its document has other payouts, so that its legs are compared with theirs. `doubted`: somebody said that a
    bank had returned money of it, and the institution has not been asked since.
    """

    marketplace: str
    payout_id: str
    document: str
    kind: Literal["pay", "finish", "cancel"]
    currency: str
    channel_profile: str
    channel_account: str
    legs: tuple[LegOutcome, ...]
    subsidies: tuple[Subsidy, ...] = ()
    revision: int = 0
    asks: int = 0
    fenced: bool = False
    doubted: bool | msgspec.UnsetType = msgspec.UNSET
    origin_time: datetime
    created_at: datetime

    @property
    def is_first(self) -> bool:
        """Whether it is the first of its document."""
        return is_first(self)

    @property
    def waits(self) -> Waits | None:
        """What it waits for; None when every leg and subsidy is final."""
        states = {leg.state for leg in self.legs} | {subsidy.state for subsidy in self.subsidies}
        if any(subsidy.reason and subsidy.state == "created" for subsidy in self.subsidies):
            return WAITING_FUNDS
        if "unknown" in states:
            return "unknown"
        if "accepted" in states:
            return "accepted"
        if states & OPEN:
            return "sending"
        return "checked" if self.doubted else None

    @property
    def moved_minor(self) -> int:
        """What has left the pool for good: legs succeeded minus subsidies that came in, in minor units."""
        out = sum(leg.amount_minor for leg in self.legs if leg.state == "succeeded")
        return out - sum(subsidy.amount_minor for subsidy in self.subsidies if subsidy.state == "succeeded")

    @property
    def under_way_minor(self) -> int:
        """What may still leave the pool: open legs minus subsidies that are still to come in, in minor units.

        Never below zero: a subsidy that is not in yet lends nothing to another payout.
        """
        out = sum(leg.amount_minor for leg in self.legs if leg.state in OPEN)
        return max(0, out - sum(subsidy.amount_minor for subsidy in self.subsidies if subsidy.state in OPEN))


_RECEIVER: Final = re.compile(r"^(?:merchant:[!-.0-~]{1,64}|platform:(?:commission|fee|tax|advance))(?!\n)$")


class KnownLeg(msgspec.Struct, frozen=True, gc=False):
    """What another payout has of a leg."""

    payout_id: str
    attempt: int
    held: bool


def requested(event: PayoutRequested, origin_time: datetime, now: datetime) -> Payout:
    """Return the payout with its final numbers; what goes out at once is `sending` to begin with.

    Legs behind a subsidy are `created`: the pool holds other orders' money too, so a leg sent beside a subsidy that
    fails would be paid with theirs.
    """
    first: State = "created" if event.subsidies else "sending"
    return Payout(
        marketplace=event.marketplace,
        payout_id=event.payout_id,
        document=event.document,
        kind=event.kind,
        currency=event.currency,
        channel_profile=event.channel_profile,
        channel_account=event.channel_account,
        legs=tuple(
            # Nothing is to be moved: it is there for the receiver's statement (money.md 8).
            leg if leg.amount_minor else msgspec.structs.replace(leg, state="succeeded")
            for leg in legs(event, first)
        ),
        subsidies=tuple(
            Subsidy(
                subsidy_id=subsidy.subsidy_id,
                amount_minor=subsidy.amount_minor,
                state="sending",
                channel_number=channel_number("subsidy", event.marketplace, event.document, subsidy.subsidy_id, 1),
                channel_payment_id=subsidy.channel_payment_id,
            )
            for subsidy in event.subsidies
        ),
        origin_time=origin_time,
        created_at=now,
    )


def legs(event: PayoutRequested, state: State) -> tuple[LegOutcome, ...]:
    """Return the legs of a request, each with the number of its attempt."""
    return tuple(
        LegOutcome(
            leg_id=leg.leg_id,
            receiver=leg.receiver,
            amount_minor=leg.amount_minor,
            attempt=leg.attempt,
            state=state,
            channel_number=channel_number("payout", event.marketplace, event.document, leg.leg_id, leg.attempt),
            breakdown=leg.breakdown,
            channel_payment_id=leg.channel_payment_id,
        )
        for leg in event.legs
    )


def is_first(payout: PayoutRequested | Payout) -> bool:
    """Tell whether a payout is the first of its document."""
    return payout.payout_id == f"{payout.document}.1"


def known_legs(payouts: Iterable[Payout]) -> dict[str, KnownLeg]:
    """Return what these payouts have of each leg: who holds it, else its greatest attempt."""
    found: dict[str, KnownLeg] = {}
    for payout in payouts:
        for leg in payout.legs:
            one, other = KnownLeg(payout.payout_id, leg.attempt, leg.state in HELD), found.get(leg.leg_id)
            if other is None or (one.held, one.attempt) > (other.held, other.attempt):
                found[leg.leg_id] = one
    return found


def refusal(
    event: PayoutRequested, payable_minor: int | None, known: Mapping[str, KnownLeg]
) -> tuple[PayoutReason, str] | None:
    """Return why a request to pay must not be carried out, or None.

    `payable_minor` is what is left of the order's proved money, less what its other payouts have under way (None: not
    an order's payout); `known` are the legs
    that other payouts hold or have tried. The first rule that is broken is named.
    """
    prefix, seen = f"{event.marketplace}/{event.document}/", set[str]()
    for leg in event.legs:
        if leg.leg_id in seen:
            return "leg_twice", leg.leg_id
        seen.add(leg.leg_id)
        no = _leg_refusal(leg, prefix, known.get(leg.leg_id))
        if no is not None:
            return no
    if any(subsidy.amount_minor <= 0 for subsidy in event.subsidies):
        return "leg_amount_invalid", "a subsidy of nothing"
    asked_minor = sum(leg.amount_minor for leg in event.legs)
    subsidies_minor = sum(subsidy.amount_minor for subsidy in event.subsidies)
    if payable_minor is not None and asked_minor - subsidies_minor > payable_minor:
        return "payout_above_paid", f"{asked_minor} asked, {subsidies_minor} subsidised, {payable_minor} left"
    return None


def _leg_refusal(leg: Leg, prefix: str, other: KnownLeg | None) -> tuple[PayoutReason, str] | None:
    if not leg.leg_id.startswith(prefix):
        return "leg_not_of_document", leg.leg_id
    if not 0 <= leg.amount_minor <= AMOUNT_MINOR_MAX:
        return "leg_amount_invalid", f"{leg.leg_id}: {leg.amount_minor}"
    if _RECEIVER.match(leg.receiver) is None:
        return "receiver_unknown", f"{leg.leg_id}: {leg.receiver}"
    return None if other is None else _again_refusal(leg, other)


def _again_refusal(leg: Leg, other: KnownLeg) -> tuple[PayoutReason, str] | None:
    if other.held:
        return "leg_open_elsewhere", f"{leg.leg_id} in {other.payout_id}"
    if leg.attempt <= other.attempt:
        return "attempt_not_greater", f"{leg.leg_id}: {leg.attempt} after {other.attempt} in {other.payout_id}"
    return None


def instructions(payout: Payout) -> Iterator[Instruction]:
    """Give every instruction that is with the institution or goes there now: subsidies first, legs behind them.

    Of a payout that is doubted, what was paid is among them, to be asked after.
    """
    for subsidy in payout.subsidies:
        if subsidy.state in _UNDER_WAY:
            yield Instruction(
                subsidy.channel_number,
                "subsidy",
                POOL,
                subsidy.amount_minor,
                payout.currency,
                subsidy.state,
                subsidy.channel_payment_id or None,
            )
    kind: Kind = "finish" if payout.kind == "finish" else "payout"
    for leg in payout.legs:
        if leg.state in _UNDER_WAY or (payout.doubted and leg.state == "succeeded" and leg.amount_minor):
            of = leg.channel_payment_id or None
            yield Instruction(leg.channel_number, kind, leg.receiver, leg.amount_minor, payout.currency, leg.state, of)


_UNDER_WAY: Final = frozenset[State]({"sending", "accepted", "unknown"})


def cancelled(payout: Payout, leg_ids: frozenset[str]) -> Payout:
    """Return the payout after a cancel of these legs (none named: all), one revision on: a cancel is always answered.

    What is sent stays as it is, and so does a leg of nothing. A subsidy is stopped with the last leg it was for.
    """
    stopped = tuple(
        msgspec.structs.replace(leg, state=instruction_after(leg.state, "cancelled"), reason="cancelled")
        if leg.state == "created" and (not leg_ids or leg.leg_id in leg_ids)
        else leg
        for leg in payout.legs
    )
    subsidies = payout.subsidies
    if all(leg.state == "cancelled" for leg in stopped if leg.amount_minor):
        subsidies = tuple(
            msgspec.structs.replace(subsidy, state=instruction_after(subsidy.state, "cancelled"))
            for subsidy in subsidies
        )
    return msgspec.structs.replace(payout, legs=stopped, subsidies=subsidies, revision=payout.revision + 1)


def settled(payout: Payout, now: datetime) -> PayoutSettled:
    """Return the event that tells of this revision."""
    return PayoutSettled(
        marketplace=payout.marketplace,
        payout_id=payout.payout_id,
        document=payout.document,
        kind=payout.kind,
        revision=payout.revision,
        currency=payout.currency,
        channel_profile=payout.channel_profile,
        channel_account=payout.channel_account,
        settled_at=now,
        legs=payout.legs,
        subsidies=tuple(
            SubsidyOutcome(
                subsidy_id=subsidy.subsidy_id,
                amount_minor=subsidy.amount_minor,
                state="succeeded" if subsidy.state == "returned" else subsidy.state,
                channel_number=subsidy.channel_number,
                reason=subsidy.reason,
            )
            for subsidy in payout.subsidies
        ),
    )
