"""The gate that every share passes on its way out: whether its receiver may be paid now, and if not, why. Pure.

What is stopped here has been earned and divided, so that the rest of its order goes out. It rests in `available`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from shared.messages import MerchantChanged, PayoutTerms
from shared.money import basis_points_of
from split.domain.agreements import in_force
from split.domain.calendars import Calendar
from split.domain.guards import Guard
from split.domain.shares import BLOCKED
from split.domain.stops import NO_STOPS, Stops

OVER_LIMIT: Final = "over_limit"
ABOVE_CAP: Final = "above_cap"
"""One amount is more than the cap of a whole day: only two people can let it go, or another agreement."""
BELOW_MINIMUM: Final = "below_minimum"
RESERVE: Final = "reserve"
MINIMUM: Final = "minimum/"
"""Begins the name by which orders wait for a merchant's amounts to come to its minimum."""


class Payee(msgspec.Struct, frozen=True, gc=False):
    """A receiver that may not simply be paid. `terms` are of its agreement in force now, `until` when at most."""

    blocked: str = ""
    terms: PayoutTerms = PayoutTerms()
    until: datetime | None = None

    def cap_minor(self, currency: str) -> int | None:
        """Return the most that is paid out on one business day."""
        return next((it.amount_minor for it in self.terms.daily_caps if it.currency == currency), None)

    def minimum_minor(self, currency: str) -> int:
        """Return what amounts must come to before they are paid out."""
        return next((it.amount_minor for it in self.terms.minimums if it.currency == currency), 0)

    def reserved(self, amount_minor: int) -> int:
        """Return what of an amount stays behind as a reserve, rounded down."""
        return basis_points_of(amount_minor, self.terms.reserve_bp)


type Payees = Mapping[str, Payee]
NO_PAYEES: Final[Payees] = {}
ANYBODY: Final = Payee()
PASSED: Final = -1
"""In place of the number of an accrual: its minimum is behind this share."""


def payees_of(copies: Iterable[MerchantChanged], now: datetime) -> dict[str, Payee]:
    """Return those of these merchants who may not simply be paid now, by id; nearly always there are none."""
    return {copy.merchant: payee for copy in copies if (payee := _payee(copy, now)) is not None}


def _payee(copy: MerchantChanged, now: datetime) -> Payee | None:
    terms = None
    if any(it.payouts for it in copy.agreements):
        agreement = in_force(copy.agreements, now)
        terms = agreement.payouts if agreement and agreement.payouts else None
    if not copy.blocked and terms is None:
        return None
    changes = (moment for it in copy.agreements for moment in (it.effective_from, it.effective_to))
    until = min((it for it in changes if it is not None and it > now), default=None) if terms else None
    return Payee(copy.blocked[0] if copy.blocked else "", terms or PayoutTerms(), until)


class Passage(msgspec.Struct, frozen=True, gc=False):
    """What the gate says of a share. No reason: it may go. `next_at`: when time alone may change the answer."""

    reason: str
    guard: Guard
    accrual: int | msgspec.UnsetType = msgspec.UNSET
    next_at: datetime | None = None


class Gate(msgspec.Struct, frozen=True):
    """The gate of one order: its channel account, its currency, and what is known of whom at this moment."""

    channel_account: str
    currency: str
    now: datetime
    calendar: Calendar
    stops: Stops = NO_STOPS
    payees: Payees = NO_PAYEES

    @property
    def open(self) -> bool:
        """Whether everybody may pass."""
        return self.stops is NO_STOPS and not self.payees

    def ask(
        self,
        receiver: str,
        amount_minor: int,
        guard: Guard,
        accrual: int | msgspec.UnsetType = msgspec.UNSET,
        *,
        by_hand: bool = False,
    ) -> Passage:
        """Say whether an amount may go to a merchant now, and what that makes of its guard.

        `accrual` is with which number the share was added up before. What two people have decided `by_hand` passes the
        limits, and neither a block nor a stop.
        """
        payee = self.payees.get(receiver, ANYBODY)
        if stopped := self.stopped(receiver):
            return Passage(stopped, guard, accrual)
        if by_hand:
            return Passage("", left(guard, amount_minor, accrual))
        small = self._below_minimum(payee, amount_minor, guard, accrual)
        return small if small.reason else self._over_limit(payee, amount_minor, small.guard)

    def stopped(self, receiver: str) -> str:
        """Return why a merchant may be paid nothing at all now, if so."""
        payee = self.payees.get(receiver, ANYBODY)
        return BLOCKED + payee.blocked if payee.blocked else self.stops.paying(self.channel_account, receiver)

    def _below_minimum(
        self, payee: Payee, amount_minor: int, guard: Guard, accrual: int | msgspec.UnsetType
    ) -> Passage:
        """Add amounts up until they come to the minimum; then all of them may go, the last one with them."""
        minimum = payee.minimum_minor(self.currency)
        if isinstance(accrual, int) and accrual < guard.accrual:
            return Passage("", guard)
        counted = 0 if isinstance(accrual, int) else amount_minor
        if guard.accrued_minor + counted < minimum:
            after = msgspec.structs.replace(guard, accrued_minor=guard.accrued_minor + counted)
            return Passage(BELOW_MINIMUM, after, guard.accrual, payee.until)
        if guard.accrued_minor:
            guard = msgspec.structs.replace(guard, accrual=guard.accrual + 1, accrued_minor=0)
        return Passage("", guard)

    def _over_limit(self, payee: Payee, amount_minor: int, guard: Guard) -> Passage:
        """Count what goes out today against the cap; every attempt counts."""
        cap = payee.cap_minor(self.currency)
        if cap is None:
            return Passage("", guard)
        today = self.calendar.day_of(self.now).isoformat()
        sent = amount_minor + (guard.capped_minor if guard.cap_day == today else 0)
        if sent > cap:
            reason = ABOVE_CAP if 0 < cap < amount_minor else OVER_LIMIT
            return Passage(reason, guard, PASSED, next_at=self.calendar.after(self.now, 1, working=False))
        return Passage("", msgspec.structs.replace(guard, cap_day=today, capped_minor=sent))


def left(guard: Guard, amount_minor: int, accrual: int | msgspec.UnsetType) -> Guard:
    """Return the guard without an amount that is added up no more, because it goes another way."""
    if accrual != guard.accrual:
        return guard
    return msgspec.structs.replace(guard, accrued_minor=max(0, guard.accrued_minor - amount_minor))
