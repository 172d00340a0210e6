"""What two people decide about a leg that rests, of an order or a charge: to pay it now, or to pay nobody after all."""

from typing import Final, Literal

from shared.ids import event_id
from shared.work import Work
from split.domain import money_back
from split.domain.approvals import Approval
from split.domain.charges import DOCUMENT, Charge, key_of
from split.domain.gates import Gate
from split.domain.guards import FRESH
from split.domain.orders import Order
from split.domain.pots import MERCHANT
from split.domain.refusals import Refused
from split.domain.resting import Deed, leg_of, refusal
from split.domain.shares import account
from split.domain.splits import gate_of
from split.handlers.charges import ChargeReviews
from split.handlers.reviews import Occasion, Reviews, by_marketplace
from split.store.charges import Charges
from split.store.merchants import Merchants
from split.store.orders import Held, Orders

ORDER: Final = "o:"


class LegDeeds:
    """Does one kind of deed, in the transaction of its approval."""

    def __init__(
        self,
        what: Literal["retry", "write_off", "restore"],
        orders: Orders,
        charges: Charges,
        merchants: Merchants,
        reviews: Reviews,
        of_charges: ChargeReviews,
    ) -> None:
        self._what: Literal["retry", "write_off", "restore"] = what
        self._orders = orders
        self._charges = charges
        self._merchants = merchants
        self._reviews = reviews
        self._of_charges = of_charges

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
        if isinstance(found, Charge):
            await self._of_charges.review(found, work, cause, deed)
        else:
            await self._reviews.review([Occasion(found, found.order, cause, deed=deed)], work)
        return self._outcome(found if isinstance(found, Charge) else found.order, approval.subject)

    def _outcome(self, order: Order, leg: str) -> str:
        """Return where the leg's money is then, told from the order as it was before."""
        share = leg_of(order, leg)
        if self._what == "retry" or share is None:
            return f"{order.document}.{order.payouts + 1}"
        return account(share, "written_off" if self._what == "write_off" else "available", order.channel_account)

    async def _found(self, approval: Approval, work: Work) -> Held | Charge | Refused:
        found = await self._stored(approval, work)
        if found is None:
            return Refused("leg_unknown", f"there is no leg {approval.subject}")
        order = found if isinstance(found, Charge) else found.order
        refused = refusal(order, Deed(self._what, approval.subject))
        if refused is None and money_back.stopped_lines(order):
            refused = Refused("leg_stopped", "a refund of its order waits to be planned")
        if refused is None and self._what == "retry":
            refused = await self._stopped(found, approval, work)
        return refused or found

    async def _stored(self, approval: Approval, work: Work) -> Held | Charge | None:
        """Return what the leg `<marketplace>/<document>/…` is of, where it is of this marketplace and there."""
        marketplace, _, rest = approval.subject.partition("/")
        document, _, path = rest.partition("/")
        if marketplace != approval.marketplace or not path:
            return None
        if document.startswith(DOCUMENT):
            key = key_of(marketplace, document.removeprefix(DOCUMENT))
            return (await self._charges.load([key], work.session)).get(key)
        key = f"{marketplace}/{document.removeprefix(ORDER)}" if document.startswith(ORDER) else ""
        held = (await self._orders.whole([key], work.session)).get(key) if key else None
        return held if isinstance(held, Held) else None

    async def _stopped(self, found: Held | Charge, approval: Approval, work: Work) -> Refused | None:
        """Say what keeps a leg's receiver from being paid at all, if so: a block, or a stop."""
        leg = leg_of(found if isinstance(found, Charge) else found.order, approval.subject)
        if leg is None or not leg.receiver.startswith(MERCHANT):
            return None
        gate = await self._gate(found, leg.payee, work)
        reason = gate.ask(leg.payee, leg.amount_minor, FRESH, by_hand=True).reason
        return Refused("leg_stopped", f"{leg.payee} may not be paid: {reason}") if reason else None

    async def _gate(self, found: Held | Charge, payee: str, work: Work) -> Gate:
        if isinstance(found, Charge):
            return await self._of_charges.gate(found, work)
        order = found.order
        copies = by_marketplace(await self._merchants.copies([f"{order.marketplace}/{payee}"], work.session))
        moments = await self._reviews.moments.present([found.request], copies, work.session)
        return gate_of(order, moments[order.marketplace])
