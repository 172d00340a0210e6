"""Adjustments by hand: what two people agreed on is booked in the approval's own transaction, under its guard."""

from collections.abc import Callable

import msgspec

from shared.clock import Clock
from shared.ids import event_id
from shared.mongo import Database
from shared.profiles import Profiles
from shared.work import Work
from split.domain.adjustments import Adjustment, begun, empty, mistake, refusal
from split.domain.approvals import Approval
from split.domain.funding import FRESH_STANDING
from split.domain.refusals import Refused
from split.handlers.payable import Payable
from split.store.accounts import Accounts
from split.store.books import Books
from split.store.charges import Charges
from split.store.merchants import Merchants
from split.store.orders import Orders
from split.store.standings import Sheet, Standings, Who


class Adjustments:
    """What split does with adjustments."""

    def __init__(
        self,
        database: Database,
        payable: Payable,
        profiles: Profiles,
        clock: Clock,
        note_imbalance: Callable[[int], None],
    ) -> None:
        self._database = database
        self._payable = payable
        self._profiles = profiles
        self._clock = clock
        self._note_imbalance = note_imbalance
        self._charges = Charges(database)
        self._orders = Orders(database)
        self._merchants = Merchants(database)
        self._accounts = Accounts(database)
        self._standings = Standings(database)

    async def check(self, approval: Approval, work: Work) -> Refused | None:
        """Say why it cannot be made, if so."""
        sheet = await self._decided(approval, work)
        return sheet if isinstance(sheet, Refused) else None

    async def carry_out(self, approval: Approval, work: Work) -> str | Refused:
        """Book it, and ask for its payout; return the payout's id."""
        sheet = await self._decided(approval, work)
        if isinstance(sheet, Refused):
            return sheet
        wanted, marketplace = adjustment_of(approval), approval.marketplace
        people = approval.actor, approval.decided_by
        charge = empty(wanted, marketplace, approval.approval_id, people, approval.reason)
        standing = sheet.of(marketplace, wanted.currency).get(wanted.receiver, FRESH_STANDING)
        decision = begun(charge, wanted, standing, self._clock.now())
        books = await Books.opened(self._database, work, self._note_imbalance)
        # Nothing came in: the event behind it is the payout that goes out with it.
        cause = event_id(decision.payout.topic, marketplace, decision.payout.identity)
        books.post(decision.charge, "adjustment", decision.entries, cause)
        books.close()
        sheet.keep(marketplace, wanted.currency, {wanted.receiver: decision.standing})
        sheet.write(work)
        self._charges.add(work, decision.charge)
        work.publish(decision.payout)
        return decision.payout.payout_id

    async def _decided(self, approval: Approval, work: Work) -> Sheet | Refused:
        """Return what its receiver has, or why it cannot be made."""
        wanted = adjustment_of(approval)
        refused = self._payable.account(approval, wanted.channel_profile, wanted.channel_account)
        refused = refused or mistake(wanted, self._profiles.find(wanted.channel_profile))
        refused = refused or await self._unknown(approval, wanted, work)
        if refused is None and wanted.direction == "credit":
            refused = await self._payable.paused(approval, wanted.channel_account, wanted.receiver, work)
        if refused is not None:
            return refused
        sheet = await self._standings.opened(
            [Who(approval.marketplace, wanted.receiver, wanted.currency)], (), work.session
        )
        standing = sheet.of(approval.marketplace, wanted.currency).get(wanted.receiver, FRESH_STANDING)
        blocked = await self._payable.blocked(approval, wanted.receiver, work)
        return refusal(wanted, standing.guard.debt_minor, blocked) or sheet

    async def _unknown(self, approval: Approval, wanted: Adjustment, work: Work) -> Refused | None:
        """Say what it names that is not there. Nobody is made to owe who has never had anything here."""
        if wanted.order_id:
            key = f"{approval.marketplace}/{wanted.order_id}"
            if (await self._orders.load([key], work.session)).get(key) is None:
                return Refused("order_unknown", f"split has not divided order {wanted.order_id!r}")
        if wanted.direction == "debit":
            key, account = f"{approval.marketplace}/{wanted.receiver}", f"merchant:in_transit/{wanted.receiver}"
            known = await self._merchants.copies([key], work.session)
            place = approval.marketplace, account, wanted.currency
            if not known and await self._accounts.balance(*place, work.session) is None:
                return Refused("receiver_unknown", f"{wanted.receiver} is no merchant, and was never paid here")
        return None


def adjustment_of(approval: Approval) -> Adjustment:
    """Return what was asked for."""
    return msgspec.convert(approval.details, Adjustment)
