"""Guards against the ledger: what a merchant's guard says of its debt and its reserve is what their accounts say.

Decisions read the guard alone: one that says less lets a debtor be paid, one that says more takes what is not owed.
"""

from collections import Counter
from typing import Final

from ops.audit.findings import Findings
from ops.audit.laws.books import RESERVE
from ops.audit.laws.refunds import DEBT
from ops.audit.shapes.ledger import Balance
from ops.audit.shapes.split import Guard

LAW: Final = "guard_agrees"
SIGNS: Final = {DEBT: -1, RESERVE: 1}
"""What stands in such an account is owed by the merchant, or to it; a guard says both as positive numbers."""


class Guarded:
    """What guards speak of, by account and `<marketplace>/<merchant>/<currency>`, from both sides at one moment."""

    def __init__(self) -> None:
        self._booked: Counter[tuple[str, str]] = Counter()
        self._guarded: Counter[tuple[str, str]] = Counter()

    def add_balance(self, it: Balance) -> None:
        """Take a kept balance, of whatever account."""
        for account, sign in SIGNS.items():
            if it.account.startswith(account):
                key = f"{it.marketplace}/{it.account.removeprefix(account)}/{it.currency}"
                self._booked[account, key] += sign * it.amount_minor

    def add_guard(self, it: Guard) -> None:
        """Take a guard."""
        self._guarded[DEBT, it.id] = it.debt_minor
        self._guarded[RESERVE, it.id] = it.reserve_minor

    def judge(self, findings: Findings) -> None:
        """Compare both sides. Who has paid off more than it owed has been taken money from."""
        for account, key in sorted(self._booked.keys() | self._guarded.keys()):
            booked, guarded, name = self._booked[account, key], self._guarded[account, key], account.rstrip("/")
            if booked != guarded:
                findings.add(LAW, key, f"the guard says {guarded} of {name}, its account says {booked}")
            if account == DEBT and booked < 0:
                detail = f"{-booked} more was recovered of {key} than it owed"
                findings.add("sellers_money_apart", f"{key} {name}", detail)
