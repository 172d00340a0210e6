"""Rules of what a platform takes of a line, described field by field. Rates are basis points (1/10,000)."""

from typing import Annotated

from pydantic import Field

from shared.messages.models.contract import (
    BasisPoints,
    Currency,
    ExternalId,
    Label,
    Minor,
    Model,
    Timestamp,
    listed,
    unstated,
)
from shared.money import WIRE_INTEGER_MAX

Least = Annotated[int, Field(ge=0, le=WIRE_INTEGER_MAX)]


class CommissionLimit(Model):
    """The least and the most commission per line in one currency."""

    currency: Currency
    """ISO 4217 code."""
    floor_minor: Minor = 0
    """The least commission per line, in minor units."""
    cap_minor: Minor | None = None
    """The most commission per line, in minor units; absent or null: no limit."""


class Tier(Model):
    """The rate that holds from a volume of the previous closed period on."""

    currency: Currency
    """ISO 4217 code."""
    from_minor: Annotated[int, Field(ge=1, le=WIRE_INTEGER_MAX)]
    """The least volume, in minor units."""
    commission_bp: BasisPoints
    """Basis points of a line's amount."""


class FixedFee(Model):
    """A fee in one currency."""

    currency: Currency
    """ISO 4217 code."""
    amount_minor: Least
    """In minor units."""


class Rule(Model):
    """What the platform takes of the lines that keep every condition stated; a condition left out is none."""

    rule_id: ExternalId
    """Its name, unique within its set."""
    category: Label | None = unstated(None)
    """Only lines of this category."""
    sku: ExternalId | None = unstated(None)
    """Only lines of these goods."""
    channel_profile: ExternalId | None = unstated(None)
    """Only orders that were paid through this kind of channel."""
    currency: Currency | None = unstated(None)
    """Only orders in this currency."""
    size_from_minor: Least | None = unstated(None)
    """Only orders whose lines come to at least this without freight, in minor units of the currency stated."""
    size_to_minor: Least | None = unstated(None)
    """Only orders whose lines come to less than this without freight, in minor units of the currency stated."""
    commission_bp: BasisPoints = unstated(0)
    """Basis points of a line's amount, rounded down per line; below the first tier, where there are tiers."""
    limits: Annotated[tuple[CommissionLimit, ...], listed(0, 50)] = unstated(())
    """Floor and cap of what the rate comes to, per line; a currency may stand there once."""
    tiers: Annotated[tuple[Tier, ...], listed(0, 50)] = unstated(())
    """Rates by the volume of the previous closed period, ascending in each currency."""
    unit_fees: Annotated[tuple[FixedFee, ...], listed(0, 50)] = unstated(())
    """Taken for each piece, on top; a currency may stand there once."""
    order_fees: Annotated[tuple[FixedFee, ...], listed(0, 50)] = unstated(())
    """Taken once of a merchant's part of an order, on top; a currency may stand there once."""
    tax_bp: BasisPoints = unstated(0)
    """Tax on all that the platform takes of the line, in basis points of it; the merchant bears it."""


class Volume(Model):
    """What a merchant sold in the previous closed period, in one currency."""

    currency: Currency
    """ISO 4217 code."""
    volume_minor: Least
    """In minor units."""
    period_end: Timestamp
    """First moment after the period; RFC 3339 with an offset."""
