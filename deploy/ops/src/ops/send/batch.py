"""One batch on its way: its orders funded and paid at the institution, then all published. In this order.

Paid before it is published, because order-paid is a claim that payments proves; on the manifest before it is
published, because what is not on it will not be missed.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from ops.institution import Institution
from ops.send.draft import UpstreamEvent, marketing_needed
from ops.send.manifest import Manifest
from shared.envelope import headers_of
from shared.messages import ChannelPayment, OrderPaid, encode
from shared.outbox import Outgoing
from shared.publisher import Publisher

SOURCE: Final = "/weir/send"
EVENTS_PER_BATCH: Final = 500
"""Fixed, so that the same file makes the same batches, and the same funding of each is recognised as a repeat."""


async def pay(orders: Sequence[OrderPaid], institution: Institution) -> None:
    """Fund what the platform bears of these orders, and pay them as their buyers would. A repeat changes nothing.

    Raises:
        InstitutionError: the institution refused a payment or does not answer.

    """
    await fund(orders, institution)
    paid: defaultdict[str, list[tuple[ChannelPayment, str]]] = defaultdict(list)
    for order in orders:
        for payment in order.payments:
            paid[payment.channel_account].append((payment, order.currency))
    for account, payments in paid.items():
        await institution.pay(account, payments)


async def publish(events: Sequence[UpstreamEvent], manifest: Manifest, publisher: Publisher) -> None:
    """Write the orders among them on the manifest and publish all, each under an id that a repeat has too.

    Raises:
        PublishError: Kafka did not take them in time.

    """
    manifest.add(event.key for event in events if isinstance(event, OrderPaid))
    emitted_at = datetime.now(UTC)
    await publisher.publish([record(event, emitted_at) for event in events])


async def fund(orders: Sequence[OrderPaid], institution: Institution) -> None:
    """Fund the marketing pockets with what this batch may need of them, under a number that a repeat finds again."""
    needed: defaultdict[tuple[str, str], int] = defaultdict(int)
    for order in orders:
        if amount := marketing_needed(order):
            needed[order.payments[0].channel_account, order.currency] += amount
    digest = hashlib.sha256(b"\n".join(encode(order) for order in orders)).hexdigest()[:40]
    for (account, currency), amount in needed.items():
        await institution.fund(account, f"send-{digest}-{currency}", currency, amount)


def record(event: UpstreamEvent, emitted_at: datetime) -> Outgoing:
    """Return the Kafka record of an event as an upstream system publishes it."""
    headers = headers_of(event, SOURCE, emitted_at, emitted_at)
    return Outgoing(event.topic, event.key.encode(), encode(event), headers, (SOURCE, -1), 0)
