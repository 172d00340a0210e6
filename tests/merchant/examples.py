"""Terms, merchants and settled payouts to start a test from: valid as they are, changed by the test that needs more."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from merchant.domain.agreements import Rules, Terms, Version
from merchant.domain.merchants import Facts, Merchant
from shared.messages import Breakdown, LegOutcome, PayoutSettled

NOW: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LEAD: Final = timedelta(hours=1)
MARKETPLACE: Final = "test-shop"
PROFILE: Final = "sandbox-direct"
RULES: Final = Rules(NOW, LEAD, frozenset({PROFILE}))
FACTS: Final = Facts("Alice & Co", "pop")


def day(number: int) -> datetime:
    """Return a day counted from now, such as -1 for yesterday."""
    return NOW + timedelta(days=number)


def terms(effective_from: datetime = NOW - timedelta(days=365), **fields: Any) -> Terms:  # noqa: ANN401 - any field
    given: dict[str, Any] = {"channel_profile": PROFILE, "commission_bp": 1_200} | fields
    return Terms(effective_from=effective_from, **given)


def version(number: int = 1, effective_from: datetime = NOW - timedelta(days=365), **fields: Any) -> Version:  # noqa: ANN401 - any field
    key = fields.pop("key", None)
    return Version(number, NOW - timedelta(days=400), terms(effective_from, **fields), key)


def merchant(*agreements: Version, **fields: Any) -> Merchant:  # noqa: ANN401 - any field
    given: dict[str, Any] = {"version": 1, "name": FACTS.name, "kind": FACTS.kind} | fields
    return Merchant(MARKETPLACE, "alice", agreements=agreements, **given)


def leg(
    receiver: str = "merchant:alice",
    amount_minor: int = 1_080,
    state: str = "succeeded",
    **fields: Any,  # noqa: ANN401 - any field
) -> LegOutcome:
    given: dict[str, Any] = {
        "leg_id": f"{MARKETPLACE}/o:o-1/{receiver}/1",
        "attempt": 1,
        "channel_number": "N1",
        "breakdown": Breakdown(gross_minor=amount_minor),
    } | fields
    return LegOutcome(receiver=receiver, amount_minor=amount_minor, state=state, **given)  # type: ignore[arg-type] # tests try every state


def sale(state: str = "succeeded", **fields: Any) -> LegOutcome:  # noqa: ANN401 - any field
    """Return alice's leg of an order: 10.00 and 2.00 freight, less 1.20 commission."""
    breakdown = Breakdown(gross_minor=1_000, freight_minor=200, commission_minor=120)
    return leg(state=state, breakdown=breakdown, **fields)


def payout(*legs: LegOutcome, order: str = "o-1", **fields: Any) -> PayoutSettled:  # noqa: ANN401 - any field
    given: dict[str, Any] = {
        "marketplace": MARKETPLACE,
        "payout_id": f"o:{order}.1",
        "document": f"o:{order}",
        "kind": "pay",
        "revision": 1,
        "currency": "EUR",
        "channel_profile": PROFILE,
        "channel_account": MARKETPLACE,
        "settled_at": NOW,
    } | fields
    return PayoutSettled(legs=legs, **given)
