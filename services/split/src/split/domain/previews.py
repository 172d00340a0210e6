"""What splitting an order would do, and for each line which rule decides and what it comes to. Nothing is kept.

It asks the functions that split orders for real; only the words around their figures are made here.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final, Literal

import msgspec

from shared.messages import MerchantChanged, SplitRequested
from shared.money import AMOUNT_MINOR_MAX, CURRENCY_DECIMALS
from split.domain import pots, splits
from split.domain.agreements import in_force
from split.domain.earnings import Earning, earning
from split.domain.funding import Standing
from split.domain.holds import NO_FACTS
from split.domain.judgements import Moment
from split.domain.pots import MERCHANT, Pot
from split.domain.receivers import FREIGHT, Trees
from split.domain.rounds import Decision
from split.domain.shares import AGREEMENT_MISSING, MERCHANT_UNKNOWN
from split.domain.splits import Merchants
from split.domain.tallies import NOBODY_OWES
from split.domain.tariff import Origin, Sale, Taking, takings

FUTURE_S_MAX: Final = 300
"""Payments refuses an order that was paid later than this from now (architecture, Agreements)."""
SETTLEMENT_PRICE: Final = "settlement_price"

By = Origin | Literal["nothing"]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What is taken of one line, in minor units, and by which rule of which set; or why that cannot be said.

    `stated`: the conditions that the rule states, which the line keeps. The parts of the commission are what the rule
    wants; the commission is less where the order's own discounts leave less of the goods.
    """

    line_id: str
    merchant: str
    base_minor: int
    reason: str = ""
    by: By = "nothing"
    version: int = 0
    rule_id: str = ""
    stated: tuple[str, ...] = ()
    rate_bp: int = 0
    percent_minor: int = 0
    units_minor: int = 0
    order_minor: int = 0
    commission_minor: int = 0
    tax_bp: int = 0
    tax_minor: int = 0


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """What an extra receiver gets out of its parent's share, as what, and how much of that it passes on.

    `value` is basis points of a percent, or minor units of a fixed amount.
    """

    receiver: str
    parent: str
    share: Literal["percent", "fixed", "remainder"]
    value: int
    taken_minor: int
    passed_on_minor: int


class Preview(msgspec.Struct, frozen=True):
    """What the split would decide, why each line is taken what it is, and why each extra receiver gets what it gets."""

    decision: Decision
    lines: tuple[Line, ...]
    passed: tuple[Passed, ...] = ()


def preview(
    request: SplitRequested,
    merchants: Merchants,
    moment: Moment,
    standings: Mapping[str, Standing] = NOBODY_OWES,
) -> Preview | str:
    """Return what splitting this order now would do; a reason if it would be refused before or then."""
    if mistake := _mistake(request, moment):
        return mistake
    decision = splits.split(request, merchants, NO_FACTS, moment, standings)
    if isinstance(decision, str):
        return decision
    sale = splits.sale_of(request, moment)
    parts = pots.facts(request).pots
    said = [explained(pot, merchants.get(pot.merchant), request, sale) for pot in parts]
    by_line = {it.line_id: it for lines, _ in said for it in lines}
    passed = _passed(request, parts, [earned for _, earned in said])
    return Preview(decision, tuple(by_line[line.line_id] for line in request.lines), tuple(passed))


def explained(
    pot: Pot, copy: MerchantChanged | None, request: SplitRequested, sale: Sale
) -> tuple[list[Line], Earning | None]:
    """Say of each line of a pot which rule decides about it and what that comes to; and how the pot divides."""
    bare = [
        Line(line_id=line.line_id, merchant=pot.merchant, base_minor=base)
        for line, base in zip(pot.lines, pot.bases, strict=True)
    ]
    agreement = in_force(copy.agreements, request.paid_at) if copy is not None else None
    if agreement is None:
        return _because(bare, AGREEMENT_MISSING if copy is not None else MERCHANT_UNKNOWN), None
    earned = earning(pot, agreement, sale)
    if isinstance(earned, str):
        return _because(bare, earned), None
    if agreement.price_mode == "settlement_price":
        said = [_by_price(it, agreement.version) for it in bare]
    else:
        taken = takings(agreement, sale, pot.lines, pot.bases)
        if isinstance(taken, str):
            return _because(bare, taken), None
        rules_version = sale.rules.version if sale.rules else 0
        versions: dict[Origin, int] = {"agreement": agreement.version, "marketplace": rules_version}
        said = [_by_rule(it, taking, versions) for it, taking in zip(bare, taken, strict=True)]
    return _with_figures(said, earned), earned


def _passed(request: SplitRequested, parts: Sequence[Pot], earned: Sequence[Earning | None]) -> Iterator[Passed]:
    """Give everybody's portion of the shares that can be divided; of the freight, where all of it is known."""
    trees = Trees(request.receivers, [pot.merchant for pot in parts])
    if trees.mistake:
        return
    for pot, it in zip(parts, earned, strict=True):
        if it is not None:
            yield from _portions(trees, MERCHANT + pot.merchant, it.net_minor)
    feeding = [(pot.freight_minor, it) for pot, it in zip(parts, earned, strict=True) if pot.freight_minor]
    freight = sum(amount for amount, it in feeding if it is not None and it.chain)
    if freight and all(it is not None for _, it in feeding):
        yield from _portions(trees, FREIGHT, freight)


def _portions(trees: Trees, root: str, amount_minor: int) -> Iterator[Passed]:
    divided = trees.divide(root, amount_minor)
    if isinstance(divided, str) or not divided.portions:
        return
    for stated, portion in zip(trees.stated(root), divided.portions, strict=True):
        yield Passed(
            receiver=stated.receiver,
            parent=stated.parent,
            share=stated.share,
            value=stated.value,
            taken_minor=portion.taken_minor,
            passed_on_minor=portion.passed_on_minor,
        )


def _because(bare: list[Line], reason: str) -> list[Line]:
    return [msgspec.structs.replace(it, reason=reason) for it in bare]


def _by_price(bare: Line, version: int) -> Line:
    return msgspec.structs.replace(
        bare, by="agreement", version=version, rule_id=SETTLEMENT_PRICE, stated=("merchant",)
    )


def _by_rule(bare: Line, taking: Taking, versions: Mapping[Origin, int]) -> Line:
    choice = taking.choice
    return msgspec.structs.replace(
        bare,
        by=choice.origin,
        version=versions[choice.origin],
        rule_id=choice.rule.rule_id,
        stated=choice.conditions,
        rate_bp=taking.rate_bp,
        percent_minor=taking.percent_minor,
        units_minor=taking.units_minor,
        order_minor=taking.order_minor,
        tax_bp=choice.rule.tax_bp,
    )


def _with_figures(said: list[Line], earned: Earning) -> list[Line]:
    taxes = earned.taxes or (0,) * len(said)
    return [
        msgspec.structs.replace(it, commission_minor=commission, tax_minor=tax)
        for it, commission, tax in zip(said, earned.commissions, taxes, strict=True)
    ]


def _mistake(request: SplitRequested, moment: Moment) -> str:
    """Return why payments would not let such an order through, as far as its sums say that; empty when it would."""
    if request.currency not in CURRENCY_DECIMALS:
        return "currency_unknown"
    if request.paid_at - moment.now > timedelta(seconds=FUTURE_S_MAX):
        return "paid_at_in_future"
    if len({line.line_id for line in request.lines}) < len(request.lines):
        return "line_twice"
    totals = (
        sum(line.amount_minor + line.freight_minor for line in request.lines),
        sum(payment.amount_minor for payment in request.payments),
        sum(abs(adjustment.amount_minor) for adjustment in request.adjustments),
    )
    if max(totals) > AMOUNT_MINOR_MAX:
        return "amount_out_of_range"
    if any(payment.fee_minor > payment.amount_minor for payment in request.payments):
        return "fee_above_amount"
    return ""
