"""What the institution did of a refund's plan, applied to the order: posted once, and planned anew where it failed.

Each revision tells the full state; what it repeats is no news.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from shared.messages import FundingOutcome, RefundOutcome, RefundRequested, RefundSettled, ReturnOutcome
from split.domain.funding import ADVANCE, Left, Purse, Rules, Standing
from split.domain.ledger import Entries
from split.domain.orders import Order
from split.domain.plans import funding
from split.domain.pots import MERCHANT
from split.domain.refunds import FundingPart, PaymentPart, Refund, ReturnPart, Step, after, given
from split.domain.requests import refund_requested
from split.domain.shares import CLEARING, REFUNDING, Share

STEPS: Final[dict[str, Step]] = {
    "under_way": "go_on",
    "waiting_funds": "starve",
    "succeeded": "succeed",
    "failed": "fail",
}


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """The order after a revision, the entries to book, what is asked for anew, and standings that changed."""

    order: Order
    entries: dict[str, int]
    request: RefundRequested | None = None
    standings: Mapping[str, Standing] = {}


def post_refund(
    order: Order, settled: RefundSettled, standings: Mapping[str, Standing], rules: Rules
) -> Posted | str | None:
    """Apply one revision; None when it is no news, a reason when this order cannot take it."""
    refund = next((it for it in order.known_refunds if it.refund_id == settled.refund_id), None)
    if refund is None or settled.planned > max(1, refund.revision):
        return "refund_unknown"
    if settled.revision <= refund.settled:
        return None
    if refund.state == "refused":
        known = msgspec.structs.replace(refund, settled=settled.revision)
        return Posted(order=_with(order, known), entries={})
    clearing, entries = f"{CLEARING}/{order.channel_account}", Entries()
    returns = _returns(refund, settled.returns, entries, clearing)
    fundings = _fundings(refund, settled.fundings, entries, clearing)
    payments = _payments(refund, settled.refunds, entries, clearing)
    for found in (returns, fundings, payments):
        if isinstance(found, str):
            return found
    step = STEPS[settled.state]
    # What became of an older plan says nothing of the one that is under way since then.
    state = refund.state if settled.planned < refund.revision else after(refund.state, step)
    if state is None:
        return f"{step}_after_{refund.state}"
    posted = msgspec.structs.replace(
        refund,
        state=state,
        reason=refund.reason if settled.planned < refund.revision else settled.reason or "",
        settled=settled.revision,
        returns=returns,
        fundings=fundings,
        payments=payments,
    )
    return _plan_again(_with(order, posted), refund, posted, entries, dict(standings), rules)


def _with(order: Order, refund: Refund) -> Order:
    kept = tuple(refund if it.refund_id == refund.refund_id else it for it in order.known_refunds)
    return msgspec.structs.replace(order, refunds=kept)


def _returns(
    refund: Refund, outcomes: tuple[ReturnOutcome, ...], entries: Entries, clearing: str
) -> tuple[ReturnPart, ...] | str:
    """Post what came back into the pool."""
    known = {it.return_id: it for it in refund.returns}
    for outcome in outcomes:
        part = known.get(outcome.return_id)
        if part is None or part.amount_minor != outcome.amount_minor or part.receiver != outcome.receiver:
            return "return_unknown"
        if part.state != "requested" or outcome.attempt < part.attempt:
            continue
        if outcome.state == "succeeded":
            entries.move(clearing, f"merchant:returning/{part.receiver.partition(':')[2]}", part.amount_minor)
            known[part.return_id] = msgspec.structs.replace(part, state="succeeded")
        elif outcome.state == "failed":  # one that was cancelled was never sent: the next plan has it again
            known[part.return_id] = msgspec.structs.replace(part, state="failed")
    return tuple(known.values())


def _fundings(
    refund: Refund, outcomes: tuple[FundingOutcome, ...], entries: Entries, clearing: str
) -> tuple[FundingPart, ...] | str:
    """Post what the platform paid into the pool, or got back of it."""
    known = {it.funding_id: it for it in refund.fundings}
    for outcome in outcomes:
        part = known.get(outcome.funding_id)
        if part is None or part.amount_minor != outcome.amount_minor:
            return "funding_unknown"
        if outcome.state == "succeeded" and part.state == "requested":
            into = part.kind != "marketing_back"
            giver, taker = (clearing, part.account) if into else (part.account, clearing)
            entries.move(giver, taker, part.amount_minor)
            known[part.funding_id] = msgspec.structs.replace(part, state="succeeded")
    return tuple(known.values())


def _payments(
    refund: Refund, outcomes: tuple[RefundOutcome, ...], entries: Entries, clearing: str
) -> tuple[PaymentPart, ...] | str:
    """Post what the buyer got, and what the buyer's bank sent back."""
    known = {it.channel_payment_id: it for it in refund.payments}
    for outcome in outcomes:
        part = known.get(outcome.channel_payment_id)
        if part is None or part.amount_minor != outcome.amount_minor:
            return "payment_unknown"
        if outcome.state == "succeeded" and part.state == "requested":
            entries.move(REFUNDING, clearing, part.amount_minor)
            known[part.channel_payment_id] = msgspec.structs.replace(part, state="succeeded")
        elif outcome.state == "returned" and part.state == "succeeded":
            entries.move(clearing, REFUNDING, part.amount_minor)
            known[part.channel_payment_id] = msgspec.structs.replace(part, state="requested")
    return tuple(known.values())


def _plan_again(
    order: Order, before: Refund, posted: Refund, entries: Entries, standings: dict[str, Standing], rules: Rules
) -> Posted:
    """Find other money for what did not come back: the receiver's deposit, then an advance that it owes."""
    was = {it.return_id: it.state for it in before.returns}
    failed = [it for it in posted.returns if it.state == "failed" and was[it.return_id] != "failed"]
    if not failed:
        return Posted(order=order, entries=entries.closed())
    stood = dict(standings)
    shares = list(order.shares)
    anew = Entries()
    purse = Purse(posted.refund_id, rules, shares, Left({}, {}), standings, anew)
    for part in failed:
        merchant = part.receiver.removeprefix(MERCHANT)
        anew.add(f"merchant:returning/{merchant}", part.amount_minor)
        purse.take_elsewhere(merchant, part.amount_minor)
        _give_up(shares, part)
    fundings = posted.fundings
    if purse.advanced_minor:
        fundings = (*fundings, funding(posted, "advance", ADVANCE, purse.advanced_minor))
    state = posted.state if posted.state == "succeeded" else "requested"
    for account, amount in anew.closed().items():
        entries.add(account, amount)
    again = msgspec.structs.replace(
        posted,
        revision=posted.revision + 1,
        fundings=fundings,
        state=state,
        given=given(posted.given, anew.closed()),
    )
    whole = msgspec.structs.replace(_with(order, again), shares=tuple(shares))
    changed = {name: it for name, it in standings.items() if it != stood.get(name)}
    return Posted(order=whole, entries=entries.closed(), request=refund_requested(whole, again), standings=changed)


def _give_up(shares: list[Share], part: ReturnPart) -> None:
    """Take a return that did not happen off what its share has given back."""
    for place, share in enumerate(shares):
        if share.path == part.path and share.part == part.part and share.returned_minor is not msgspec.UNSET:
            left = share.returned_minor - part.amount_minor
            shares[place] = msgspec.structs.replace(share, returned_minor=left or msgspec.UNSET)
