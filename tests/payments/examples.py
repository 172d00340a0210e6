"""Orders and payout requests to start a test from: valid as they are, changed by the test that needs them wrong."""

from datetime import UTC, datetime
from typing import Any, Final

from shared.messages import (
    Adjustment,
    Breakdown,
    BuyerRefund,
    ChannelPayment,
    ExtraReceiver,
    Funding,
    Leg,
    OrderLine,
    OrderPaid,
    PayoutRequested,
    RefundRequested,
    ReturnLeg,
    Subsidy,
)

NOW: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MARKETPLACE: Final = "test-shop"
ACCOUNT: Final = "test-shop"
PROFILE: Final = "sandbox-direct"


def payment(identity: str = "pay-1", amount_minor: int = 1_200, fee_minor: int = 0, **fields: Any) -> ChannelPayment:  # noqa: ANN401 - any field of the contract
    return ChannelPayment(
        **{"channel_profile": PROFILE, "channel_account": ACCOUNT} | fields,
        channel_payment_id=identity,
        amount_minor=amount_minor,
        fee_minor=fee_minor,
    )


def line(identity: str = "l1", amount_minor: int = 1_000, freight_minor: int = 200, **fields: Any) -> OrderLine:  # noqa: ANN401 - any field of the contract
    given: dict[str, Any] = {"sku": "sku-1", "category": "books", "merchant": "alice", "quantity": 1} | fields
    return OrderLine(line_id=identity, amount_minor=amount_minor, freight_minor=freight_minor, **given)


def discount(amount_minor: int, party: str = "platform:marketing", **fields: Any) -> Adjustment:  # noqa: ANN401 - any field of the contract
    return Adjustment(**{"kind": "discount"} | fields, amount_minor=amount_minor, party=party)


def receiver(identity: str, parent: str = "merchant:alice", **fields: Any) -> ExtraReceiver:  # noqa: ANN401 - any field of the contract
    given: dict[str, Any] = {"share": "percent", "value": 100} | fields
    return ExtraReceiver(receiver=identity, parent=parent, **given)


def order(identity: str = "o-1", **fields: Any) -> OrderPaid:  # noqa: ANN401 - any field of the contract
    """Return an order of one line, 10.00 and 2.00 freight, paid with one payment `pay-<order id>`."""
    given: dict[str, Any] = {
        "marketplace": MARKETPLACE,
        "buyer": "b-1",
        "currency": "EUR",
        "paid_at": NOW,
        "payments": (payment(f"pay-{identity}"),),
        "lines": (line(),),
    }
    return OrderPaid(order_id=identity, **given | fields)


def leg(document: str = "o:o-1", path: str = "merchant:alice", amount_minor: int = 1_080, **fields: Any) -> Leg:  # noqa: ANN401 - any field of the contract
    identity = f"{MARKETPLACE}/{document}/{path}/1"
    given: dict[str, Any] = {
        "leg_id": identity,
        "receiver": path,
        "breakdown": Breakdown(gross_minor=amount_minor),
    } | fields
    return Leg(amount_minor=amount_minor, **given)


def payout(identity: str = "o-1", number: int = 1, **fields: Any) -> PayoutRequested:  # noqa: ANN401 - any field of the contract
    """Return a request to pay alice 10.80 and the platform's commission 1.20 out of an order."""
    document = f"o:{identity}"
    given: dict[str, Any] = {
        "marketplace": MARKETPLACE,
        "document": document,
        "kind": "pay",
        "currency": "EUR",
        "channel_profile": PROFILE,
        "channel_account": ACCOUNT,
        "legs": (leg(document), leg(document, "platform:commission", 120)),
    }
    return PayoutRequested(payout_id=f"{document}.{number}", **given | fields)


def subsidy(amount_minor: int = 300, identity: str = "o-1") -> Subsidy:
    return Subsidy(subsidy_id=f"{MARKETPLACE}/o:{identity}/subsidy/1", amount_minor=amount_minor)


def back(name: str = "alice", amount_minor: int = 1_080, attempt: int = 1, number: int = 1, **fields: Any) -> ReturnLeg:  # noqa: ANN401 - any field of the contract
    """Return a return of what a merchant got in the first payout of order o-1."""
    given: dict[str, Any] = {
        "return_id": f"r-1/merchant:{name}/{number}",
        "leg_id": f"{MARKETPLACE}/o:o-1/merchant:{name}/1",
        "payout_id": "o:o-1.1",
        "receiver": f"merchant:{name}",
    } | fields
    return ReturnLeg(amount_minor=amount_minor, attempt=attempt, **given)


def funding(amount_minor: int = 120, kind: Any = "marketing", number: int = 1) -> Funding:  # noqa: ANN401 - a literal
    return Funding(funding_id=f"r-1/{kind}/{number}", kind=kind, amount_minor=amount_minor)


def to_buyer(amount_minor: int = 1_200, identity: str = "pay-o-1") -> BuyerRefund:
    return BuyerRefund(channel_payment_id=identity, amount_minor=amount_minor)


def plan(revision: int = 1, **fields: Any) -> RefundRequested:  # noqa: ANN401 - any field of the contract
    """Return the plan to refund all of order o-1, 12.00: 10.80 come back from alice, the platform gives 1.20."""
    given: dict[str, Any] = {
        "marketplace": MARKETPLACE,
        "order_id": "o-1",
        "refund_id": "r-1",
        "currency": "EUR",
        "channel_profile": PROFILE,
        "channel_account": ACCOUNT,
        "returns": (back(),),
        "fundings": (funding(),),
        "refunds": (to_buyer(),),
    }
    return RefundRequested(revision=revision, **given | fields)
