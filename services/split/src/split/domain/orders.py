"""A paid order as the books keep it: its shares, what the platform owes it, and the payouts requested so far."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal

import msgspec

from split.domain import stops
from split.domain.earnings import Earning
from split.domain.gates import BELOW_MINIMUM, MINIMUM
from split.domain.holds import NO_FACTS, Facts
from split.domain.refunds import Refund, RefundTerms
from split.domain.shares import ADJUSTMENT, RECEIVER_NOT_BOUND, RECEIVERS, Share
from split.domain.tariff import RULE_MISSING, RULES


class OwedSubsidy(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Money that a payout asks of the platform's marketing account, until the institution has moved it."""

    subsidy_id: str
    payout_id: str
    amount_minor: int
    state: Literal["requested", "succeeded"] = "requested"
    payment: str | msgspec.UnsetType = msgspec.UNSET


class Late(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A version that came too late: how it would have divided a merchant's pot, and what it says of refunds."""

    merchant: str
    version: int
    rules_version: int | msgspec.UnsetType = msgspec.UNSET
    earning: Earning
    refund: RefundTerms | msgspec.UnsetType = msgspec.UNSET

    @property
    def path(self) -> str:
        """The path of the shares that post it."""
        return f"{ADJUSTMENT}{self.version}"


class Unfrozen(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A payment whose freeze ended by itself: what its seller got, and what of that it owes the others; minor units."""

    movement_id: str
    merchant: str
    amount_minor: int
    owed_minor: int


class ChannelFreeze(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the freeze of an order that its seller collects (see collectors.py).

    `acted`: its end was near while money was held, and the agreements' policies were followed. `closed`: nothing can be
    split off any more. `unfrozen`: what the channel gave to collecting merchants by itself.
    """

    acted: bool = False
    closed: bool = False
    unfrozen: tuple[Unfrozen, ...] = ()


RUNNING: Final = ChannelFreeze()


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one order. `subsidy_due_minor` is owed by the platform and not yet asked for in any payout.

    `payouts` counts those requested; `revisions` holds the greatest revision applied, by payout number. `facts` is what
    has happened to its goods and cases, `look_at` when time alone may change what is held of it, and `late` what
    versions that came too late make of it. A leg of it has waited for an
    operator since `operator_at`.
    """

    marketplace: str
    order_id: str
    currency: str
    channel_profile: str
    channel_account: str
    shares: tuple[Share, ...] = ()
    subsidies: tuple[OwedSubsidy, ...] = ()
    subsidy_due_minor: int = 0
    payouts: int = 0
    revisions: dict[str, int] = {}
    facts: Facts | msgspec.UnsetType = msgspec.UNSET
    look_at: datetime | msgspec.UnsetType = msgspec.UNSET
    operator_at: datetime | msgspec.UnsetType = msgspec.UNSET
    refunds: tuple[Refund, ...] | msgspec.UnsetType = msgspec.UNSET
    late: tuple[Late, ...] | msgspec.UnsetType = msgspec.UNSET
    freeze: ChannelFreeze | msgspec.UnsetType = msgspec.UNSET

    @property
    def key(self) -> str:
        """Its `_id`, and the key of its events."""
        return f"{self.marketplace}/{self.order_id}"

    @property
    def known_facts(self) -> Facts:
        """What has happened to it, perhaps nothing."""
        return NO_FACTS if self.facts is msgspec.UNSET else self.facts

    @property
    def known_freeze(self) -> ChannelFreeze:
        """What became of its channel's freeze, perhaps nothing yet."""
        return RUNNING if self.freeze is msgspec.UNSET else self.freeze

    @property
    def known_late(self) -> tuple[Late, ...]:
        """The versions that came too late for it, in the order in which they came."""
        return () if self.late is msgspec.UNSET else self.late

    @property
    def known_refunds(self) -> tuple[Refund, ...]:
        """Its refunds as far as split has looked at them."""
        return () if self.refunds is msgspec.UNSET else self.refunds

    def asked_minor(self, refund: Refund) -> int:
        """Return what the buyer is to get of a refund, or has got, also of one that is not planned; minor units."""
        if refund.lines:
            return refund.amount_minor
        facts = self.known_facts
        taken = sum(it.amount_minor for it in facts.moved if it.refund_id == refund.refund_id)
        approved = (line for it in facts.approved if it.refund_id == refund.refund_id for line in it.lines)
        return taken or sum(it.amount_minor + it.freight_minor for it in approved)

    @property
    def document(self) -> str:
        """What its payouts pay out."""
        return f"o:{self.order_id}"

    @property
    def document_key(self) -> str:
        """What its leg ids begin with."""
        return f"{self.marketplace}/o:{self.order_id}"

    @property
    def stands(self) -> bool:
        """Whether some of its money stands still: held, available after a payout that failed, or until the finish."""
        return any(share.state in ("held", "available") or share.rests for share in self.shares)

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """By what end of waiting a share of it may go: of merchants, stops, receivers, rules, and minimums."""
        found: set[str] = set()
        for share in self.shares:
            if share.reason and (share.state == "held" or share.stopped or share.rests):
                found.update(self._waits_for(share))
        return tuple(sorted(found))

    def _waits_for(self, share: Share) -> Iterator[str]:
        if share.waits_for_merchant:
            yield share.payee
        if share.reason == RECEIVER_NOT_BOUND:
            yield RECEIVERS + share.merchant
        if share.reason == RULE_MISSING:
            yield RULES
        if share.reason == BELOW_MINIMUM:
            yield MINIMUM + share.payee
        if name := stops.name_of(share.reason, self.channel_account, share.payee):
            yield name
