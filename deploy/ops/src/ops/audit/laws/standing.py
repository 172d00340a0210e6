"""Where an order is, since when, and which event it must be waiting for if it is nowhere yet."""

from typing import Final

from ops import places
from ops.audit.case import Case, Hop, Verdict
from ops.audit.laws import books, channel, collected, legs, money_back
from ops.audit.rows import Divided, Instructed
from ops.places import DONE, SETTLED, Place

LOST: Final = "order_not_lost"
SENDING: Final = "sending"
REFUNDING: Final = Place("waiting", "refund")
"""Everybody is paid, and a refund waits for the institution or for funds."""


def judge(case: Case) -> Verdict:
    """Return all that is found of one order."""
    place, since_ms = place_of(case)
    verdict = Verdict(place, since_ms)
    books.judge(case, verdict)
    channel.judge(case, legs.judge(case, verdict) + money_back.judge(case, verdict), verdict)
    collected.judge(case, verdict)
    _check_dispatch(case, verdict)
    for hop, what in _awaited(case):
        verdict.miss(hop, LOST, case.order, what)
    return verdict


def place_of(case: Case) -> tuple[Place, int]:
    """Return the place of an order, and since when it can be there; letters and lost events unseen."""
    if case.parks:
        park = case.parks[0]
        return Place("parked", f"{park.service}: {park.reason}"), park.since_ms
    taken, divided = case.taken, case.divided
    if taken is None:
        return Place("waiting", places.NOT_TAKEN), 0
    if divided is not None and taken.state == "accepted" and _settled(divided, case.payouts):
        back = min((it.created_ms for it in case.refunds if it.waits), default=None)
        return (SETTLED, divided.divided_ms) if back is None else (REFUNDING, back)
    claim = {"state": taken.state, "reason": taken.reason}
    split = (
        None
        if divided is None
        else {"state": "split", "shares": [_share(it.state, it.reason) for it in divided.shares]}
    )
    place = places.place_of(claim, split, [_payout(it) for it in case.payouts])
    return place, _since_ms(place, taken.received_ms, divided, case.payouts)


def _settled(divided: Divided, payouts: list[Instructed]) -> bool:
    return all(share.state in DONE for share in divided.shares) and not any(payout.waits for payout in payouts)


def _share(state: str, reason: str) -> dict[str, str]:
    return {"state": state, "reason": reason}


def _payout(it: Instructed) -> dict[str, object]:
    subsidies = [{"state": leg.state, "reason": leg.reason} for leg in it.legs if not leg.receiver]
    return {"state": it.waits or "final", "subsidies": subsidies}


def _since_ms(place: Place, received_ms: int, divided: Divided | None, payouts: list[Instructed]) -> int:
    if divided is None:
        return received_ms
    if place.name == "waiting":
        return min((it.created_ms for it in payouts if it.waits), default=divided.divided_ms)
    return divided.divided_ms


def _check_dispatch(case: Case, verdict: Verdict) -> None:
    """Find what is to be sent and nobody will send: no lane has it, and no clock brings it to one."""
    taken = case.taken
    if taken is not None and taken.state == SENDING and not taken.timed and case.order not in case.handed:
        verdict.breach(LOST, case.order, "its proof is to be asked, and nobody has it to ask")
    for it in case.payouts:
        if it.waits == SENDING and not it.timed and it.payout not in case.handed:
            verdict.breach(LOST, it.payout, "it is to be sent, and nobody has it to send")
    for refund in case.refunds:
        if refund.waits == SENDING and not refund.timed and refund.refund not in case.handed:
            verdict.breach(LOST, refund.refund, "it is to be sent, and nobody has it to send")


def _awaited(case: Case) -> list[tuple[Hop, str]]:
    """Return what no store has although the event that brings it was committed."""
    taken, divided = case.taken, case.divided
    if divided is not None and divided.charge:
        return _unasked(divided, case)
    if taken is None:
        return [("taken", "it was sent, and payments has not taken it")] if case.sent else []
    found: list[tuple[Hop, str]] = []
    if not case.copied:
        found.append(("copied", "payments has it, and aftersale has no copy"))
    if divided is None:
        if taken.state == "accepted":
            found.append(("split", "payments has accepted it, and split has not divided it"))
        return found
    return found + _unasked(divided, case)


def _unasked(divided: Divided, case: Case) -> list[tuple[Hop, str]]:
    """Return the payouts of which payments has not heard."""
    there = {it.payout.rpartition(".")[2] for it in case.payouts}
    return [
        ("payout", f"split has asked for payout {number}, and payments has not taken it")
        for number in map(str, range(1, divided.payouts + 1))
        if number not in there
    ]
