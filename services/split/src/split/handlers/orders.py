"""Split-requested: split each order once, book it, and ask for its payout; what cannot be paid waits with a reason."""

import hashlib
from collections import Counter
from collections.abc import Sequence

import msgspec

from shared.messages import MerchantChanged, PayoutSettled, SplitRequested, decode, encode
from shared.mongo import Database
from shared.record import Batch, Received
from shared.work import Work
from split.domain import collectors, money_back, splits
from split.domain.holds import NO_FACTS, Facts, fitting
from split.domain.judgements import Moment
from split.domain.orders import Order
from split.domain.rounds import Decision
from split.domain.settlements import Settlement, settle
from split.handlers.reviews import Reviews, by_marketplace, keys_of, record
from split.metrics import Metrics
from split.store.books import Books
from split.store.merchants import Merchants
from split.store.orders import Early, Known, Orders
from split.store.standings import Sheet


class OrderHandlers:
    """What split does with paid orders."""

    def __init__(
        self, database: Database, orders: Orders, merchants: Merchants, metrics: Metrics, reviews: Reviews
    ) -> None:
        self._database = database
        self._orders = orders
        self._merchants = merchants
        self._metrics = metrics
        self._reviews = reviews

    async def split_orders(self, batch: Batch[SplitRequested], work: Work) -> None:
        """Split the orders that are new; the same order again changes nothing, another under its id is refused."""
        known = await self._orders.known([received.event.key for received in batch], work.session)
        copies = await self._merchants.copies(keys_of(received.event for received in batch), work.session)
        books = await Books.opened(self._database, work, self._metrics.note_imbalance)
        early = {key: it.facts for key, it in known.items() if it.facts.approved or it.facts.moved}
        refunding = ((it.event, money_back.payees(it.event, early.get(it.event.key, NO_FACTS))) for it in batch)
        sheet = await self._reviews.sheet(refunding, work)
        of_marketplace = by_marketplace(copies)
        outcomes: Counter[str] = Counter()
        requests = [received.event for received in batch]
        moments = await self._reviews.moments.present(requests, of_marketplace, work.session)
        for received in batch:
            event, body = received.event, encode(received.event)
            digest = hashlib.sha256(body).digest()
            before = known.get(event.key)
            if before is not None and before.hash is not None:
                outcomes["repeated" if before.hash == digest else "refused"] += 1
                if before.hash != digest:
                    work.reject(received, "contract", "order_differs")
                continue
            moment = moments[event.marketplace]
            unit = _Unit(work, books, sheet, of_marketplace.get(event.marketplace, {}), moment)
            decision = self._split(unit, received, before, (body, digest))
            if isinstance(decision, str):
                outcomes["refused"] += 1
                work.reject(received, "contract", decision)
                continue
            outcomes[_outcome(decision)] += 1
            known[event.key] = Known("split", digest, ())
        books.close()
        self._reviews.close(sheet, work)
        work.after_commit(lambda: self._metrics.note_split(outcomes))

    def _split(
        self, unit: "_Unit", received: Received[SplitRequested], stub: Known | None, stored: tuple[bytes, bytes]
    ) -> Decision | str:
        """Decide about one order and record it; a reason if it cannot be booked."""
        event, work = received.event, unit.work
        facts, misfits = _early(event, stub)
        stand = unit.sheet.of(event.marketplace, event.currency)
        decision = splits.split(event, unit.merchants, facts, unit.moment, stand)
        if isinstance(decision, str):
            return decision
        order = decision.order
        unit.sheet.keep(event.marketplace, event.currency, decision.standings)
        unit.books.post(order, "split", decision.entries, received.event_id)
        self._reviews.tell(decision, work)
        if decision.payout is not None:
            work.publish(decision.payout, cause=received)
        if stub is None:
            self._orders.add(work, order, event, *stored, received.origin_time)
        else:
            order = self._complete(unit, received, order, stub, stored)
            if misfits != NO_FACTS:
                self._orders.refuse_facts(work, order.key, misfits)
                work.after_commit(self._metrics.note_misfits)
        for merchant in order.waiting_for:
            self._merchants.wait(work, f"{order.marketplace}/{merchant}", 1)
        return decision

    def _complete(
        self,
        unit: "_Unit",
        received: Received[SplitRequested],
        split: Order,
        stub: Known,
        stored: tuple[bytes, bytes],
    ) -> Order:
        """Make a stub the order: apply what came before it, and plan the refunds that were made before it."""
        event = received.event
        order, unmatched = _catch_up(split, stub.early, unit)
        if order.known_facts.approved or order.known_facts.moved or collectors.waits(order):
            stand = unit.sheet.of(event.marketplace, event.currency)
            again = splits.review(order, event, unit.merchants, unit.moment, stand)
            if again is not None:
                order = again.order
                unit.sheet.keep(event.marketplace, event.currency, again.standings)
                record(again, unit.books, unit.work, received.event_id, received, received.origin_time)
                self._reviews.tell(again, unit.work)
        self._orders.complete(unit.work, order, event, *stored, received.origin_time)
        if unmatched:
            self._orders.refuse_early(unit.work, order.key, unmatched)
            unit.work.after_commit(lambda: self._metrics.note_unmatched(len(unmatched)))
        return order


class _Unit(msgspec.Struct, frozen=True):
    """What the orders of a unit of work have in common."""

    work: Work
    books: Books
    sheet: Sheet
    merchants: dict[str, MerchantChanged]
    moment: Moment


def _early(event: SplitRequested, stub: Known | None) -> tuple[Facts, Facts]:
    """Return what had happened to an order before it came, as far as it fits, and what does not."""
    if stub is None or stub.facts == NO_FACTS:
        return NO_FACTS, NO_FACTS
    return fitting(stub.facts, frozenset(line.line_id for line in event.lines), event.currency)


def _outcome(decision: Decision) -> str:
    held = any(share.state == "held" for share in decision.order.shares)
    return ("partly_held" if decision.payout else "held") if held else "paid_out"


def _catch_up(order: Order, early: Sequence[Early], unit: _Unit) -> tuple[Order, list[Early]]:
    """Apply what came before its order; return the order, and what it cannot take."""
    unmatched: list[Early] = []
    for waited in early:
        match settle(order, decode(PayoutSettled, waited.body)):
            case Settlement() as settled:
                unit.books.post(order, "settle", settled.entries, waited.event_id)
                unit.sheet.note(order.marketplace, order.currency, settled.entries)
                order = settled.order
            case str() as reason:
                unmatched.append(msgspec.structs.replace(waited, reason=reason))
            case None:
                pass
    return order, unmatched
