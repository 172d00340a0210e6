"""How a refund goes on: what may be sent next, and what an institution's answers do. Pure.

The same answers again change nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from payments.domain import schedule
from payments.domain.lifecycles import instruction_after
from payments.domain.outcomes import INSUFFICIENT_FUNDS, Answer
from payments.domain.refunds.refund import BAD, PHASES, UNDER_WAY, Part, Refund, told
from shared.ids import channel_number
from shared.profiles import shipped

CALLED_OFF: Final = "plan_failed"
"""Of what was never sent, because its plan has failed or a later one does not have it."""


def numbered(refund: Refund, part: Part, attempt: int) -> Part:
    """Return a part with its final number of this attempt, to be sent."""
    match part.kind:
        case "return":
            kind, identity = "return", part.name
        case "refund":
            kind, identity = "refund", f"{refund.refund_id}/{part.name}"
        case _:
            kind, identity = "funding", f"{refund.refund_id}/{part.name}"
    number = channel_number(kind, refund.marketplace, f"o:{refund.order_id}", identity, attempt)
    return msgspec.structs.replace(part, attempt=attempt, state="created", channel_number=number, reason=None)


def onward(refund: Refund) -> Refund:
    """Return the refund with everything sent that may go now; after a failure nothing more is, and the rest called off.

    What waits for funds stays: the clock tries it again.
    """
    parts = refund.parts
    if refund.refused is not None or any(it.planned and it.state in BAD for it in parts):
        return msgspec.structs.replace(refund, parts=tuple(called_off(it) for it in parts))
    for phase in PHASES:
        parts = tuple(_started(it) if it.kind in phase and it.planned and not it.reason else it for it in parts)
        if any(it.kind in phase and it.planned and it.state != "succeeded" for it in parts):
            break
    anew = parts != refund.parts
    return msgspec.structs.replace(refund, parts=parts, asks=0 if anew else refund.asks)


def answered(refund: Refund, answers: Mapping[str, Answer]) -> Refund:
    """Return the refund after these answers, by channel number. The revision rises when there is something to tell."""
    parts = tuple(_after(refund, it, answers.get(it.channel_number)) for it in refund.parts)
    asked = all(it.channel_number in answers for it in refund.parts if it.kind == "refund" and it.state == "succeeded")
    after = onward(
        msgspec.structs.replace(refund, parts=parts, doubted=refund.doubted and not asked, asks=refund.asks + 1)
    )
    news = (refund.standing, told(refund.parts)) != (after.standing, told(after.parts))
    return msgspec.structs.replace(after, revision=refund.revision + news)


def started(refund: Refund) -> Refund:
    """Return the refund with what waited for funds under way again."""
    return msgspec.structs.replace(
        refund, parts=tuple(_started(it) if it.waits_for_funds else it for it in refund.parts)
    )


def doubted(refund: Refund) -> Refund:
    """Return a refund whose institution is to be asked again after what the buyer got; the same if that is nothing.

    What somebody says of it is never believed: the institution's own answer decides.
    """
    got = any(it.kind == "refund" and it.state == "succeeded" and it.amount_minor for it in refund.parts)
    return msgspec.structs.replace(refund, doubted=True) if got and refund.waits is None else refund


def ask_at(refund: Refund, now: datetime) -> datetime | None:
    """Return when to look at the refund again; None when it is final."""
    match refund.waits:
        case None:
            return None
        case "sending":
            return schedule.left_behind_at(now)
        case "waiting_funds":
            return schedule.funds_at(max(refund.asks, 1), now)
        case _:
            return schedule.ask_at(max(refund.asks, 1), now)


def called_off(part: Part) -> Part:
    """Return a part that will not be sent; one that was sent goes its way."""
    state = instruction_after(part.state, "cancelled")
    return part if state == part.state else msgspec.structs.replace(part, state=state, reason=CALLED_OFF)


def _started(part: Part) -> Part:
    if part.state == "created" and not part.amount_minor:
        return msgspec.structs.replace(part, state="succeeded")  # nothing is to be moved
    return msgspec.structs.replace(part, state=instruction_after(part.state, "started"))


def _after(refund: Refund, part: Part, answer: Answer | None) -> Part:
    if answer is None:
        return part
    happened = answer.state
    if happened == "returned":
        if part.kind != "refund":  # nobody's bank can send that back
            return part
        if part.state in UNDER_WAY:  # it had succeeded before anybody was told so
            part = msgspec.structs.replace(part, state="succeeded")
    state = instruction_after(part.state, happened)
    if state == part.state:
        return part
    if state == "failed" and part.planned and _lacks_funds(refund.channel_profile, part, answer.reason):
        # The buyer is owed it whether or not the money is there today; a final failure, so under a new number. What a
        # later plan has left out is owed no more: it would be paid beside what that plan has in its place.
        again = numbered(refund, part, part.attempt + 1)
        return msgspec.structs.replace(again, reason=INSUFFICIENT_FUNDS)
    return msgspec.structs.replace(part, state=state, reason=answer.reason)


def _lacks_funds(profile: str, part: Part, reason: str | None) -> bool:
    """Tell whether platform or pool have not the money today. A receiver that has not is another plan's matter."""
    if part.kind == "return":
        return False
    found = shipped().find(profile)
    said = found.said("insufficient_funds") if found else INSUFFICIENT_FUNDS
    return reason in {said, INSUFFICIENT_FUNDS} or (reason is None and part.kind != "refund")
