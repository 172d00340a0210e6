"""Rules of what a platform takes of a line: conditions, and what they lead to. Agreements and rule sets carry them."""

from typing import Annotated

import msgspec

from shared.messages.contract import BasisPoints, Currency, ExternalId, Label, Minor, Part, Timestamp, normalise

Least = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class CommissionLimit(Part, frozen=True, kw_only=True, gc=False):
    """The least and the most commission per line in one currency, in minor units."""

    currency: Currency
    floor_minor: Minor = 0
    cap_minor: Minor | None = None


class Tier(Part, frozen=True, kw_only=True, gc=False):
    """The rate that holds from a volume of the previous closed period on, in minor units of its currency."""

    currency: Currency
    from_minor: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    commission_bp: BasisPoints


class FixedFee(Part, frozen=True, kw_only=True, gc=False):
    """A fee in one currency, in minor units."""

    currency: Currency
    amount_minor: Least


class Rule(Part, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What the platform takes of the lines that keep every condition stated; a condition left out is none.

    The order's size is what its lines come to without freight, from (inclusive) and to (exclusive) minor units of
    `currency`, which must then be stated. The rate is `commission_bp`, or that of the highest tier reached; `limits`
    bind what it comes to. Fees are taken on top, by unit of the line and once a merchant's part of an order. `tax_bp`
    is basis points of all of that, which the merchant bears (docs/decisions/0019). What is not stated is not written.
    """

    rule_id: ExternalId
    category: Label | None = None
    sku: ExternalId | None = None
    channel_profile: ExternalId | None = None
    currency: Currency | None = None
    size_from_minor: Least | None = None
    size_to_minor: Least | None = None
    commission_bp: BasisPoints = 0
    limits: Annotated[tuple[CommissionLimit, ...], msgspec.Meta(max_length=50)] = ()
    tiers: Annotated[tuple[Tier, ...], msgspec.Meta(max_length=50)] = ()
    unit_fees: Annotated[tuple[FixedFee, ...], msgspec.Meta(max_length=50)] = ()
    order_fees: Annotated[tuple[FixedFee, ...], msgspec.Meta(max_length=50)] = ()
    tax_bp: BasisPoints = 0


class Volume(Part, frozen=True, kw_only=True, gc=False):
    """What a merchant sold in the previous closed period, in minor units of one currency; `period_end` is exclusive."""

    currency: Currency
    volume_minor: Least
    period_end: Timestamp

    def __post_init__(self) -> None:
        """Hold the time in UTC."""
        normalise(self, "period_end")
