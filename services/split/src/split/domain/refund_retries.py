"""A refund that has failed at the institution is tried again as two people decide: same refund, same plan. Pure.

Its money stays reserved all the while (money.md 5: a retry uses the same refund id).
"""

from datetime import datetime

import msgspec

from split.domain.backs import Back, with_refund
from split.domain.holds import chargeback_until
from split.domain.orders import Order
from split.domain.refunds import after
from split.domain.refusals import Refused
from split.domain.requests import refund_requested


def tried_again(order: Order, refund_id: str, now: datetime) -> Back | Refused:
    """Return the order with the next revision of a refund's plan, and the request for it; or why there is none.

    What has succeeded of it stands in the plan too, and is not done twice.
    """
    refund = next((it for it in order.known_refunds if it.refund_id == refund_id), None)
    if refund is None:
        return Refused("refund_unknown", f"order {order.order_id} has no refund {refund_id}")
    state = after(refund.state, "plan") if refund.planned else None
    if state is None:
        return Refused("refund_not_failed", f"it is {refund.state}")
    if until := chargeback_until(order.known_facts, now):
        return Refused("chargeback_open", f"the buyer's bank has the money of its order, until {until.isoformat()}")
    again = msgspec.structs.replace(refund, state=state, reason="", revision=refund.revision + 1)
    whole = with_refund(order, again)
    return Back(order=whole, requests=(refund_requested(whole, again),))
