"""Kafka in: which topic goes to which use case. No rule lives here."""

from merchant.handlers import StatementHandlers
from shared.messages import PayoutSettled
from shared.service import Intakes


def consumers(intake: Intakes, statements: StatementHandlers) -> None:
    """Subscribe merchant to its topics."""
    intake.take(PayoutSettled, statements.keep_entries)
