"""A plan as split asks for it, laid over what is there of its refund: repeated parts are not done twice. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from payments.domain.lifecycles import State
from payments.domain.reasons import RefundLimit
from payments.domain.refunds.course import called_off, numbered, onward
from payments.domain.refunds.refund import BAD, Kind, Part, Refund, receiver_of
from shared.messages import Funding, RefundRequested
from shared.profiles import Profile, shipped

type Name = tuple[str, str]
"""What a part is known by: `return`, `funding` or `refund`, and its id."""

AGAIN: frozenset[State] = BAD | {"cancelled"}


class Wanted(NamedTuple):
    """A part as the plan has it; `attempt` is none where it is for payments to count."""

    part: Part
    attempt: int | None


def name_of(part: Part) -> Name:
    """Return what a part is known by through all plans of its refund."""
    return ("funding" if part.kind in _FUNDINGS else part.kind), part.name


def wanted(event: RefundRequested, numbers: Mapping[str, str], paid_by: str | None = None) -> Iterator[Wanted]:
    """Give the parts of a plan in its order. `numbers`: of the payouts' legs that returns take back, by return id.

    `paid_by`: the order's first payment. What is put in where merchants collect is for the payment that is refunded;
    where an institution took it by itself, for that one.
    """
    profile = shipped().find(event.channel_profile)
    for leg in event.returns:
        of = numbers.get(leg.return_id)
        yield Wanted(_part("return", leg.return_id, leg.amount_minor, leg.receiver, of, leg.leg_id), leg.attempt)
    merchant_collects = profile is not None and profile.collector == "merchant"
    refunded = event.refunds[0].channel_payment_id if event.refunds else paid_by
    payment = refunded if merchant_collects else None
    for it in event.fundings:
        yield Wanted(_part(_instructed(it, profile), it.funding_id, it.amount_minor, of=payment), None)
    for back in event.refunds:
        name = back.channel_payment_id
        yield Wanted(_part("refund", name, back.amount_minor, of=name), None)


def opened(event: RefundRequested, origin_time: datetime, now: datetime) -> Refund:
    """Return a refund that nothing is known of."""
    return Refund(
        marketplace=event.marketplace,
        order_id=event.order_id,
        refund_id=event.refund_id,
        plan=event.revision,
        currency=event.currency,
        channel_profile=event.channel_profile,
        channel_account=event.channel_account,
        origin_time=origin_time,
        created_at=now,
    )


def laid(
    refund: Refund,
    event: RefundRequested,
    numbers: Mapping[str, str],
    limits: Mapping[Name, RefundLimit],
    paid_by: str | None = None,
) -> Refund:
    """Lay a plan over a refund, and let go on what may. `limits`: which of its parts cannot be, and why.

    What failed, came back or was called off is tried again under another number: of a return only with a greater
    attempt, for its plans count those. What a plan does not have any more is called off unless it was sent. The
    revision rises when there is something to tell of the plan at once.
    """
    known = {name_of(it): it for it in refund.parts}
    parts: dict[Name, Part] = {}
    for asked in wanted(event, numbers, paid_by):
        name = name_of(asked.part)
        parts[name] = _laid(refund, known.pop(name, None), asked, limits.get(name))
    others = tuple(called_off(msgspec.structs.replace(it, planned=False)) for it in known.values())
    whole = onward(
        msgspec.structs.replace(
            refund, plan=event.revision, refused=event.refused, parts=(*parts.values(), *others), doubted=False
        )
    )
    return msgspec.structs.replace(whole, revision=refund.revision + (whole.standing != "under_way"))


_FUNDINGS = frozenset[Kind]({"subsidy", "advance", "marketing_back"})


def _laid(refund: Refund, before: Part | None, asked: Wanted, limit: RefundLimit | None) -> Part:
    if before is not None and not _again(before, asked.attempt):
        return msgspec.structs.replace(before, planned=True)
    counted = before.attempt + 1 if before else 1
    part = numbered(refund, asked.part, counted if asked.attempt is None else asked.attempt)
    return part if limit is None else msgspec.structs.replace(part, state="failed", reason=limit)


def _again(before: Part, attempt: int | None) -> bool:
    if before.state == "failed" and attempt is not None:
        return attempt > before.attempt
    return before.state in AGAIN


def _part(
    kind: Kind, name: str, amount_minor: int, receiver: str = "", of: str | None = None, leg_id: str = ""
) -> Part:
    return Part(
        kind=kind,
        name=name,
        receiver=receiver_of(kind, receiver),
        amount_minor=amount_minor,
        of=of,
        leg_id=leg_id,
        channel_number="",
    )


def _instructed(funding: Funding, profile: Profile | None) -> Kind:
    """Return how a funding is carried out.

    A subsidy (补差) adds to a sale before it is split: where a merchant collects, what the platform adds to a refund
    is an advance.
    """
    if funding.kind != "marketing":
        return funding.kind
    collected = profile is not None and profile.collector == "merchant"
    return "advance" if collected and profile is not None and profile.has("advance") else "subsidy"
