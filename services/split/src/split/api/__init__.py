"""HTTP in: what became of an order, and the books. Nothing is changed here."""

from split.api.routes import routes

__all__ = ["routes"]
