"""Payout-requested: take what may be paid, stop what is not sent yet, and answer what needs no institution."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Literal

import msgspec

from payments.dispatch import paying
from payments.dispatch.lanes import Lanes, Line
from payments.domain import guards
from payments.domain import payouts as rules
from payments.domain.payouts import KnownLeg, Payout
from payments.domain.reasons import PayoutReason
from payments.store.handovers import HandOvers
from payments.store.merchants import Merchants
from payments.store.orders import Orders
from payments.store.payouts import Known, Payouts, key_of
from shared.marketplaces import Marketplaces
from shared.messages import PayoutRequested, body_hash
from shared.mongo import Document
from shared.profiles import shipped
from shared.record import Batch, Received
from shared.work import Work

type Refusal = tuple[PayoutReason, str]


class _Loaded(msgspec.Struct):
    """What a batch touches, kept up to date while the batch is decided: later records see what earlier ones did.

    `beside`: documents of which other payouts are looked at as well. `self_operated`: merchants that are the platform
    itself, by marketplace; only looked up where money is paid out of accounts of its own.
    """

    known: dict[str, Known]
    legs: dict[str, KnownLeg]
    orders: Mapping[str, Document]
    beside: set[str]
    handed: dict[Line, list[Payout]]
    self_operated: dict[str, set[str]] = {}


class PayoutHandlers:
    """What payments does with requests to pay."""

    def __init__(
        self,
        orders: Orders,
        payouts: Payouts,
        handovers: HandOvers,
        marketplaces: Marketplaces,
        merchants: Merchants,
        lanes: Lanes[Payout],
    ) -> None:
        self._merchants = merchants
        self._orders = orders
        self._payouts = payouts
        self._handovers = handovers
        self._marketplaces = marketplaces
        self._lanes = lanes

    async def take_payouts(self, batch: Batch[PayoutRequested], work: Work) -> None:
        """Take a batch of requests: pay, cancel, finish."""
        events = [received.event for received in batch]
        keys, split = {event.key for event in events if _of_order(event)}, any(_splits(it) for it in events)
        orders = await self._orders.payable(keys, work.session, payments=split)
        known = await self._payouts.known((f"{it.marketplace}/{it.payout_id}" for it in events), work.session)
        beside = {f"{it.marketplace}/{it.document}" for it in events if not _alone(it, orders)}
        if beside:
            known |= await self._payouts.known_of(beside, work.session)
        loaded = _Loaded(known, rules.known_legs(it.payout for it in known.values()), orders, beside, handed={})
        if owned := [event for event in events if self._own(event)]:
            loaded.self_operated = await self._merchants.self_operated(_payees(owned), work.session)
        for received in batch:
            event = received.event
            before = loaded.known.get(f"{event.marketplace}/{event.payout_id}")
            digest = body_hash(event)
            if before is not None and digest in {before.hash, before.cancel_hash}:
                continue
            refused = self._decide(work, received, before, digest, loaded)
            if refused is not None:
                work.reject(received, "contract", ": ".join(refused))
        for line, payouts in loaded.handed.items():
            handover = self._handovers.open(work, "pay", line, [key_of(it) for it in payouts])
            work.after_commit(partial(self._lanes.hand, line, [paying.item(it) for it in payouts], handover))

    def _decide(
        self, work: Work, received: Received[PayoutRequested], before: Known | None, digest: bytes, loaded: _Loaded
    ) -> Refusal | None:
        kind = received.event.kind
        if before is not None and not _may_follow(before, kind):
            return "payout_conflict", f"payout {received.event.payout_id} is known with another body"
        match kind:
            case "pay" | "finish" if before is None:
                # A finish is asked for last, when every other leg is final: its legs are the collector's own shares.
                return self._pay(work, received, digest, loaded)
            case "pay" | "finish" if before is not None:
                self._answer(work, received, before, _never_paid(received.event, before, digest), loaded)
            case "cancel":
                self._answer(work, received, before, _cancelled(received, before, digest, work), loaded)
        return None

    def _pay(self, work: Work, received: Received[PayoutRequested], digest: bytes, loaded: _Loaded) -> Refusal | None:
        event = received.event
        refused = self._account_refusal(event, loaded) or self._path_refusal(event, loaded)
        refused = refused or rules.refusal(event, _payable(event, loaded), loaded.legs)
        if refused is not None:
            return refused
        payout = rules.requested(event, received.origin_time, work.now)
        if payout.waits is None:  # nothing to pay is paid at once
            self._answer(work, received, None, Known(msgspec.structs.replace(payout, revision=1), digest), loaded)
            return None
        self._record(work, None, Known(payout, digest), loaded)
        loaded.handed.setdefault(paying.line(payout), []).append(payout)
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

    def _path_refusal(self, event: PayoutRequested, loaded: _Loaded) -> Refusal | None:
        """Say what this institution cannot be asked, and what would lead a seller's money over the platform."""
        profile, marketplace = shipped().find(event.channel_profile), self._marketplaces.find(event.marketplace)
        if profile is None or marketplace is None:
            return "payout_account_differs", f"{event.channel_profile} of {event.marketplace} is not known"
        path = guards.Path(
            payments=loaded.orders.get(event.key, {}).get("payment_ids", ()),
            waived=marketplace.waived(profile.name),
            own=marketplace.is_own(profile.name, event.channel_account),
            self_operated=loaded.self_operated.get(event.marketplace, ()),
        )
        return guards.refusal(event, profile, path)

    def _own(self, event: PayoutRequested) -> bool:
        marketplace = self._marketplaces.find(event.marketplace)
        return marketplace is not None and marketplace.is_own(event.channel_profile, event.channel_account)

    def _answer(
        self, work: Work, received: Received[PayoutRequested], before: Known | None, after: Known, loaded: _Loaded
    ) -> None:
        self._record(work, before, after, loaded)
        work.publish(rules.settled(after.payout, work.now), cause=received)

    def _record(self, work: Work, before: Known | None, after: Known, loaded: _Loaded) -> None:
        payout = after.payout
        if before is not None:
            self._payouts.update(work, before.payout, after)
        elif f"{payout.marketplace}/{payout.document}" not in loaded.beside:
            self._payouts.insert(work, after)
        else:
            after = msgspec.structs.replace(after, payout=msgspec.structs.replace(payout, fenced=True))
            self._payouts.insert(work, after)
            self._fence_others(work, payout, loaded)
            if payout.document.startswith("o:"):
                self._orders.note_several(work, f"{payout.marketplace}/{payout.document[2:]}")
        loaded.known[key_of(payout)] = after
        loaded.legs |= rules.known_legs([payout])

    def _fence_others(self, work: Work, payout: Payout, loaded: _Loaded) -> None:
        """Put the legs of the payouts that were there before into the index, too."""
        for key, it in loaded.known.items():
            other = it.payout
            if (other.marketplace, other.document) == (payout.marketplace, payout.document) and not other.fenced:
                self._payouts.fence(work, other)
                fenced = msgspec.structs.replace(other, fenced=True)
                loaded.known[key] = msgspec.structs.replace(it, payout=fenced)


def _may_follow(before: Known, kind: Literal["pay", "finish", "cancel"]) -> bool:
    """Tell whether this kind may still come for a payout that is known: each comes once, a cancel perhaps first."""
    if kind == "cancel":
        return before.cancel_hash is None and before.payout.kind != "cancel"
    return before.hash is None


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
        stub.payout, kind=event.kind, legs=rules.legs(event, "cancelled"), revision=stub.payout.revision + 1
    )
    return msgspec.structs.replace(stub, payout=payout, hash=digest)


def _splits(event: PayoutRequested) -> bool:
    profile = shipped().find(event.channel_profile)
    return profile is not None and profile.collector == "merchant"


def _payees(events: Iterable[PayoutRequested]) -> set[str]:
    """Return the keys of the merchants whom these would pay."""
    found = ((event.marketplace, leg.receiver) for event in events for leg in event.legs)
    return {f"{place}/{receiver.removeprefix(guards.MERCHANT)}" for place, receiver in found}


def _of_order(event: PayoutRequested) -> bool:
    return event.kind != "cancel" and event.document.startswith("o:")


def _alone(event: PayoutRequested, orders: Mapping[str, Document]) -> bool:
    """Tell whether a request needs no look at the other payouts of its document: it is an order's first and only one.

    A document's requests come by one partition in the order of their numbers; where they do not (a redrive), the later
    one has noted itself in the order.
    """
    if event.kind == "cancel":
        return True
    return _of_order(event) and rules.is_first(event) and not orders.get(event.key, {}).get("several")


def _payable(event: PayoutRequested, loaded: _Loaded) -> int | None:
    if not event.document.startswith("o:"):
        return None
    order = loaded.orders[event.key]
    moved_minor = int(order.get("moved_minor", 0)) - int(order.get("covered_minor", 0))
    net_minor = int(order["net_minor"]) + moved_minor
    if f"{event.marketplace}/{event.document}" not in loaded.beside:
        return net_minor
    payouts = (known.payout for known in loaded.known.values())
    others = (it for it in payouts if (it.marketplace, it.document) == (event.marketplace, event.document))
    taken_minor = sum(it.moved_minor + it.under_way_minor for it in others)
    return net_minor - taken_minor
