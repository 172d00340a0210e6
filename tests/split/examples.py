"""Orders, agreements and merchants for the tests of split: plain ones to vary, and strategies for all of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from tests.split.tariffs import CATEGORIES, CURRENCIES, MERCHANTS, SKUS, limits, rates, rule_sets

from shared.messages import (
    Adjustment,
    Agreement,
    CategoryRate,
    ChannelPayment,
    ExtraReceiver,
    MerchantChanged,
    OrderLine,
    SplitRequested,
    Volume,
)

PAID_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO = PAID_AT - timedelta(days=100)


def agreement(**terms: Any) -> Agreement:  # noqa: ANN401 - any field of an agreement
    """Commission of 12 %, real-time, in force for a long time, unless said otherwise."""
    given: dict[str, Any] = {
        "version": 1,
        "announced_at": LONG_AGO,
        "effective_from": LONG_AGO,
        "channel_profile": "sandbox-direct",
        "commission_bp": 1_200,
    }
    return Agreement(**(given | terms))


def merchant(
    name: str = "m1", *agreements: Agreement, version: int = 1, blocked: tuple[str, ...] = ()
) -> MerchantChanged:
    """Make a merchant's copy."""
    return MerchantChanged(
        marketplace="test-a",
        merchant=name,
        version=version,
        name=name,
        kind="pop",
        blocked=blocked,
        agreements=agreements,
    )


def copies(*merchants: MerchantChanged) -> dict[str, MerchantChanged]:
    """Key copies by merchant id."""
    return {it.merchant: it for it in merchants}


def line(number: int = 1, amount: int = 10_000, **fields: Any) -> OrderLine:  # noqa: ANN401 - any field of a line
    """One line of merchant m1, unless said otherwise."""
    given: dict[str, Any] = {"line_id": f"l{number}", "sku": "s", "category": "shoes", "merchant": "m1", "quantity": 1}
    return OrderLine(**(given | {"amount_minor": amount} | fields))


def paid_order(
    *lines: OrderLine,
    fee: int = 0,
    adjustments: tuple[Adjustment, ...] = (),
    receivers: tuple[ExtraReceiver, ...] = (),
    currency: str = "BRL",
    order_id: str = "1",
) -> SplitRequested:
    """Make an order whose single payment is what its lines and adjustments come to."""
    lines = lines or (line(),)
    paid = sum(it.amount_minor + it.freight_minor for it in lines) + sum(it.amount_minor for it in adjustments)
    return SplitRequested(
        marketplace="test-a",
        order_id=order_id,
        buyer="b",
        currency=currency,
        paid_at=PAID_AT,
        payments=(payment(paid, fee),),
        lines=lines,
        adjustments=adjustments,
        receivers=receivers,
    )


def payment(amount: int, fee: int = 0, account: str = "test-a") -> ChannelPayment:
    """One payment of the order."""
    return ChannelPayment(
        channel_profile="sandbox-direct",
        channel_account=account,
        channel_payment_id=f"p-{amount}",
        amount_minor=amount,
        fee_minor=fee,
    )


def extra(receiver: str, parent: str, share: Any = "percent", value: int = 0) -> ExtraReceiver:  # noqa: ANN401 - a literal
    """One extra receiver."""
    return ExtraReceiver(receiver=receiver, parent=parent, share=share, value=value)


amounts = st.one_of(st.integers(0, 200), st.integers(0, 100_000), st.integers(0, 10**13))


@st.composite
def agreements(draw: st.DrawFn) -> Agreement:
    """Any agreement that was in force when the orders were paid; most of them pay at once, half have rules."""
    patient = draw(st.integers(0, 5)) == 0
    special = draw(ruled()) if draw(st.booleans()) else {}
    return agreement(
        version=draw(st.integers(1, 9)),
        direction=draw(st.sampled_from(("pay", "collect"))) if patient else "pay",
        trigger=draw(st.sampled_from(("paid", "shipped", "completed"))) if patient else "paid",
        cycle=draw(st.sampled_from(("real_time", "month"))) if patient else "real_time",
        price_mode=draw(st.sampled_from(("commission", "commission", "settlement_price"))),
        commission_bp=draw(rates),
        category_rates=tuple(
            draw(
                st.lists(st.builds(CategoryRate, category=st.sampled_from(CATEGORIES), commission_bp=rates), max_size=2)
            )
        ),
        commission_limits=tuple(draw(st.lists(limits(), max_size=2, unique_by=lambda it: it.currency))),
        fee_bearer=draw(st.sampled_from(("platform", "merchant", "pro_rata"))),
        freight_to=draw(st.sampled_from(("merchant", "chain"))),
        **special,
    )


@st.composite
def ruled(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what makes an agreement more than its plain terms."""
    sold = st.builds(
        Volume,
        currency=st.sampled_from(CURRENCIES),
        volume_minor=st.sampled_from((0, 999, 1_000, 10**9, 10**13)),
        period_end=st.just(LONG_AGO),
    )
    return {
        "rules": draw(rule_sets()),
        "rate_source": draw(st.sampled_from(("agreement", "agreement", "marketplace"))),
        "volumes": tuple(draw(st.lists(sold, max_size=2, unique_by=lambda it: it.currency))),
        "tax_bp": draw(st.sampled_from((0, 1, 600))),
    }


@st.composite
def merchant_copies(draw: st.DrawFn) -> dict[str, MerchantChanged]:
    """Draw copies of some of the merchants: known or not, with or without an agreement, blocked or free."""
    known = draw(st.lists(st.sampled_from(MERCHANTS), unique=True, min_size=2))
    return copies(
        *(
            merchant(
                name,
                *draw(
                    st.sampled_from((1, 1, 1, 1, 0)).flatmap(lambda n: st.lists(agreements(), min_size=n, max_size=n))
                ),
                blocked=draw(st.sampled_from(((), (), (), ("kyc",)))),
            )
            for name in known
        )
    )


@st.composite
def order_lines(draw: st.DrawFn) -> OrderLine:
    """Any line; its id is given by the order."""
    amount = draw(amounts)
    quantity = draw(st.integers(1, 5))
    price = draw(st.one_of(st.none(), st.integers(0, amount // quantity + 1)))
    return line(
        0,
        amount,
        quantity=quantity,
        category=draw(st.sampled_from(CATEGORIES)),
        sku=draw(st.sampled_from(SKUS)),
        merchant=draw(st.sampled_from(MERCHANTS)),
        freight_minor=draw(st.one_of(st.just(0), amounts)),
        settlement_price_minor=price,
    )


@st.composite
def receivers(draw: st.DrawFn, merchants: tuple[str, ...]) -> tuple[ExtraReceiver, ...]:
    """Extra receivers below merchants, freight and one another; some of these trees cannot be paid."""
    if draw(st.integers(0, 9)) == 0:
        merchants = MERCHANTS
    found: list[ExtraReceiver] = []
    for number in range(draw(st.integers(0, 6))):
        above = [f"merchant:{name}" for name in merchants] + ["freight", "freight"]
        above += [f"receiver:{it.receiver}" for it in found] * 2
        share = draw(st.sampled_from(("percent", "percent", "fixed", "remainder")))
        value = draw(st.integers(0, 6_000)) if share == "percent" else draw(st.integers(0, 100))
        found.append(extra(f"r{number}", draw(st.sampled_from(above)), share, value))
    return tuple(found)


@st.composite
def orders(draw: st.DrawFn) -> SplitRequested:
    """Any order that payments lets through: what was paid is what lines and adjustments come to."""
    lines = tuple(
        OrderLine(**({name: getattr(it, name) for name in it.__struct_fields__} | {"line_id": f"l{number}"}))
        for number, it in enumerate(draw(st.lists(order_lines(), min_size=1, max_size=6)))
    )
    left = sum(it.amount_minor + it.freight_minor for it in lines)
    adjustments: list[Adjustment] = []
    for _ in range(draw(st.integers(0, 4))):
        kind: Any = draw(st.sampled_from(("discount", "subsidy", "surcharge")))
        amount = draw(amounts) if kind == "surcharge" else -draw(st.integers(0, left))
        left += amount
        borne = [f"merchant:{draw(st.sampled_from(lines)).merchant}", "platform:marketing"]
        party = {"surcharge": [borne[0], "platform:fee"], "subsidy": borne[1:]}.get(kind, borne)
        adjustments.append(
            Adjustment(
                kind=kind,
                amount_minor=amount,
                party=draw(st.sampled_from(party)),
                line_id=draw(st.sampled_from((None, *(it.line_id for it in lines)))),
            )
        )
    fee = draw(st.one_of(st.just(0), st.integers(0, min(left, 500)), st.integers(0, left)))
    return paid_order(
        *lines,
        fee=fee,
        adjustments=tuple(adjustments),
        receivers=draw(receivers(tuple(dict.fromkeys(it.merchant for it in lines)))),
        currency=draw(st.sampled_from(CURRENCIES)),
    )
