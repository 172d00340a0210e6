"""Asks institutions whether claimed payments are real, and commits a batch of verdicts in one transaction."""

from collections.abc import Callable, Mapping
from datetime import datetime

from payments.channels.port import Channel, NotSentError, UnansweredError
from payments.dispatch.lanes import Item, Line
from payments.dispatch.outcome import commit
from payments.domain.lifecycles import PROVING
from payments.domain.proof import ChannelRecord, Proved, Unverified, prove, to_prove
from payments.domain.reasons import Rejected
from payments.store.orders import Asked, Orders
from shared.commits import Commits
from shared.messages import OrderPaid, OrderRejected
from shared.work import Work


def item(asked: Asked) -> Item[Asked]:
    """Return an order as a lane takes it."""
    return Item(asked.key, len(asked.order.payments), asked.size, asked)


def line(asked: Asked) -> Line:
    """Return the lane of an order; its rules have made profile and account one."""
    first = asked.order.payments[0]
    return Line(first.channel_profile, first.channel_account)


class Proving:
    """The proof of one batch of orders of one account."""

    def __init__(self, channel_of: Callable[[str], Channel], orders: Orders, commits: Commits) -> None:
        self._channel_of = channel_of
        self._orders = orders
        self._commits = commits

    async def send(self, to: Line, batch: list[Asked]) -> bool:
        """Ask for all payments in one request, then record every verdict.

        Raises:
            NotSentError: no answer. Asking changes nothing, so an answer that got lost is simply asked for again.

        """
        wanted = list(dict.fromkeys(identity for asked in batch for identity in to_prove(asked.order)))
        try:
            records = await self._channel_of(to.profile).find_payments(to.account, wanted)
        except UnansweredError as error:
            raise NotSentError(str(error)) from error

        async def record(work: Work, some: list[Asked]) -> None:
            await self._record(work, to, some, records)

        await commit(self._commits, batch, record, answered=True)
        return True

    async def _record(
        self, work: Work, to: Line, batch: list[Asked], records: Mapping[str, ChannelRecord | None]
    ) -> None:
        known = await self._orders.known((asked.key for asked in batch), work.session)
        claims = await self._orders.claimed(
            (_claim(to, identity) for identity, record in records.items() if record is not None), work.session
        )
        for asked in batch:
            standing = known.get(asked.key)
            if standing is None or standing.state not in PROVING or standing.hash != asked.hash:
                continue  # another replica, or an earlier try whose commit was unknown, has concluded it
            paid = to_prove(asked.order)
            owners = {identity: claims.get(_claim(to, identity), asked.key) for identity in paid}
            used = {identity: owner for identity, owner in owners.items() if owner != asked.key}
            match prove(asked.order, records, used):
                case Proved() as proved:
                    for identity in paid:
                        if _claim(to, identity) not in claims:
                            self._orders.claim(work, _claim(to, identity), asked.key)
                            claims[_claim(to, identity)] = asked.key
                    self._orders.accept(work, asked, proved)
                    work.publish(proved.order, origin_time=asked.origin_time)
                case Unverified(detail):
                    self._orders.hold(work, asked, detail)
                case Rejected() as no:
                    self._orders.reject(work, asked, no)
                    work.publish(rejection(asked.order, no, work.now), origin_time=asked.origin_time)


def rejection(order: OrderPaid, no: Rejected, now: datetime) -> OrderRejected:
    """Return the event that tells of a refused order."""
    return OrderRejected(
        marketplace=order.marketplace, order_id=order.order_id, reason=no.reason, detail=no.detail, rejected_at=now
    )


def _claim(to: Line, identity: str) -> str:
    return f"{to.account}/{identity}"
