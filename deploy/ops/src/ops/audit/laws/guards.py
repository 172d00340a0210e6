"""Guards against the ledger: what a merchant's guard says it owes is what its debt account says.

A release reads the guard alone: one that says less lets a debtor be paid, one that says more takes what is not owed.
"""

from collections import Counter
from typing import Final

from ops.audit.findings import Findings
from ops.audit.laws.refunds import DEBT
from ops.audit.shapes.ledger import Balance
from ops.audit.shapes.split import Guard

LAW: Final = "debt_guarded"


class Debts:
    """What merchants owe, by `<marketplace>/<merchant>/<currency>`, from both sides at one moment."""

    def __init__(self) -> None:
        self._booked: Counter[str] = Counter()
        self._guarded: dict[str, int] = {}

    def add_balance(self, it: Balance) -> None:
        """Take a kept balance, of whatever account."""
        if it.account.startswith(DEBT):
            self._booked[f"{it.marketplace}/{it.account.removeprefix(DEBT)}/{it.currency}"] -= it.amount_minor

    def add_guard(self, it: Guard) -> None:
        """Take a guard."""
        self._guarded[it.id] = it.debt_minor

    def judge(self, findings: Findings) -> None:
        """Compare both sides. Who has paid off more than it owed has been taken money from."""
        for key in sorted(self._booked.keys() | self._guarded.keys()):
            booked, guarded = self._booked[key], self._guarded.get(key, 0)
            if booked != guarded:
                findings.add(LAW, key, f"the guard says that it owes {guarded}, its account says {booked}")
            if booked < 0:
                detail = f"{-booked} more was recovered of {key} than it owed"
                findings.add("sellers_money_apart", f"{key} {DEBT.rstrip('/')}", detail)
