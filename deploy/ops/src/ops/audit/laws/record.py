"""The institution's record brought to orders: its transfers by our numbers, its payments by who claims them."""

from collections import Counter
from collections.abc import Iterable, Iterator

from ops.audit.findings import Findings
from ops.audit.rows import Claimed, Moved, Numbered, OfNumber, OfPayment, Paid, Received, Transferred
from ops.audit.shapes.institution import EXECUTED, SUCCEEDED, moved, paid

type Sums = Counter[tuple[str, str]]
"""Minor units by channel account and currency."""


def bring_transfers(
    chunks: Iterable[Iterable[OfNumber]], findings: Findings, unsure: list[Transferred]
) -> Iterator[Moved]:
    """Return each transfer with its order; one under a number that nobody instructed is a breach.

    One that was only accepted goes to `unsure`: a subsidy that failed since then has another number now.
    """
    ours: dict[str, list[str]] = {}
    theirs: dict[str, Transferred] = {}
    for chunk in chunks:
        for row in chunk:
            if isinstance(row, Numbered):
                ours.setdefault(row.number, []).append(row.order)
            else:
                theirs[row.number] = row
    for number, orders in ours.items():
        if len(orders) > 1:
            findings.add("leg_paid_once", number, f"{len(orders)} legs have the number, of {', '.join(orders[:3])}")
        transfer = theirs.pop(number, None)
        if transfer is not None:
            yield moved(orders[0], transfer)
    for transfer in theirs.values():
        if transfer.state == SUCCEEDED:
            note_stranger(transfer, findings)
        elif transfer.state in EXECUTED:
            unsure.append(transfer)


def note_stranger(it: Transferred, findings: Findings) -> None:
    """Note a transfer that nobody instructed."""
    findings.add("transfer_known", it.number, f"{it.receiver} got {it.amount_minor}, uninstructed")


def bring_payments(chunks: Iterable[Iterable[OfPayment]], unclaimed: Sums) -> Iterator[Paid]:
    """Return each claimed payment with its order; add to `unclaimed` what no order claims."""
    claims: dict[str, str] = {}
    theirs: dict[str, Received] = {}
    for chunk in chunks:
        for row in chunk:
            if isinstance(row, Claimed):
                claims[row.payment] = row.order
            else:
                theirs[row.payment] = row
    for payment, order in claims.items():
        yield paid(order, payment, theirs.pop(payment, None))
    for payment, it in theirs.items():
        unclaimed[payment.partition("/")[0], it.currency] += it.amount_minor - it.fee_minor
