"""What the platform gets of all that one pass over an order releases: commission, tax, surcharges, debts. Pure.

Its part of several sellers' pots is one share each kind. Of sellers who were paid apart it is one each: an institution
splits one payment at a time.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from shared.messages import Breakdown
from split.domain.funding import ADVANCE
from split.domain.shares import COMMISSION, FEE, TAX, TOO_EARLY, Share
from split.domain.tallies import Tally


class Kept:
    """What the platform keeps of the pots of one payment that a pass releases, in minor units."""

    __slots__ = ("borne_fee", "commission", "tax")

    def __init__(self) -> None:
        self.commission = self.borne_fee = self.tax = 0


class Takings:
    """Adds up, by whose pots stand apart (empty: all are one). `surcharges` are a new order's."""

    surcharges: Mapping[str, int] = MappingProxyType({})

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}

    def keep(self, apart: str, commission: int, borne_fee: int, tax: int) -> None:
        """Add what the platform gets of a pot that is released; minor units."""
        kept = self._kept.setdefault(apart, Kept())
        kept.commission += commission
        kept.borne_fee += borne_fee
        kept.tax += tax

    def pay(self, pass_: Tally) -> None:
        """Add the platform's shares to the pass."""
        for apart, kept in self._kept.items():
            figures = Breakdown(gross_minor=kept.commission, fee_minor=kept.borne_fee)
            pass_.pay(COMMISSION, COMMISSION, apart, kept.commission - kept.borne_fee, figures)
        for apart, kept in self._kept.items():
            if kept.tax:
                pass_.pay(TAX, TAX, apart, kept.tax, Breakdown(gross_minor=kept.tax))
        for apart, surcharge in self.surcharges.items():
            if surcharge:
                _surcharge(pass_, pass_.pay(FEE, FEE, apart, surcharge, Breakdown(adjustments_minor=surcharge)))
        for apart, recovered in pass_.recovered.items():
            if recovered:
                pass_.pay(ADVANCE, ADVANCE, apart, recovered, Breakdown(adjustments_minor=recovered))


def begun(pass_: Tally, share: Share) -> bool:
    """Tell whether anything else of the payment that a share comes of is released: until then nothing is split off."""
    others = (it for it in (*pass_.shares, *pass_.due) if it.part and it.payment == share.payment)
    return any(it.path != share.path for it in others)


def _surcharge(pass_: Tally, share: Share) -> None:
    """Keep a surcharge back that would be the first to be split off a payment: its seller's pot is held."""
    if pass_.sources is not None and share.state == "in_transit" and not begun(pass_, share):
        waits = msgspec.structs.replace(share, state="available", reason=TOO_EARLY, attempt=0, payout_id="")
        pass_.due[-1] = waits
