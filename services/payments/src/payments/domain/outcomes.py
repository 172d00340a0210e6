"""What an institution's answers do to a payout. Pure; the same answers again change nothing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

import msgspec

from payments.domain import schedule
from payments.domain.lifecycles import Happening, instruction_after
from payments.domain.payouts import WAITING_FUNDS, Payout, Subsidy
from shared.ids import channel_number
from shared.messages import LegOutcome
from shared.profiles import shipped

INSUFFICIENT_FUNDS: Final = "insufficient_funds"
REASON_CHARACTERS_MAX: Final = 128
"""What an event takes: a longer one would make the payout unreadable to everybody who waits for it."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What an institution says of one number. `unknown`: it did not say, or not in time."""

    state: Literal["accepted", "succeeded", "failed", "returned", "unknown"]
    reason: str | None = None


UNKNOWN: Final = Answer("unknown")


def answered(payout: Payout, answers: Mapping[str, Answer]) -> Payout:
    """Return the payout after these answers, by channel number. The revision rises when a state or reason changed."""
    subsidies = tuple(_subsidy_after(payout, subsidy, answers) for subsidy in payout.subsidies)
    legs = tuple(_leg_after(leg, answers.get(leg.channel_number)) for leg in payout.legs)
    started = payout.subsidies != subsidies and all(subsidy.state == "succeeded" for subsidy in subsidies)
    if started:
        legs = tuple(_happened(leg, "started", None) if leg.state == "created" else leg for leg in legs)
    else:
        reason = next((subsidy.reason for subsidy in subsidies if subsidy.state == "created"), None)
        legs = tuple(
            msgspec.structs.replace(leg, reason=reason) if reason and leg.state == "created" else leg for leg in legs
        )
    changed = _standing(legs, subsidies) != _standing(payout.legs, payout.subsidies)
    asked = all(leg.channel_number in answers for leg in payout.legs if leg.state == "succeeded" and leg.amount_minor)
    return msgspec.structs.replace(
        payout,
        legs=legs,
        subsidies=subsidies,
        revision=payout.revision + changed,
        doubted=msgspec.UNSET if asked else payout.doubted,
        asks=0 if started else payout.asks + 1,
    )


def lacks_funds(profile_name: str, reason: str) -> bool:
    """Tell whether an institution's own word says that there was not enough to take from."""
    profile = shipped().find(profile_name)
    return INSUFFICIENT_FUNDS in {reason, profile.meant(reason) if profile else reason}


def started(payout: Payout) -> Payout:
    """Return the payout with a subsidy that waited for funds under way again."""
    return msgspec.structs.replace(
        payout,
        subsidies=tuple(
            msgspec.structs.replace(subsidy, state=instruction_after(subsidy.state, "started"))
            for subsidy in payout.subsidies
        ),
    )


def doubted(payout: Payout) -> Payout:
    """Return a payout whose institution is to be asked again after what it has paid; the same where there is nothing.

    A bank returns money days after a leg succeeded; that is a new revision (money.md 3.9). What somebody says of it is
    never believed: the institution's own answer decides.
    """
    paid = any(leg.state == "succeeded" and leg.amount_minor for leg in payout.legs)
    return msgspec.structs.replace(payout, doubted=True) if paid and payout.waits is None else payout


def ask_at(payout: Payout, now: datetime) -> datetime | None:
    """Return when to look at the payout again; None when it is final."""
    waits = payout.waits
    if waits is None:
        return None
    if waits == "sending":
        return schedule.left_behind_at(now)
    again = schedule.funds_at if waits == WAITING_FUNDS else schedule.ask_at
    return again(max(payout.asks, 1), now)


def _leg_after(leg: LegOutcome, answer: Answer | None) -> LegOutcome:
    return leg if answer is None else _happened(leg, answer.state, answer.reason)


def _happened(leg: LegOutcome, happening: Happening, reason: str | None) -> LegOutcome:
    state = instruction_after(leg.state, happening)
    if state == leg.state:
        return leg
    return msgspec.structs.replace(leg, state=state, reason=reason)


def _subsidy_after(payout: Payout, subsidy: Subsidy, answers: Mapping[str, Answer]) -> Subsidy:
    answer = answers.get(subsidy.channel_number)
    if answer is None:
        return subsidy
    state = instruction_after(subsidy.state, answer.state)
    if state == subsidy.state:
        return subsidy
    if state != "failed":
        return msgspec.structs.replace(subsidy, state=state, reason=answer.reason)
    # The order is owed to its receivers whether or not the marketing account has money today, so a failed subsidy is
    # asked for again under a new number; until it is in, the legs wait and can be cancelled.
    attempt = subsidy.attempt + 1
    waits_for_funds = answer.reason is None or lacks_funds(payout.channel_profile, answer.reason)
    return msgspec.structs.replace(
        subsidy,
        attempt=attempt,
        state="created",
        channel_number=channel_number("subsidy", payout.marketplace, payout.document, subsidy.subsidy_id, attempt),
        reason=WAITING_FUNDS if waits_for_funds else f"subsidy_failed: {answer.reason}"[:REASON_CHARACTERS_MAX],
    )


def _standing(legs: tuple[LegOutcome, ...], subsidies: tuple[Subsidy, ...]) -> list[tuple[str, str | None]]:
    # A subsidy tried again for the same reason, under another number, is no news to anybody.
    tried = (("sending" if it.state == "created" else it.state, it.reason) for it in subsidies)
    return [*((leg.state, leg.reason) for leg in legs), *tried]
