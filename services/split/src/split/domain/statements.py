"""The statement of one account: how its balance runs from the opening one through its entries to the closing one."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from split.domain.periods import Period


class Sheet(msgspec.Struct, frozen=True):
    """What a statement is of."""

    marketplace: str
    account: str
    currency: str
    period: Period

    @property
    def place(self) -> tuple[str, str, str]:
        """Marketplace, account and currency."""
        return self.marketplace, self.account, self.currency

    def until(self, moment: datetime) -> "Sheet":
        """Return the statement that ends at a moment."""
        return msgspec.structs.replace(self, period=Period(self.period.since, moment))


class Tally(msgspec.Struct, frozen=True):
    """How far a statement has come; minor units, debits as a positive number."""

    opening_minor: int
    closing_minor: int
    credit_minor: int = 0
    debit_minor: int = 0
    entries: int = 0

    @property
    def balance_minor(self) -> int:
        """What the account held then."""
        return self.opening_minor + self.credit_minor - self.debit_minor

    @property
    def closed(self) -> bool:
        """Whether the closing balance is reached, as it is after the last entry."""
        return self.balance_minor == self.closing_minor

    def check_closed(self) -> None:
        """Check that the closing balance is reached.

        Raises:
            ValueError: it is not. The ledger was changed by hand, or booked in the past: nothing may be shown as right.

        """
        if not self.closed:
            message = f"the entries end at {self.balance_minor}, the books say {self.closing_minor}"
            raise ValueError(message)

    def after(self, amount_minor: int) -> "Tally":
        """Return how far it has come after one more entry."""
        return Tally(
            self.opening_minor,
            self.closing_minor,
            self.credit_minor + max(0, amount_minor),
            self.debit_minor + max(0, -amount_minor),
            self.entries + 1,
        )

    def with_each(self, amounts: Iterable[int]) -> Iterator["Tally"]:
        """Give how far it has come after each of these entries."""
        tally = self
        for amount in amounts:
            tally = tally.after(amount)
            yield tally
