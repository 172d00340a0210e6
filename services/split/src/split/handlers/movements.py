"""Channel-moved: what the institution moved by itself, for an order or for an account of a marketplace.

An order's is kept with the order. Money that belongs to no order is booked at once: as a deposit where its reference
says so, as what a debtor has paid, else in suspense, where somebody has to look at it.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from shared.messages import ChannelMoved, body_hash
from shared.mongo import Database
from shared.profiles import shipped
from shared.record import Batch, Received
from shared.work import Work
from split.domain.funding import FRESH_STANDING
from split.domain.guards import netted
from split.domain.movements import UNFREEZE, of_account
from split.domain.pots import MERCHANT
from split.handlers.facts import FactHandlers
from split.handlers.reviews import Beside
from split.store.books import Books
from split.store.movements import Movements, about, key_of
from split.store.standings import Sheet, Who

OF_ORDERS: Final = ("chargeback", "chargeback_reversed", "console_refund", UNFREEZE)


class MovementHandlers:
    """What split does with money that an institution moved by itself."""

    def __init__(self, database: Database, facts: FactHandlers) -> None:
        self._facts = facts
        self._movements = Movements(database)

    async def post_movements(self, batch: Batch[ChannelMoved], work: Work) -> None:
        """Take each movement once; the same again changes nothing, another under its number is refused."""
        accounts: list[Received[ChannelMoved]] = []
        orders: list[Received[ChannelMoved]] = []
        for received in batch:
            event = received.event
            if event.amount_minor <= 0:
                work.reject(received, "contract", "amount_out_of_range")
            elif event.kind == UNFREEZE and not _unfreezes(event):
                work.reject(received, "contract", "unfreeze_of_no_order")
            else:
                (orders if event.order_id and event.kind in OF_ORDERS else accounts).append(received)
        if not orders and not accounts:
            return
        known = await self._movements.known([key_of(it.event) for it in accounts], work.session) if accounts else {}
        debtors = frozenset(who for it in accounts if (who := _debtor(it.event)) is not None)
        beside = Beside(debtors, partial(self._post, work, accounts, known)) if accounts else None
        await self._facts.move_orders(Batch(orders, batch.received_at), work, beside)

    def _post(
        self,
        work: Work,
        movements: Sequence[Received[ChannelMoved]],
        known: dict[str, bytes],
        books: Books,
        sheet: Sheet,
    ) -> None:
        """Book what belongs to no order."""
        for received in movements:
            event, digest, key = received.event, body_hash(received.event), key_of(received.event)
            if key in known:
                if known[key] != digest:
                    work.reject(received, "contract", "movement_differs")
                continue
            known[key] = digest
            who, paid = _debtor(event), 0
            if who is not None:
                standing = sheet.of(who.marketplace, who.currency).get(who.merchant, FRESH_STANDING)
                guard, paid = netted(standing.guard, event.amount_minor)
                if paid:
                    after = msgspec.structs.replace(standing, guard=guard)
                    sheet.keep(who.marketplace, who.currency, {who.merchant: after})
            entries = of_account(event.kind, event.channel_account, event.amount_minor, event.reference or "", paid)
            if who is not None and paid:
                entries[f"merchant:debt/{who.merchant}"] = paid
            place = event.marketplace, event.currency
            books.post_about(place, about(event), "movement", entries, received.event_id)
            sheet.note(*place, entries)
            self._movements.keep(work, key, event, digest)


def _unfreezes(event: ChannelMoved) -> bool:
    """Tell whether the end of a freeze is of an order, and of a profile that freezes anything."""
    profile = shipped().find(event.channel_profile)
    return bool(event.order_id) and profile is not None and profile.freeze_days is not None


def _debtor(event: ChannelMoved) -> Who | None:
    """Return who pays what it owes: the merchant from whom the institution took it."""
    if event.kind != "deduction" or not (event.receiver or "").startswith(MERCHANT):
        return None
    return Who(event.marketplace, (event.receiver or "").removeprefix(MERCHANT), event.currency)
