"""Parts of contracts as a request may state them: unknown fields are refused.

A mistyped rate must not become a rate of 0, while an event may have fields that its reader does not know.
"""

from typing import Annotated

from pydantic import ConfigDict

from shared.messages.models import rules
from shared.messages.models.contract import Model, listed, unstated


class Request(Model):
    """Something asked: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class CommissionLimit(rules.CommissionLimit, Request):
    """The least and the most commission per line in one currency."""


class Tier(rules.Tier, Request):
    """The rate that holds from a volume of the previous closed period on."""


class FixedFee(rules.FixedFee, Request):
    """A fee in one currency."""


class Rule(rules.Rule, Request):
    """What the platform takes of the lines that keep every condition stated; a condition left out is none."""

    limits: Annotated[tuple[CommissionLimit, ...], listed(0, 50)] = unstated(())
    """Floor and cap of what the rate comes to, per line; a currency may stand there once."""
    tiers: Annotated[tuple[Tier, ...], listed(0, 50)] = unstated(())
    """Rates by the volume of the previous closed period, ascending in each currency."""
    unit_fees: Annotated[tuple[FixedFee, ...], listed(0, 50)] = unstated(())
    """Taken for each piece, on top; a currency may stand there once."""
    order_fees: Annotated[tuple[FixedFee, ...], listed(0, 50)] = unstated(())
    """Taken once of a merchant's part of an order, on top; a currency may stand there once."""


class Volume(rules.Volume, Request):
    """What a merchant sold in the previous closed period, in one currency."""
