"""An independent answer to who gets what of an order: fractions, one pass, no code of the service.

Written from the rules (money.md 3, docs/decisions/0007, 0008 and 0019), not from the implementation.
"""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from shared.messages import Agreement, FixedFee, MerchantChanged, OrderLine, Rule, SplitRequested


@dataclass
class Expected:
    """Minor units: what leaves for each receiver, what stays held per merchant, what the platform adds."""

    legs: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    held: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    marketing: int = 0


class CannotPayError(Exception):
    """This share must be held."""


def apportion(total: int, weights: list[int]) -> list[int]:
    """Largest remainder, the textbook way."""
    if sum(weights) == 0:
        return [total] + [0] * (len(weights) - 1)
    quotas = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [math.floor(quota) for quota in quotas]
    by_fraction = sorted(range(len(weights)), key=lambda place: (parts[place] - quotas[place], place))
    for place in by_fraction[: total - sum(parts)]:
        parts[place] += 1
    return parts


type Market = tuple[Rule, ...]


class Paid:
    """The money of one merchant in an order, before any agreement."""

    def __init__(self, order: SplitRequested, name: str, market: Market) -> None:
        self.name = name
        self.market = market
        borne = [it.amount_minor for it in order.adjustments if it.party == f"merchant:{name}" and it.kind != "subsidy"]
        mine = [it for it in order.lines if it.merchant == name]
        self.goods = sum(it.amount_minor for it in mine) + sum(borne)
        self.freight = sum(it.freight_minor for it in mine)
        self.fee = 0


def expected(order: SplitRequested, merchants: dict[str, MerchantChanged], market: Market = ()) -> Expected:
    """Say where every minor unit of the order is after it was split. `market`: the marketplace's rules in force."""
    answer = Expected()
    pots = [Paid(order, name, market) for name in dict.fromkeys(it.merchant for it in order.lines)]
    weights = [max(0, pot.goods) for pot in pots]
    weights = weights if sum(weights) else [pot.freight for pot in pots]
    fees = apportion(sum(it.fee_minor for it in order.payments), weights)
    for pot, fee in zip(pots, fees, strict=True):
        pot.fee = fee
    for adjustment in order.adjustments:
        if adjustment.party.startswith("platform:"):
            answer.marketing += max(0, -adjustment.amount_minor)
            answer.legs["platform:fee"] += max(0, adjustment.amount_minor)
    chain: dict[str, int] = {}
    open_freight = False
    for pot in pots:
        try:
            to_chain = _pay(order, merchants.get(pot.name), pot, answer)
        except CannotPayError:
            answer.held[pot.name] += max(0, pot.goods + pot.freight - pot.fee)
            answer.marketing += max(0, pot.fee - pot.goods - pot.freight)
            open_freight = open_freight or (pot.freight > 0 and _may_feed_chain(order, merchants.get(pot.name), pot))
        else:
            if to_chain:
                chain[pot.name] = pot.freight
    if chain:
        _freight(order, answer, chain, open_freight=open_freight)
    return answer


def _pay(order: SplitRequested, copy: MerchantChanged | None, pot: Paid, answer: Expected) -> bool:
    """Pay one merchant; tell whether its freight goes to the chain."""
    deal = _deal(order, copy)
    to_chain = deal.freight_to == "chain"
    paid = _merchant(order, deal, pot, 0 if to_chain else pot.freight)
    tree = divided(order, f"merchant:{pot.name}", paid["net"])
    strangers = {it.parent for it in order.receivers if it.parent.startswith("merchant:")}
    strangers -= {f"merchant:{it.merchant}" for it in order.lines}
    later = deal.trigger != "paid" or deal.direction == "collect" or deal.cycle != "real_time"
    if strangers or _crowded(order) or later or (copy and copy.blocked):
        raise CannotPayError
    answer.legs["platform:commission"] += paid["commission"]
    answer.legs["platform:tax"] += paid["tax"]
    answer.marketing += paid["short"]
    for receiver, amount in tree.items():
        answer.legs[receiver] += amount
    return to_chain


def _may_feed_chain(order: SplitRequested, copy: MerchantChanged | None, pot: Paid) -> bool:
    try:
        deal = _deal(order, copy)
        _charges(order, pot, deal)
    except CannotPayError:
        return True
    return deal.freight_to == "chain"


def _freight(order: SplitRequested, answer: Expected, chain: dict[str, int], *, open_freight: bool) -> None:
    try:
        tree = {"freight": 1} if open_freight else divided(order, "freight", sum(chain.values()))
    except CannotPayError:
        tree = {"freight": 1}
    if tree.pop("freight", 0):
        for name, amount in chain.items():
            answer.held[name] += amount
        return
    for receiver, amount in tree.items():
        answer.legs[receiver] += amount


def _deal(order: SplitRequested, copy: MerchantChanged | None) -> Agreement:
    fitting = [
        it
        for it in (copy.agreements if copy else ())
        if it.effective_from <= order.paid_at and not (it.effective_to and it.effective_to <= order.paid_at)
    ]
    if not fitting:
        raise CannotPayError
    return max(fitting, key=lambda it: it.version)


def _lines(order: SplitRequested, name: str) -> list[tuple[OrderLine, int]]:
    return [
        (
            it,
            max(
                0,
                it.amount_minor
                + sum(
                    a.amount_minor
                    for a in order.adjustments
                    if a.line_id == it.line_id and a.party == f"merchant:{name}"
                ),
            ),
        )
        for it in order.lines
        if it.merchant == name
    ]


def _charges(order: SplitRequested, pot: Paid, deal: Agreement) -> list[tuple[int, int, Fraction]]:
    """Say of each line: its base, what the platform wants of it, and the rate of the tax on that."""
    lines = _lines(order, pot.name)
    if deal.price_mode == "settlement_price":
        rests = [(base, base - _settled(it)) for it, base in lines]
        if any(rest < 0 for _, rest in rests):
            raise CannotPayError
        return [(base, rest, Fraction(0)) for base, rest in rests]
    rules = [deciding(order, it, deal, pot.market) for it, _ in lines]
    charges = [line_charge(order, it, base, rule, deal) for (it, base), rule in zip(lines, rules, strict=True)]
    fees = [_fixed(rule.order_fees, order.currency) for rule in rules]
    bearing = [place for place, fee in enumerate(fees) if fee]
    room = [lines[place][1] - charges[place] for place in bearing]
    if bearing:
        for place, part in zip(bearing, apportion(min(max(fees), sum(room)), room), strict=True):
            charges[place] += part
    rates = [Fraction(rule.tax_bp, 10_000) for rule in rules]
    return [(base, charge, rate) for (_, base), charge, rate in zip(lines, charges, rates, strict=True)]


def _settled(line: OrderLine) -> int:
    if line.settlement_price_minor is None:
        raise CannotPayError
    return line.settlement_price_minor * line.quantity


def deciding(order: SplitRequested, line: OrderLine, deal: Agreement, market: Market) -> Rule:
    """Find the rule that states most; of equals the agreement's, and of these its rules before its plain terms."""
    found: list[tuple[int, int, Rule]] = []
    for rank, rules in ((0, market), (2, deal.rules or ()), (1, _plain(deal))):
        for rule in rules:
            stated = _stated(order, line, rule)
            if stated is not None:
                found.append((stated + (rank > 0), rank, rule))
    if not found:
        raise CannotPayError
    return max(found, key=lambda it: it[:2])[2]


def _plain(deal: Agreement) -> list[Rule]:
    if deal.rate_source == "marketplace":
        return []
    terms: dict[str, Any] = {"limits": deal.commission_limits, "tax_bp": deal.tax_bp or 0}
    special = {it.category: it.commission_bp for it in deal.category_rates[::-1]}
    return [
        Rule(rule_id="plain", commission_bp=deal.commission_bp, **terms),
        *(Rule(rule_id="c", category=name, commission_bp=rate, **terms) for name, rate in special.items()),
    ]


def _stated(order: SplitRequested, line: OrderLine, rule: Rule) -> int | None:
    """Count the conditions of a rule that fits; None when it does not."""
    size = sum(it.amount_minor for it in order.lines)
    conditions = [
        (rule.category, line.category),
        (rule.sku, line.sku),
        (getattr(rule, "merchant", None), line.merchant),
        (rule.channel_profile, order.payments[0].channel_profile),
        (rule.currency, order.currency),
    ]
    if any(wanted not in (None, there) for wanted, there in conditions):
        return None
    low, high = rule.size_from_minor, rule.size_to_minor
    if (low is not None and size < low) or (high is not None and size >= high):
        return None
    return sum(wanted is not None for wanted, _ in conditions) + (low is not None or high is not None)


def line_charge(order: SplitRequested, line: OrderLine, base: int, rule: Rule, deal: Agreement) -> int:
    """Work out the rate's part within floor and cap, and the fee by unit, of one line."""
    volume = sum(it.volume_minor for it in deal.volumes or () if it.currency == order.currency)
    rate = rule.commission_bp
    for tier in rule.tiers:
        if tier.currency == order.currency and tier.from_minor <= volume:
            rate = tier.commission_bp
    amount = math.floor(Fraction(rate, 10_000) * base)
    for bound in rule.limits:
        if bound.currency == order.currency:
            amount = max(amount, bound.floor_minor)
            amount = amount if bound.cap_minor is None else min(amount, bound.cap_minor)
    return min(min(amount, base) + _fixed(rule.unit_fees, order.currency) * line.quantity, base)


def _fixed(fees: tuple[FixedFee, ...], currency: str) -> int:
    return sum(it.amount_minor for it in fees if it.currency == currency)


def _merchant(order: SplitRequested, deal: Agreement, pot: Paid, freight: int) -> dict[str, int]:
    goods, fee = max(0, pot.goods), pot.fee
    charges = _charges(order, pot, deal)
    commission = sum(charge for _, charge, _ in charges)
    tax = 0
    if commission > goods:
        commission = goods
    else:
        tax = sum(min(math.floor(rate * charge), base - charge) for base, charge, rate in charges)
        tax = min(tax, goods - commission)
    rest = max(0, pot.goods + freight) - commission - tax
    merchants_fee = 0
    if deal.fee_bearer == "merchant":
        merchants_fee = min(fee, rest)
    elif deal.fee_bearer == "pro_rata":
        merchants_fee = min(rest, apportion(fee, [commission, rest])[1])
    net, platform_fee = rest - merchants_fee, min(commission, fee - merchants_fee)
    short = net + tax + (commission - platform_fee) - (pot.goods + freight - fee)
    return {"net": net, "commission": commission - platform_fee, "tax": tax, "short": short}


def _crowded(order: SplitRequested) -> bool:
    """Tell whether more than fifty people stand at the ends of the trees."""
    sellers = [f"merchant:{name}" for name in {it.merchant for it in order.lines}]
    people = [*sellers, *(f"receiver:{it.receiver}" for it in order.receivers)]
    ends = [person for person in people if all(it.parent != person for it in order.receivers)]
    return bool(order.receivers) and len(ends) > 50


def divided(order: SplitRequested, root: str, amount: int, level: int = 1) -> dict[str, int]:
    """Say what everybody below `root`, and `root` itself, ends up with."""
    below = [it for it in order.receivers if it.parent == root]
    own = root if root == "freight" or root.startswith("merchant:") else "merchant:" + root[9:]
    if not below:
        return {own: amount}
    if level > 5:
        raise CannotPayError
    percents = [it.value for it in below if it.share == "percent"]
    fixed = sum(it.value for it in below if it.share == "fixed")
    if sum(percents) > 10_000 or sum(it.share == "remainder" for it in below) > 1:
        raise CannotPayError
    parts = apportion(amount, [*percents, 10_000 - sum(percents)])
    left = parts.pop() - fixed
    if left < 0:
        raise CannotPayError
    answer: dict[str, int] = defaultdict(int)
    for it in below:
        part = parts.pop(0) if it.share == "percent" else it.value if it.share == "fixed" else left
        if it.share == "remainder":
            answer[own] -= left
        for receiver, value in divided(order, f"receiver:{it.receiver}", part, level + 1).items():
            answer[receiver] += value
    answer[own] += left
    return answer
