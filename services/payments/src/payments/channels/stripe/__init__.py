"""Stripe Connect, separate charges and transfers: real HTTP, no sandbox.

Sources: docs.stripe.com, API reference of 2026 (payment_intents, transfers, transfer reversals, refunds, top-ups,
idempotent requests, webhook signatures); decision 0030.
"""

from payments.channels.stripe.channel import StripeChannel
from payments.channels.stripe.ear import StripeEar
from payments.channels.stripe.keys import StripeKeys

__all__ = ["StripeChannel", "StripeEar", "StripeKeys"]
