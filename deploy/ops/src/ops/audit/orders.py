"""Each order in the books: what came in is what its shares are, and the ledger has the money where the order says."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from ops.audit.findings import Findings
from ops.audit.snapshot import Snapshot
from ops.sorting import Sorter, joined
from ops.stores import prefixed
from shared.mongo import Document

PLATFORM: Final = "platform:"
MARKETING: Final = "platform:marketing"


class Paid(msgspec.Struct, frozen=True):
    """Of a payment in a stored body, what the books are about."""

    amount_minor: int
    fee_minor: int = 0


class Body(msgspec.Struct, frozen=True):
    """Of a stored order, what the books are about."""

    payments: tuple[Paid, ...]

    @property
    def pooled_minor(self) -> int:
        """What the channel account got: paid less its fee."""
        return sum(it.amount_minor - it.fee_minor for it in self.payments)

    @property
    def paid_minor(self) -> int:
        """What the buyer paid."""
        return sum(it.amount_minor for it in self.payments)


_bodies = msgspec.json.Decoder(Body)


async def check(
    snapshot: Snapshot, marketplace: str | None, findings: Findings, booked: Sorter, legs: Sorter, split: Sorter
) -> None:
    """Check every order against `booked` (order, account, amount).

    Fill `legs` (leg id, *Told) with its released shares and its subsidies, and `split` (order,).
    """
    rows = Sorter()
    paid = Sorter()
    async for order in snapshot.find(snapshot.stores.split, "orders", prefixed(marketplace)):
        if order["state"] != "split":
            continue  # the first event of an order that has not come to be split yet
        body = _bodies.decode(order["body"])
        split.add((order["_id"],))
        paid.add((order["_id"], body.paid_minor))
        _check_sums(order, body, findings)
        rows.add((order["_id"], expected(order, body)))
        for share in order["shares"]:
            if share["part"] and share["attempt"]:
                legs.add(_leg(order, share))
        for subsidy in order["subsidies"]:
            legs.add((subsidy["subsidy_id"], subsidy["state"], subsidy["amount_minor"], "", order["_id"]))
    _compare(rows, booked, findings)
    await _compare_with_payments(snapshot, marketplace, paid, findings)


def expected(order: Document, body: Body) -> dict[str, int]:
    """Return the balance that each account must have from this order alone, zeros left out."""
    found: Counter[str] = Counter()
    clearing = f"channel:clearing/{order['channel_account']}"
    found[clearing] -= body.pooled_minor
    for share in order["shares"]:
        found[clearing if share["state"] == "paid" else _account(share)] += share["amount_minor"]
    for subsidy in order["subsidies"]:
        place = clearing if subsidy["state"] == "succeeded" else MARKETING
        found[place] -= subsidy["amount_minor"]
    found[MARKETING] -= order["subsidy_due_minor"]
    return {account: amount for account, amount in found.items() if amount}


def _account(share: dict[str, Any]) -> str:
    receiver: str = share["receiver"]
    if receiver.startswith(PLATFORM):
        return receiver
    return f"merchant:{share['state']}/{receiver.partition(':')[2]}"


def _leg(order: Document, share: dict[str, Any]) -> tuple[Any, ...]:
    leg_id = f"{order['marketplace']}/o:{order['order_id']}/{share['path']}/{share['part']}"
    return (leg_id, share["state"], share["amount_minor"], share["receiver"], order["_id"])


def _check_sums(order: Document, body: Body, findings: Findings) -> None:
    added = order["subsidy_due_minor"] + sum(it["amount_minor"] for it in order["subsidies"])
    shares = sum(share["amount_minor"] for share in order["shares"])
    if body.pooled_minor + added != shares:
        detail = f"the pool got {body.pooled_minor}, the platform added {added}, the shares are {shares}"
        findings.add("order_sums", order["_id"], detail)
    for share in order["shares"]:
        if share["amount_minor"] < 0:
            findings.add("order_sums", order["_id"], f"{share['path']} is below zero: {share['amount_minor']}")
        figures = share["breakdown"]
        plus = figures["gross_minor"] + figures["freight_minor"] + figures["adjustments_minor"]
        minus = figures["commission_minor"] + figures["fee_minor"] + figures["passed_on_minor"]
        if share["part"] and plus - minus != share["amount_minor"]:
            detail = f"{share['path']} is {share['amount_minor']}, its breakdown says {plus - minus}"
            findings.add("breakdown_adds_up", order["_id"], detail)


def _compare(rows: Sorter, booked: Sorter, findings: Findings) -> None:
    for key, (orders, entries) in joined(rows, booked):
        found = _sums(entries)
        if not orders:
            if found:
                findings.add("order_booked", str(key), f"the ledger has it, the orders have not: {_short(found)}")
            continue
        wanted: dict[str, int] = orders[0][0]
        for account in sorted(wanted.keys() | found.keys()):
            if wanted.get(account, 0) != found.get(account, 0):
                detail = f"{account} is {found.get(account, 0)} in the ledger, the order says {wanted.get(account, 0)}"
                findings.add("order_booked", str(key), detail)


def _sums(entries: Iterable[tuple[Any, ...]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for account, amount in entries:
        found[account] += amount
    return {account: amount for account, amount in found.items() if amount}


def _short(amounts: dict[str, int]) -> str:
    return ", ".join(f"{account} {amount}" for account, amount in sorted(amounts.items())[:4])


async def _compare_with_payments(snapshot: Snapshot, marketplace: str | None, paid: Sorter, findings: Findings) -> None:
    proved = Sorter()
    fields = ("state", "paid_minor")
    async for it in snapshot.find(snapshot.stores.payments, "orders", prefixed(marketplace), fields):
        proved.add((it["_id"], it["state"], it["paid_minor"]))
    for key, (booked, claims) in joined(paid, proved):
        if not booked:
            continue
        if not claims or claims[0][0] != "accepted":
            findings.add("paid_as_proved", key, "split has booked it, payments has not accepted it")
        elif claims[0][1] != booked[0][0]:
            detail = f"split booked {booked[0][0]} as paid, payments proved {claims[0][1]}"
            findings.add("paid_as_proved", key, detail)
