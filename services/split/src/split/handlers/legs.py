"""What two people decide about a leg that came back, or that a limit keeps: to pay it now, or to pay nobody."""

from typing import Literal

from shared.ids import event_id
from shared.work import Work
from split.domain import money_back
from split.domain.approvals import Approval
from split.domain.guards import FRESH
from split.domain.pots import MERCHANT
from split.domain.refusals import Refused
from split.domain.resting import Deed, leg_of, refusal
from split.domain.splits import gate_of
from split.handlers.reviews import Occasion, Reviews, by_marketplace
from split.store.merchants import Merchants
from split.store.orders import Held, Orders


class LegDeeds:
    """Does one kind of deed, in the transaction of its approval."""

    def __init__(
        self, what: Literal["retry", "write_off"], orders: Orders, merchants: Merchants, reviews: Reviews
    ) -> None:
        self._what: Literal["retry", "write_off"] = what
        self._orders = orders
        self._merchants = merchants
        self._reviews = reviews

    async def check(self, approval: Approval, work: Work) -> Refused | None:
        """Say why it cannot be done, if so: there is no such leg, it does not rest, or it may not be paid anyway."""
        found = await self._found(approval, work)
        return found if isinstance(found, Refused) else None

    async def carry_out(self, approval: Approval, work: Work) -> str | Refused:
        """Do it; return the payout that pays the leg, or the account that its money is in."""
        found = await self._found(approval, work)
        if isinstance(found, Refused):
            return found
        cause = event_id("leg", approval.marketplace, approval.approval_id)
        deed = Deed(self._what, approval.subject)
        await self._reviews.review([Occasion(found, found.order, cause, deed=deed)], work)
        order = found.order
        return f"{order.document}.{order.payouts + 1}" if self._what == "retry" else f"suspense/{order.channel_account}"

    async def _found(self, approval: Approval, work: Work) -> Held | Refused:
        key = _order_of(approval)
        held = (await self._orders.whole([key], work.session)).get(key) if key else None
        if not isinstance(held, Held):
            return Refused("leg_unknown", f"there is no leg {approval.subject}")
        refused = refusal(held.order, Deed(self._what, approval.subject))
        if refused is None and money_back.stopped_lines(held.order):
            refused = Refused("leg_stopped", "a refund of its order waits to be planned")
        if refused is None and self._what == "retry":
            refused = await self._stopped(held, approval, work)
        return refused or held

    async def _stopped(self, held: Held, approval: Approval, work: Work) -> Refused | None:
        """Say what keeps a leg's receiver from being paid at all, if so: a block, or a stop."""
        order, leg = held.order, leg_of(held.order, approval.subject)
        if leg is None or not leg.receiver.startswith(MERCHANT):
            return None
        copies = by_marketplace(await self._merchants.copies([f"{order.marketplace}/{leg.payee}"], work.session))
        moments = await self._reviews.moments.present([held.request], copies, work.session)
        gate = gate_of(order, moments[order.marketplace])
        reason = gate.ask(leg.payee, leg.amount_minor, FRESH, by_hand=True).reason
        return Refused("leg_stopped", f"{leg.payee} may not be paid: {reason}") if reason else None


def _order_of(approval: Approval) -> str:
    """Return the key of the order that a leg is of: `<marketplace>/o:<order>/…`; empty where it is no order's."""
    marketplace, _, rest = approval.subject.partition("/")
    document, _, path = rest.partition("/")
    mine = marketplace == approval.marketplace and document.startswith("o:") and path
    return f"{marketplace}/{document.removeprefix('o:')}" if mine else ""
