"""Payout-requested: take what may be paid, stop what is not sent yet, and answer what needs no institution."""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from payments.dispatch import paying
from payments.dispatch.lanes import Item, Lanes, Line
from payments.domain import payouts as rules
from payments.domain.lifecycles import HELD
from payments.domain.payouts import KnownLeg, Payout
from payments.domain.reasons import PayoutReason
from payments.store.orders import Orders
from payments.store.payouts import Known, Payouts, key_of
from shared.marketplaces import Marketplaces
from shared.messages import PayoutRequested, body_hash
from shared.mongo import Document
from shared.record import Batch, Received
from shared.work import Work

type Refusal = tuple[PayoutReason, str]


class _Loaded(msgspec.Struct):
    """What a batch touches, kept up to date while the batch is decided: later records see what earlier ones did."""

    known: dict[str, Known]
    legs: dict[str, KnownLeg]
    orders: Mapping[str, Document]
    handed: dict[Line, list[Item[Payout]]]


class PayoutHandlers:
    """What payments does with requests to pay."""

    def __init__(self, orders: Orders, payouts: Payouts, marketplaces: Marketplaces, lanes: Lanes[Payout]) -> None:
        self._orders = orders
        self._payouts = payouts
        self._marketplaces = marketplaces
        self._lanes = lanes

    async def take_payouts(self, batch: Batch[PayoutRequested], work: Work) -> None:
        """Take a batch of requests: pay, cancel, finish."""
        events = [received.event for received in batch]
        later = {event.key for event in events if _of_order(event) and not _first(event)}
        leg_ids = [leg.leg_id for event in events for leg in event.legs]
        loaded = _Loaded(
            known=await self._payouts.known((f"{it.marketplace}/{it.payout_id}" for it in events), work.session),
            legs=await self._payouts.legs(leg_ids, work.session) if leg_ids else {},
            orders=await self._orders.payable(_orders_of(events), work.session),
            handed={},
        )
        if later:
            loaded.known |= await self._payouts.known_of(later, work.session)
        for received in batch:
            event = received.event
            before = loaded.known.get(f"{event.marketplace}/{event.payout_id}")
            digest = body_hash(event)
            if before is not None and digest in {before.hash, before.cancel_hash}:
                continue
            refused = self._decide(work, received, before, digest, loaded)
            if refused is not None:
                work.reject(received, "contract", ": ".join(refused))
        work.after_commit(lambda: self._hand(loaded.handed))

    def _decide(
        self, work: Work, received: Received[PayoutRequested], before: Known | None, digest: bytes, loaded: _Loaded
    ) -> Refusal | None:
        kind = received.event.kind
        if before is not None and not _may_follow(before, kind):
            return "payout_conflict", f"payout {received.event.payout_id} is known with another body"
        match kind:
            case "pay" if before is None:
                return self._pay(work, received, digest, loaded)
            case "pay" if before is not None:
                self._answer(work, received, before, _never_paid(received.event, before, digest), loaded)
            case "cancel":
                self._answer(work, received, before, _cancelled(received, before, digest, work), loaded)
            case "finish":
                # Where the pool collects, every share is a leg, so that a finish leaves nothing to be done.
                finished = rules.requested(received.event, received.origin_time, work.now)
                finished = msgspec.structs.replace(finished, legs=(), subsidies=(), revision=1)
                self._answer(work, received, None, Known(finished, digest), loaded)
        return None

    def _pay(self, work: Work, received: Received[PayoutRequested], digest: bytes, loaded: _Loaded) -> Refusal | None:
        event = received.event
        refused = self._account_refusal(event, loaded) or rules.refusal(event, _payable(event, loaded), loaded.legs)
        if refused is not None:
            return refused
        payout = rules.requested(event, received.origin_time, work.now)
        if payout.waits is None:  # nothing to pay is paid at once
            self._answer(work, received, None, Known(msgspec.structs.replace(payout, revision=1), digest), loaded)
            return None
        self._payouts.insert(work, Known(payout, digest))
        self._note(Known(payout, digest), loaded)
        loaded.handed.setdefault(paying.line(payout), []).append(paying.item(payout))
        return None

    def _account_refusal(self, event: PayoutRequested, loaded: _Loaded) -> Refusal | None:
        if not event.document.startswith("o:"):
            marketplace = self._marketplaces.find(event.marketplace)
            owned = marketplace is not None and marketplace.owns(event.channel_profile, event.channel_account)
            return None if owned else ("payout_account_differs", f"{event.channel_account} is of somebody else")
        order = loaded.orders.get(event.key)
        if order is None or order["state"] != "accepted":
            return "order_not_accepted", f"order {event.key} is {order['state'] if order else 'not known'}"
        paid_in = (order["channel_profile"], order["channel_account"], order["currency"])
        if (event.channel_profile, event.channel_account, event.currency) != paid_in:
            return "payout_account_differs", f"order {event.key} was paid in {paid_in}"
        return None

    def _answer(
        self, work: Work, received: Received[PayoutRequested], before: Known | None, after: Known, loaded: _Loaded
    ) -> None:
        if before is None:
            self._payouts.insert(work, after)
        else:
            self._payouts.update(work, before.payout, after)
        self._note(after, loaded)
        work.publish(rules.settled(after.payout, work.now), cause=received)

    def _note(self, known: Known, loaded: _Loaded) -> None:
        loaded.known[key_of(known.payout)] = known
        for leg in known.payout.legs:
            loaded.legs[leg.leg_id] = KnownLeg(known.payout.payout_id, leg.attempt, leg.state in HELD)

    def _hand(self, handed: dict[Line, list[Item[Payout]]]) -> None:
        for line, items in handed.items():
            self._lanes.hand(line, items)


def _may_follow(before: Known, kind: Literal["pay", "finish", "cancel"]) -> bool:
    """Tell whether this kind may still come for a payout that is known: each comes once, a cancel perhaps first."""
    if kind == "cancel":
        return before.cancel_hash is None and before.payout.kind == "pay"
    return kind == "pay" and before.hash is None


def _cancelled(received: Received[PayoutRequested], before: Known | None, digest: bytes, work: Work) -> Known:
    event = received.event
    if before is not None:
        payout = rules.cancelled(before.payout, frozenset(leg.leg_id for leg in event.legs))
        return msgspec.structs.replace(before, payout=payout, cancel_hash=digest)
    # The stub: a request to pay that comes later finds that it was cancelled before.
    stub = msgspec.structs.replace(
        rules.requested(event, received.origin_time, work.now),
        legs=rules.legs(event, "cancelled"),
        subsidies=(),
        revision=1,
    )
    return Known(stub, None, digest)


def _never_paid(event: PayoutRequested, stub: Known, digest: bytes) -> Known:
    payout = msgspec.structs.replace(
        stub.payout, kind="pay", legs=rules.legs(event, "cancelled"), revision=stub.payout.revision + 1
    )
    return msgspec.structs.replace(stub, payout=payout, hash=digest)


def _orders_of(events: Iterable[PayoutRequested]) -> set[str]:
    return {event.key for event in events if _of_order(event)}


def _of_order(event: PayoutRequested) -> bool:
    return event.kind == "pay" and event.document.startswith("o:")


def _first(event: PayoutRequested) -> bool:
    return event.payout_id == f"{event.document}.1"


def _payable(event: PayoutRequested, loaded: _Loaded) -> int | None:
    if not event.document.startswith("o:"):
        return None
    unpaid_minor = int(loaded.orders[event.key]["unpaid_minor"])
    if _first(event):
        return unpaid_minor
    # What is unpaid falls when a leg is final: until then two payouts would each find all of it there.
    payouts = (known.payout for known in loaded.known.values())
    others = (it for it in payouts if (it.marketplace, it.document) == (event.marketplace, event.document))
    return unpaid_minor - sum(it.under_way_minor for it in others)
