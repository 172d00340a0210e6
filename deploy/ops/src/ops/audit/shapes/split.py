"""The documents of split: orders with their shares. The ledger's are in ledger.py."""

from typing import Final

import msgspec
from bson.datetime_ms import DatetimeMS

from ops.audit.rows import Divided, Owed
from ops.audit.rows import Share as ShareRow
from ops.audit.rows import Unfrozen as UnfrozenRow
from ops.audit.shapes import Minor, Part, Rows, Source, Stored, by_key, money_back, ms
from ops.stores import prefixed
from shared.profiles import shipped

UNFREEZE: Final = "auto_unfreeze"
COLLECTED: Final = frozenset(it.name for it in shipped() if it.collector == "merchant")
"""Profiles by which sellers collect the buyers' money."""


class Payment(Part, frozen=True):
    """A payment of an order, as it was requested to be split."""

    amount_minor: Minor
    fee_minor: Minor = 0


class Adjustment(Part, frozen=True):
    """A discount or surcharge of an order."""

    kind: str
    amount_minor: Minor
    party: str


class Request(Part, frozen=True):
    """The request that an order was split by."""

    payments: tuple[Payment, ...]
    adjustments: tuple[Adjustment, ...] = ()


_requests: Final = msgspec.json.Decoder(Request)


class Breakdown(Part, frozen=True):
    """What a share is made of."""

    gross_minor: Minor
    freight_minor: Minor
    adjustments_minor: Minor
    commission_minor: Minor
    fee_minor: Minor
    passed_on_minor: Minor
    commission_tax_minor: Minor = 0
    netted_minor: Minor = 0


class Share(Part, frozen=True):
    """A share of an order."""

    path: str
    receiver: str
    amount_minor: Minor
    state: str
    reason: str
    part: int
    attempt: int
    breakdown: Breakdown
    lines: tuple[str, ...] = ()


class Subsidy(Part, frozen=True):
    """What was asked of the platform for an order."""

    subsidy_id: str
    amount_minor: Minor
    state: str


class Stub(Stored, frozen=True, kw_only=True, tag_field="state", tag="stub"):
    """The first event of an order that has not come to be split yet."""


class Unfrozen(Part, frozen=True):
    """What a channel gave to a seller by itself."""

    movement_id: str
    amount_minor: Minor
    owed_minor: Minor


class ChannelFreeze(Part, frozen=True):
    """What became of the freeze of an order that its sellers collect."""

    unfrozen: tuple[Unfrozen, ...] = ()


class Order(Stored, frozen=True, kw_only=True, tag_field="state", tag="split"):
    """An order that was split. `request` is what its body says."""

    body: bytes
    channel_account: str
    currency: str
    subsidy_due_minor: Minor
    payouts: int
    split_at: DatetimeMS
    shares: tuple[Share, ...]
    subsidies: tuple[Subsidy, ...]
    look_at: DatetimeMS | None = None
    channel_profile: str
    refunds: tuple[money_back.Refund, ...] = ()
    facts: money_back.Facts = money_back.Facts()
    freeze: ChannelFreeze = ChannelFreeze()
    request: Request = Request(())

    def __post_init__(self) -> None:
        """Read the body: what cannot be read has not the shape of an order."""
        msgspec.structs.force_setattr(self, "request", _requests.decode(self.body))


def _order(it: Order | Stub) -> Rows:
    if isinstance(it, Stub):
        return
    paid = sum(payment.amount_minor for payment in it.request.payments)
    yield (
        it.id,
        Divided(
            order=it.id,
            account=it.channel_account,
            currency=it.currency,
            paid_minor=paid,
            pooled_minor=paid - sum(payment.fee_minor for payment in it.request.payments),
            surcharge_minor=sum(_surcharge(adjustment) for adjustment in it.request.adjustments),
            due_minor=it.subsidy_due_minor,
            payouts=it.payouts,
            divided_ms=ms(it.split_at),
            shares=tuple(_share(share) for share in it.shares),
            subsidies=tuple(Owed(s.subsidy_id, s.amount_minor, s.state) for s in it.subsidies),
            refunds=money_back.rows(it.refunds, it.facts),
            collected=it.channel_profile in COLLECTED,
            unfrozen=tuple(
                UnfrozenRow(one.movement_id, one.amount_minor, one.owed_minor) for one in it.freeze.unfrozen
            ),
            unfrozen_told=tuple(one.movement_id for one in it.facts.moved if one.kind == UNFREEZE),
        ),
    )


class Charge(Stored, frozen=True, kw_only=True):
    """Something that is paid without an order."""

    channel_account: str
    currency: str
    payouts: int
    made_at: DatetimeMS
    shares: tuple[Share, ...]
    subsidies: tuple[Subsidy, ...]


def _charge(it: Charge) -> Rows:
    yield (
        it.id,
        Divided(
            order=it.id,
            account=it.channel_account,
            currency=it.currency,
            paid_minor=0,
            pooled_minor=0,
            surcharge_minor=0,
            due_minor=0,
            payouts=it.payouts,
            divided_ms=ms(it.made_at),
            shares=tuple(_share(share) for share in it.shares),
            subsidies=tuple(Owed(s.subsidy_id, s.amount_minor, s.state) for s in it.subsidies),
            charge=True,
        ),
    )


def _surcharge(it: Adjustment) -> int:
    """Return what the buyer paid to the platform itself."""
    of_merchant = it.party.startswith("merchant:") and it.kind != "subsidy"
    return 0 if of_merchant else max(0, it.amount_minor)


def _share(it: Share) -> ShareRow:
    figures = it.breakdown
    return ShareRow(
        path=it.path,
        receiver=it.receiver,
        amount_minor=it.amount_minor,
        state=it.state,
        reason=it.reason,
        part=it.part,
        attempt=it.attempt,
        gross_minor=figures.gross_minor,
        freight_minor=figures.freight_minor,
        adjustments_minor=figures.adjustments_minor,
        commission_minor=figures.commission_minor,
        fee_minor=figures.fee_minor,
        passed_on_minor=figures.passed_on_minor,
        commission_tax_minor=figures.commission_tax_minor,
        netted_minor=figures.netted_minor,
        lines=it.lines,
    )


class Guard(Stored, frozen=True, kw_only=True):
    """What is known of a merchant's whole balance; the id is marketplace, merchant and currency."""

    debt_minor: Minor
    reserve_minor: Minor


def _nothing(_: Guard) -> Rows:
    return ()


GUARDS: Final = Source[Guard]("split", "guards", ("debt_minor", "reserve_minor"), Guard, _nothing, prefixed)
ORDERS: Final = Source(
    "split",
    "orders",
    (
        "state",
        "body",
        "channel_account",
        "currency",
        "subsidy_due_minor",
        "payouts",
        "split_at",
        *(f"shares.{it}" for it in ("path", "receiver", "amount_minor", "state", "reason", "part", "attempt")),
        "shares.breakdown",
        "shares.lines",
        "look_at",
        "subsidies",
        "refunds",
        "facts.moved",
        "channel_profile",
        "freeze.unfrozen",
    ),
    Order | Stub,
    _order,
    prefixed,
    by_key,
)
CHARGES: Final = Source(
    "split",
    "charges",
    ("channel_account", "currency", "payouts", "made_at", "shares", "subsidies"),
    Charge,
    _charge,
    prefixed,
    by_key,
)
