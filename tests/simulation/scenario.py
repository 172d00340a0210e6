"""What the outside world does in one schedule, and what must have become of it at the end."""

import dataclasses
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from tests.simulation.clock import BEGINNING
from tests.split.oracle import expected

from merchant.domain.agreements import Terms
from merchant.domain.merchants import Draft, Facts
from sandbox.domain.payments import Payment
from shared.messages import (
    Adjustment,
    Agreement,
    CaseChanged,
    ChannelPayment,
    Event,
    MerchantChanged,
    OrderLine,
    OrderPaid,
    OrderProgressed,
    SplitRequested,
)

MARKETPLACE: Final = "test-sim"
PROFILE: Final = "sandbox-direct"
CURRENCY: Final = "CNY"
SOURCE: Final = "/upstream/sim"
COMMISSION_BP: Final = 1_000
SINCE: Final = BEGINNING - timedelta(days=30)
MERCHANTS: Final = ("m0", "m1")
TRIGGERS: Final[Mapping[str, Literal["shipped", "completed"]]] = {"m0": "shipped", "m1": "completed"}

Kind = Literal["plain", "free", "subsidised", "mismatched", "contradicted", "conflicting"]
Way = Literal["kafka", "http"]
Progress = Literal["shipped", "delivered", "completed"]
CaseState = Literal["opened", "disputed", "closed"]
KINDS: Final[dict[Kind, int]] = {
    "plain": 12, "free": 3, "subsidised": 2, "mismatched": 3, "contradicted": 1, "conflicting": 1,
}  # fmt: skip
REJECTED: Final[frozenset[Kind]] = frozenset({"mismatched", "contradicted"})


@dataclass(frozen=True)
class Ordered:
    """One order: what upstream says, when, and when the institution knows of its payment. Seconds are virtual."""

    kind: Kind
    way: Way
    order: OrderPaid
    at_s: float
    payment: Payment | None
    payment_at_s: float
    legs: Counter[str]
    """What each receiver gets in the end, in minor units."""

    @property
    def rejected(self) -> bool:
        """Whether payments refuses it."""
        return self.kind in REJECTED


@dataclass(frozen=True)
class Scenario:
    """All orders of a schedule, and when each merchant becomes known."""

    orders: list[Ordered]
    merchants: dict[str, float]
    garbage_at_s: list[float]
    poisoned: str | None
    """The key of an order that split's handlers fail with, as a bug would, until the storm is over."""
    goods: list[tuple[float, Event]] = field(default_factory=list)
    """News of goods and cases, and when; where there is any, merchants' money waits for it."""

    received: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Sum up what every receiver gets."""
        for it in self.orders:
            self.received.update(it.legs)


def drawn(draw: random.Random, until_s: float, *, steady: bool = False) -> Scenario:
    """Return a scenario; its last event is at `until_s`. `steady`: orders come one by one all the time."""
    merchants = {name: 0.0 if draw.random() < 0.75 else draw.uniform(5.0, until_s + 5.0) for name in MERCHANTS}
    count, times = draw.randint(2, 6), draw.randint(1, 3)
    if steady:
        count = times = 10
    bursts = sorted(draw.uniform(0.5, until_s) for _ in range(times))
    orders = [_order(draw, number, draw.choice(bursts)) for number in range(count)]
    orders.sort(key=lambda it: it.at_s)
    garbage = [draw.choice(bursts)] if draw.random() < 0.15 else []
    sound = [it.order.key for it in orders if not it.rejected]
    poisoned = draw.choice(sound) if sound and draw.random() < 0.1 else None
    return Scenario(orders, merchants, garbage, poisoned)


def draft(name: str, *, patient: bool) -> Draft:
    """Return the wish that makes a merchant known, with its agreement. `patient`: its money waits for its goods."""
    trigger = TRIGGERS[name] if patient else "paid"
    terms = Terms(effective_from=SINCE, channel_profile=PROFILE, commission_bp=COMMISSION_BP, trigger=trigger)
    return Draft(name, Facts(name, "pop"), terms)


def with_goods(scenario: Scenario, draw: random.Random) -> Scenario:
    """Let the money of every order wait for its goods: each line ends completed, before or after what else happens.

    News is told twice now and then; of some orders a case is opened, which is closed or expires.
    """
    told: list[tuple[float, Event]] = []
    for it in scenario.orders:
        for event in [*_goods(it.order, draw), *_case(it, draw)]:
            at_s = max(0.1, it.at_s + draw.uniform(-5.0, 20.0))
            told += [(at_s, event)] * (2 if draw.random() < 0.1 else 1)
    return dataclasses.replace(scenario, goods=told, received=Counter())


def _goods(order: OrderPaid, draw: random.Random) -> Iterator[Event]:
    lines = [(it.line_id,) for it in order.lines] if draw.random() < 0.6 else [()]
    for number, some in enumerate(lines):
        before: list[Progress] = draw.sample(["shipped", "delivered"], draw.randint(0, 2))
        kinds: list[Progress] = [*before, "completed"]
        for kind in kinds:
            yield OrderProgressed(
                marketplace=MARKETPLACE,
                order_id=order.order_id,
                kind=kind,
                progress_id=f"{number}",
                line_ids=some,
                occurred_at=BEGINNING - timedelta(minutes=draw.randint(0, 60)),
            )


def _case(it: Ordered, draw: random.Random) -> Iterator[Event]:
    if draw.random() < 0.7:
        return
    expires: datetime | None = BEGINNING + timedelta(seconds=it.at_s + draw.uniform(0.0, 60.0))
    states: list[CaseState] = ["opened"] if draw.random() < 0.5 else ["opened", "disputed", "closed"]
    for revision, state in enumerate(states, start=1):
        yield CaseChanged(
            marketplace=MARKETPLACE,
            order_id=it.order.order_id,
            case_id="case",
            revision=revision,
            state=state,
            line_ids=draw.choice(((), (it.order.lines[0].line_id,))),
            reason="broken",
            expires_at=expires if len(states) == 1 else None,
            changed_at=BEGINNING,
        )


def other_body(order: OrderPaid) -> OrderPaid:
    """Return another order under the same id."""
    return OrderPaid(**(_fields(order) | {"buyer": "somebody-else"}))


def _order(draw: random.Random, number: int, burst: float) -> Ordered:
    [kind] = draw.choices([*KINDS], [*KINDS.values()])
    name = f"o{number}"
    lines = tuple(
        OrderLine(
            line_id=f"l{place}",
            sku="s",
            category="c",
            merchant=draw.choice(MERCHANTS),
            quantity=1,
            amount_minor=0 if kind == "free" else draw.randint(1, 20_000),
        )
        for place in range(draw.randint(1, 2))
    )
    total = sum(it.amount_minor for it in lines)
    adjustments: tuple[Adjustment, ...] = ()
    if kind == "subsidised":
        borne = draw.randint(1, max(1, total // 2))
        adjustments = (Adjustment(kind="discount", amount_minor=-borne, party="platform:marketing"),)
        total -= borne
    fee = total // 100 if draw.random() < 0.3 else 0
    claimed = total + 1 if kind == "mismatched" else total
    paid = ChannelPayment(
        channel_profile=PROFILE,
        channel_account=MARKETPLACE,
        channel_payment_id=f"p-{name}",
        amount_minor=claimed,
        fee_minor=fee,
    )
    order = OrderPaid(
        marketplace=MARKETPLACE,
        order_id=name,
        buyer="b",
        currency=CURRENCY,
        paid_at=BEGINNING - timedelta(hours=1),
        payments=(paid,),
        lines=lines,
        adjustments=adjustments,
    )
    known = total + 5 if kind == "contradicted" else total
    payment = Payment(payment_id=f"p-{name}", amount_minor=known, currency=CURRENCY, fee_minor=fee) if known else None
    at_s = burst + draw.random() * draw.choice((0.01, 2.0))
    late = draw.uniform(0.0, 15.0) if draw.random() < 0.1 else -0.5
    way: Way = "http" if kind != "conflicting" and draw.random() < 0.1 else "kafka"
    legs = Counter[str]() if kind in REJECTED else _legs(order)
    return Ordered(kind, way, order, at_s, payment, at_s + late, legs)


def _legs(order: OrderPaid) -> Counter[str]:
    """Return who gets what, by the oracle of split's tests, which shares no code with split."""
    request = SplitRequested(**_fields(order))
    answer = expected(request, _copies())
    return Counter({receiver: minor for receiver, minor in answer.legs.items() if minor})


def _copies() -> dict[str, MerchantChanged]:
    agreement = Agreement(
        version=1,
        announced_at=SINCE,
        effective_from=SINCE,
        channel_profile=PROFILE,
        commission_bp=COMMISSION_BP,
    )
    return {
        name: MerchantChanged(
            marketplace=MARKETPLACE, merchant=name, version=1, name=name, kind="pop", agreements=(agreement,)
        )
        for name in MERCHANTS
    }


def _fields(order: OrderPaid) -> dict[str, Any]:
    return {name: getattr(order, name) for name in order.__struct_fields__}
