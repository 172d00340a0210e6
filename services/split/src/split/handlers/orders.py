"""Split-requested: split each order once, book it, and ask for its payout; what cannot be paid waits with a reason."""

import hashlib
from collections import Counter
from collections.abc import Sequence

import msgspec

from shared.messages import PayoutSettled, SplitRequested, decode, encode
from shared.mongo import Database
from shared.record import Batch, Received
from shared.work import Work
from split.domain import splits
from split.domain.holds import NO_FACTS
from split.domain.orders import Order
from split.domain.rounds import Decision
from split.domain.settlements import Settlement, settle
from split.handlers.reviews import Moments, by_marketplace, keys_of
from split.metrics import Metrics
from split.store.books import Books
from split.store.merchants import Merchants
from split.store.orders import Early, Known, Orders


class OrderHandlers:
    """What split does with paid orders."""

    def __init__(
        self, database: Database, orders: Orders, merchants: Merchants, metrics: Metrics, moments: Moments
    ) -> None:
        self._database = database
        self._orders = orders
        self._merchants = merchants
        self._metrics = metrics
        self._moments = moments

    async def split_orders(self, batch: Batch[SplitRequested], work: Work) -> None:
        """Split the orders that are new; the same order again changes nothing, another under its id is refused."""
        known = await self._orders.known([received.event.key for received in batch], work.session)
        copies = await self._merchants.copies(keys_of(received.event for received in batch), work.session)
        books = await Books.opened(self._database, work, self._metrics.note_imbalance)
        of_marketplace = by_marketplace(copies)
        outcomes: Counter[str] = Counter()
        now = self._moments.now()
        for received in batch:
            event, body = received.event, encode(received.event)
            digest = hashlib.sha256(body).digest()
            before = known.get(event.key)
            if before is not None and before.hash is not None:
                outcomes["repeated" if before.hash == digest else "refused"] += 1
                if before.hash != digest:
                    work.reject(received, "contract", "order_differs")
                continue
            moment = self._moments.of(event.marketplace, now)
            facts = before.facts if before is not None else NO_FACTS
            decision = splits.split(event, of_marketplace.get(event.marketplace, {}), facts, moment)
            if isinstance(decision, str):
                outcomes["refused"] += 1
                work.reject(received, "contract", decision)
                continue
            outcomes[_outcome(decision)] += 1
            known[event.key] = Known("split", digest, ())
            self._record(work, books, received, decision, (body, digest), before)
        books.close()
        work.after_commit(lambda: self._metrics.note_split(outcomes))

    def _record(
        self,
        work: Work,
        books: Books,
        received: Received[SplitRequested],
        decision: Decision,
        stored: tuple[bytes, bytes],
        stub: Known | None,
    ) -> None:
        order, event = decision.order, received.event
        books.post(order, "split", decision.entries, received.event_id)
        for merchant in order.waiting_for:
            self._merchants.wait(work, f"{order.marketplace}/{merchant}", 1)
        if decision.payout is not None:
            work.publish(decision.payout, cause=received)
        if stub is None:
            self._orders.add(work, order, event, *stored, received.origin_time)
            return
        order, unmatched = _catch_up(order, stub.early, books)
        self._orders.complete(work, order, event, *stored, received.origin_time)
        if unmatched:
            self._orders.refuse_early(work, order.key, unmatched)
            work.after_commit(lambda: self._metrics.note_unmatched(len(unmatched)))


def _outcome(decision: Decision) -> str:
    held = any(share.state == "held" for share in decision.order.shares)
    return ("partly_held" if decision.payout else "held") if held else "paid_out"


def _catch_up(order: Order, early: Sequence[Early], books: Books) -> tuple[Order, list[Early]]:
    """Apply what came before its order; return the order, and what it cannot take."""
    unmatched: list[Early] = []
    for waited in early:
        match settle(order, decode(PayoutSettled, waited.body)):
            case Settlement() as settled:
                books.post(order, "settle", settled.entries, waited.event_id)
                order = settled.order
            case str() as reason:
                unmatched.append(msgspec.structs.replace(waited, reason=reason))
            case None:
                pass
    return order, unmatched
