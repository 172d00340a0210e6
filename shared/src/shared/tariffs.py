"""What rules of commission may say, alone and side by side: the same for agreements and for rule sets. Pure.

Two rules that could decide about one line with equal numbers of conditions are refused when they are stated, so that
nobody has to guess later which one was meant (money.md 8, docs/decisions/0019).
"""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Final, Literal, NamedTuple

from shared.messages import CategoryRate, CommissionLimit, FixedFee, Rule
from shared.money import CURRENCY_DECIMALS

CONDITIONS: Final = ("category", "sku", "merchant", "channel_profile", "currency")
"""What a rule may state of a line and its order, by equality. Only the rules of a marketplace state a merchant."""

ORDER_SIZE: Final = "order_size"
"""The condition that is a range; from and to are one condition."""

CATEGORY_RATE: Final = "category_rates/"
"""How an agreement's rate of a category is named among its rules; no rule's own name has a `/`."""

Reason = Literal[
    "currency_differs",
    "currency_twice",
    "currency_unknown",
    "limits_invalid",
    "rule_twice",
    "rules_tie",
    "size_invalid",
    "tiers_invalid",
]


class Mistake(NamedTuple):
    """Why rules cannot be taken; `detail` is a sentence for people that names the rules."""

    reason: Reason
    detail: str


def conditions_of(rule: Rule) -> tuple[str, ...]:
    """Return the names of the conditions that a rule states."""
    stated = tuple(name for name in CONDITIONS if getattr(rule, name, None) is not None)
    return (*stated, ORDER_SIZE) if is_sized(rule) else stated


def is_sized(rule: Rule) -> bool:
    """Tell whether a rule is for orders of some size only."""
    return rule.size_from_minor is not None or rule.size_to_minor is not None


def mistake(rules: Sequence[Rule], category_rates: Iterable[CategoryRate] = ()) -> Mistake | None:
    """Return why these rules cannot be one set, or None. An agreement's category rates stand beside its rules."""
    seen: set[str] = set()
    for rule in rules:
        if rule.rule_id in seen:
            return Mistake("rule_twice", f"rule {rule.rule_id} stands there twice")
        seen.add(rule.rule_id)
        if found := _currencies(rule) or _size(rule) or _tiers(rule):
            return found
    plain = [Rule(rule_id=CATEGORY_RATE + it.category, category=it.category) for it in category_rates]
    return _tie([*rules, *plain])


def bad_limits(limits: Iterable[CommissionLimit]) -> Mistake | None:
    """Return what is wrong with floors and caps, or None."""
    for limit in limits:
        if limit.currency not in CURRENCY_DECIMALS:
            return Mistake("currency_unknown", f"{limit.currency} is not in ISO 4217")
        if limit.floor_minor < 0 or (limit.cap_minor is not None and limit.cap_minor < limit.floor_minor):
            return Mistake("limits_invalid", f"{limit.currency}: 0 <= floor_minor <= cap_minor is not so")
    return twice("limits", [limit.currency for limit in limits])


def twice(what: str, currencies: Sequence[str]) -> Mistake | None:
    """Return which currency stands there twice, or None."""
    found = next((it for place, it in enumerate(currencies) if it in currencies[:place]), None)
    return Mistake("currency_twice", f"{found} has two {what}") if found else None


def _currencies(rule: Rule) -> Mistake | None:
    named: list[Sequence[CommissionLimit | FixedFee]] = [rule.limits, rule.unit_fees, rule.order_fees]
    currencies = [it.currency for part in named for it in part] + [it.currency for it in rule.tiers]
    own = [rule.currency] if rule.currency else []
    for currency in currencies + own:
        if currency not in CURRENCY_DECIMALS:
            return _of(rule, "currency_unknown", f"{currency} is not in ISO 4217")
        if own and currency not in own:
            return _of(rule, "currency_differs", f"it is for {rule.currency} and speaks of {currency}")
    names = ("limits", "unit_fees", "order_fees")
    found = bad_limits(rule.limits)
    for what, part in zip(names, named, strict=True):
        found = found or twice(what, [it.currency for it in part])
    return _of(rule, *found) if found else None


def _size(rule: Rule) -> Mistake | None:
    if not is_sized(rule):
        return None
    if rule.currency is None:
        return _of(rule, "size_invalid", "an order's size is in minor units of a currency, which must be stated")
    least, most = rule.size_from_minor or 0, rule.size_to_minor
    if (most is None and not least) or (most is not None and most <= least):
        return _of(rule, "size_invalid", "size_from_minor < size_to_minor is not so, or neither of them says anything")
    return None


def _tiers(rule: Rule) -> Mistake | None:
    reached: dict[str, int] = {}
    for tier in rule.tiers:
        if tier.from_minor <= reached.get(tier.currency, 0):
            return _of(rule, "tiers_invalid", f"tiers must ascend; {tier.currency} has {tier.from_minor} out of order")
        reached[tier.currency] = tier.from_minor
    return None


def _tie(rules: Sequence[Rule]) -> Mistake | None:
    """Return the first two rules that could tie. Rates of two categories never do."""
    by_number: dict[int, list[Rule]] = {}
    for rule in rules:
        by_number.setdefault(len(conditions_of(rule)), []).append(rule)
    for number, alike in by_number.items():
        for one, other in combinations(alike, 2):
            if _overlap(one, other):
                detail = f"rules {one.rule_id} and {other.rule_id} can match one line, each with {number} conditions"
                return Mistake("rules_tie", detail)
    return None


def _overlap(one: Rule, other: Rule) -> bool:
    """Tell whether some line of some order keeps the conditions of both."""
    for name in CONDITIONS:
        left, right = getattr(one, name, None), getattr(other, name, None)
        if left is not None and right is not None and left != right:
            return False
    least = max(one.size_from_minor or 0, other.size_from_minor or 0)
    ends = [it.size_to_minor for it in (one, other) if it.size_to_minor is not None]
    return not ends or least < min(ends)


def _of(rule: Rule, reason: Reason, detail: str) -> Mistake:
    return Mistake(reason, f"rule {rule.rule_id}: {detail}")
