"""Which rule decides about a line, the agreement's or the marketplace's, and what the platform takes by it.

Most specific wins: the rule that states more conditions, where every rule of an agreement states its merchant. At equal
numbers the agreement's goes before the marketplace's (docs/decisions/0019). Rules of one set never tie: what could is
refused when it is stated (shared.tariffs).
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, Literal

import msgspec

from shared.messages import Agreement, CommissionLimit, FixedFee, OrderLine, Rule
from shared.money import allocate, basis_points_of
from shared.tariffs import CATEGORY_RATE, CONDITIONS, conditions_of, is_sized

RULE_MISSING: Final = "rule_missing"
RULES: Final = "rules/"
"""Name by which orders wait that no rule fits. No merchant's id has a `/`."""
PLAIN_RATE: Final = "commission_bp"
"""Name of the agreement's own rate where a line is explained; rules have names of their own."""

NO_LIMIT: Final = CommissionLimit(currency="XXX")
"""No floor and no cap; XXX is ISO 4217's code for no currency."""

BOOKS_KEPT: Final = 1_024
"""Agreements whose rules are kept ready: the same few sell in every batch."""

type Origin = Literal["agreement", "marketplace"]


class Choice(msgspec.Struct, frozen=True, gc=False):
    """The rule that decides about a line. `stated`: how many conditions it states, the agreement's merchant counted."""

    origin: Origin
    rule: Rule
    stated: int

    @property
    def conditions(self) -> tuple[str, ...]:
        """Return the names of what it states."""
        own = conditions_of(self.rule)
        return ("merchant", *own) if self.origin == "agreement" else own


class RuleBook:
    """The rules of one set, by the conditions that they state. Asking it changes nothing.

    A look-up for each combination of conditions that occurs, however many rules there are. `version` is that of a
    marketplace's set, and 0 of an agreement's, which has its own.
    """

    def __init__(self, rules: Iterable[Rule], version: int = 0) -> None:
        self.version = version
        shelves: dict[tuple[int, ...], dict[tuple[str, ...], list[Rule]]] = {}
        for rule in rules:
            stated = [getattr(rule, name, None) for name in CONDITIONS]
            places = tuple(place for place, value in enumerate(stated) if value is not None)
            sized = (*places, len(CONDITIONS)) if is_sized(rule) else places
            shelf = shelves.setdefault(sized, {})
            shelf.setdefault(tuple(value for value in stated if value is not None), []).append(rule)
        self._shelves = sorted(shelves.items(), key=lambda it: -len(it[0]))

    def find(self, sought: Sequence[str], size_minor: int) -> tuple[Rule, int] | None:
        """Return the most specific rule that fits, and how many conditions it states. `sought` is as CONDITIONS."""
        for places, shelf in self._shelves:
            sized = bool(places) and places[-1] == len(CONDITIONS)
            found = shelf.get(tuple(sought[place] for place in (places[:-1] if sized else places)))
            for rule in found or ():
                if not sized or _fits(rule, size_minor):
                    return rule, len(places)
        return None


class Sale(msgspec.Struct, frozen=True):
    """What rules ask of an order beside its lines. `rules` are the marketplace's in force when it was paid.

    `size_minor`: what all its lines come to, without freight and before adjustments.
    """

    currency: str
    channel_profile: str
    size_minor: int
    rules: RuleBook | None = None


class Taking(msgspec.Struct, frozen=True, gc=False):
    """What the platform wants of one line, in minor units, never more than its base; and by which rule.

    `percent_minor` is the rate's part within floor and cap, `units_minor` the fee by unit, `order_minor` the line's
    part of the fee by order.
    """

    choice: Choice
    base_minor: int
    rate_bp: int
    percent_minor: int
    units_minor: int
    order_minor: int = 0

    @property
    def commission_minor(self) -> int:
        """All of it."""
        return self.percent_minor + self.units_minor + self.order_minor


def is_plain(agreement: Agreement, sale: Sale) -> bool:
    """Tell whether only the agreement's own rates can decide, without tax: the case that must stay quick."""
    return sale.rules is None and not agreement.rules and not agreement.tax_bp and not is_marketplaces(agreement)


def is_marketplaces(agreement: Agreement) -> bool:
    """Tell whether the agreement leaves the rates to the marketplace's rules."""
    return agreement.rate_source == "marketplace"


def takings(
    agreement: Agreement, sale: Sale, lines: Sequence[OrderLine], bases: Sequence[int]
) -> tuple[Taking, ...] | str:
    """Return what the platform takes of each line of one merchant, or why that cannot be said.

    The fee by order is taken once: the greatest that the rules deciding about these lines state, of the lines whose
    rule states one, in proportion to what the rest leaves of them, by largest remainder.
    """
    own = _own_rules(agreement)
    found: list[Taking] = []
    for line, base in zip(lines, bases, strict=True):
        choice = _choose(own, sale, line)
        if choice is None:
            return RULE_MISSING
        found.append(_taking(choice, agreement, sale.currency, line, base))
    fees = [_amount(it.choice.rule.order_fees, sale.currency) for it in found]
    if not any(fees):
        return tuple(found)
    rooms = [it.base_minor - it.commission_minor if fee else 0 for it, fee in zip(found, fees, strict=True)]
    parts = allocate(min(max(fees), sum(rooms)), rooms)
    return tuple(msgspec.structs.replace(it, order_minor=part) for it, part in zip(found, parts, strict=True))


def limit(limits: Sequence[CommissionLimit], currency: str) -> CommissionLimit:
    """Return the least and the most commission of a line in this currency."""
    return next((it for it in limits if it.currency == currency), NO_LIMIT)


def percent_of(base_minor: int, rate_bp: int, bounds: CommissionLimit) -> int:
    """Return a rate's part of a line, rounded down: the fraction stays with the merchant (docs/decisions/0007).

    Then come floor and cap; never more than the base itself.
    """
    amount = max(basis_points_of(base_minor, rate_bp), bounds.floor_minor)
    if bounds.cap_minor is not None:
        amount = min(amount, bounds.cap_minor)
    return max(0, min(amount, base_minor))


@lru_cache(maxsize=BOOKS_KEPT)
def _own_rules(agreement: Agreement) -> RuleBook:
    """Return an agreement's rules, its plain terms after them: at equal numbers the first one stands."""
    rules = list(agreement.rules or ())
    if not is_marketplaces(agreement):
        limits, tax_bp = agreement.commission_limits, agreement.tax_bp or 0
        rules += [
            Rule(
                rule_id=CATEGORY_RATE + it.category,
                category=it.category,
                commission_bp=it.commission_bp,
                limits=limits,
                tax_bp=tax_bp,
            )
            for it in agreement.category_rates
        ]
        rules.append(Rule(rule_id=PLAIN_RATE, commission_bp=agreement.commission_bp, limits=limits, tax_bp=tax_bp))
    return RuleBook(rules)


def _choose(own: RuleBook, sale: Sale, line: OrderLine) -> Choice | None:
    sought = (line.category, line.sku, line.merchant, sale.channel_profile, sale.currency)
    agreed = own.find(sought, sale.size_minor)
    general = sale.rules.find(sought, sale.size_minor) if sale.rules else None
    if agreed and (general is None or agreed[1] + 1 >= general[1]):
        return Choice("agreement", agreed[0], agreed[1] + 1)
    return Choice("marketplace", *general) if general else None


def _taking(choice: Choice, agreement: Agreement, currency: str, line: OrderLine, base: int) -> Taking:
    rule = choice.rule
    rate_bp = _rate(rule, agreement, currency)
    percent = percent_of(base, rate_bp, limit(rule.limits, currency))
    units = min(_amount(rule.unit_fees, currency) * line.quantity, base - percent)
    return Taking(choice, base, rate_bp, percent, units)


def _rate(rule: Rule, agreement: Agreement, currency: str) -> int:
    """Return the rate of the highest tier that the previous closed period's volume reached (money.md 3.3)."""
    if not rule.tiers:
        return rule.commission_bp
    volume = next((it.volume_minor for it in agreement.volumes or () if it.currency == currency), 0)
    reached = [it for it in rule.tiers if it.currency == currency and it.from_minor <= volume]
    return max(reached, key=lambda it: it.from_minor).commission_bp if reached else rule.commission_bp


def _amount(fees: Sequence[FixedFee], currency: str) -> int:
    return next((it.amount_minor for it in fees if it.currency == currency), 0)


def _fits(rule: Rule, size_minor: int) -> bool:
    return (rule.size_from_minor or 0) <= size_minor and (rule.size_to_minor is None or size_minor < rule.size_to_minor)
