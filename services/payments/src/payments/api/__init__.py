"""HTTP in: orders, payouts, and what institutions tell of by themselves. No rule lives here."""

from payments.api.orders import Received, routes

__all__ = ["Received", "routes"]
