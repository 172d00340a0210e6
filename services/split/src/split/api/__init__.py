"""HTTP in: what became of an order, the books, and what operators do by hand. No rule lives here."""

from split.api.routes import routes

__all__ = ["routes"]
