"""Every leg in the eyes of split, payments and merchant: requested once, carried out once, stated once."""

from datetime import datetime
from typing import Any, Final, NamedTuple

from ops.audit.findings import Findings
from ops.audit.snapshot import Snapshot
from ops.sorting import Row, Sorter, joined
from ops.stores import prefixed, within

OPEN: Final = ("created", "sending", "accepted", "unknown")
PAID: Final = "succeeded"
STATED: Final = "paid"
TAKEN_BACK: Final = "returned"
"""Kinds of a statement's entries: a leg was paid, and came back from the bank."""


class Instructed(NamedTuple):
    """A leg or subsidy as payments instructed it. `settled_at` is when its payout became final, if it is."""

    payout: str
    account: str
    number: str
    state: str
    amount_minor: int
    receiver: str
    currency: str
    settled_at: datetime | None


class Told(NamedTuple):
    """A share or subsidy as split asked for it."""

    state: str
    amount_minor: int
    receiver: str
    order: str


class Sides:
    """Rows of legs and subsidies by their id, one sorter for each side."""

    def __init__(self) -> None:
        """Begin with none."""
        self.told = Sorter()
        self.instructed = Sorter()
        self.stated = Sorter()
        self.numbers = Sorter()
        """(account/number, leg id, posted, *Instructed), filled by `check`."""


async def read(snapshot: Snapshot, marketplace: str | None, sides: Sides) -> None:
    """Read the instructed and the stated side; the told one comes with the orders."""
    async for payout in snapshot.find(snapshot.stores.payments, "payouts", prefixed(marketplace)):
        for leg in payout["legs"]:
            sides.instructed.add((leg["leg_id"], _instructed(payout, leg, leg["receiver"])))
        for subsidy in payout["subsidies"]:
            sides.instructed.add((subsidy["subsidy_id"], _instructed(payout, subsidy, "")))
    fields = ("leg_id", "kind", "amount_minor")
    async for line in snapshot.find(snapshot.stores.merchant, "statement_lines", within(marketplace), fields):
        sides.stated.add((line["leg_id"], line["kind"], line["amount_minor"]))


def _instructed(payout: dict[str, Any], it: dict[str, Any], receiver: str) -> Instructed:
    return Instructed(
        payout=payout["_id"],
        account=payout["channel_account"],
        number=it["channel_number"],
        state=it["state"],
        amount_minor=it["amount_minor"],
        receiver=receiver,
        currency=payout["currency"],
        settled_at=payout.get("settled_at"),
    )


def check(sides: Sides, quiet_since: datetime | None, findings: Findings) -> None:
    """Compare the three sides of every leg, and fill `sides.numbers`.

    `quiet_since`: all that was published before it has been taken, so what it said must be known everywhere.
    """
    for leg_id, (told, instructed, stated) in joined(sides.told, sides.instructed, sides.stated):
        asked = [Told(*row) for row in told]
        sent: list[Instructed] = [row[0] for row in instructed]
        posted = any(it.state in ("paid", PAID) for it in asked)
        for it in sent:
            if it.amount_minor:  # a leg of nothing is on a statement, and no institution has heard of it
                row = (f"{it.account}/{it.number}", leg_id, posted, *it)
                sides.numbers.add(row)
        _check_once(leg_id, sent, findings)
        _check_same(leg_id, asked, sent, findings)
        _check_posted(leg_id, asked, sent, quiet_since, findings)
        _check_stated(leg_id, sent, stated, quiet_since, findings)


def _check_once(leg_id: str, sent: list[Instructed], findings: Findings) -> None:
    paid = [it for it in sent if it.state == PAID]
    if len(paid) > 1:
        findings.duplicated += len(paid) - 1
    holding = [it.payout for it in sent if it.state == PAID or it.state in OPEN]
    if len(holding) > 1:
        findings.add("leg_paid_once", leg_id, f"open or paid in {len(holding)} payouts: {', '.join(holding[:3])}")


def _check_same(leg_id: str, asked: list[Told], sent: list[Instructed], findings: Findings) -> None:
    if sent and not asked:
        findings.add("leg_as_requested", leg_id, "payments pays it, split has no such share")
    if len(asked) > 1:
        findings.add("leg_as_requested", leg_id, f"split has {len(asked)} shares under this id")
    for it in sent:
        for wanted in asked:
            if (it.amount_minor, it.receiver) != (wanted.amount_minor, wanted.receiver):
                detail = (
                    f"{it.receiver} {it.amount_minor} at payments, {wanted.receiver} {wanted.amount_minor} at split"
                )
                findings.add("leg_as_requested", leg_id, detail)


def _check_posted(
    leg_id: str, asked: list[Told], sent: list[Instructed], quiet_since: datetime | None, findings: Findings
) -> None:
    paid = [it for it in sent if it.state == PAID]
    for wanted in asked:
        is_posted = wanted.state in ("paid", PAID)
        if is_posted and not paid:
            findings.add("leg_as_requested", leg_id, "split has it as paid, payments has not")
        elif paid and not is_posted and _known_since(paid[0], quiet_since):
            findings.add("leg_as_requested", leg_id, f"paid, and split still has it {wanted.state}")


def _check_stated(
    leg_id: str, sent: list[Instructed], stated: list[Row], quiet_since: datetime | None, findings: Findings
) -> None:
    paid = [it for it in sent if it.state == PAID and it.receiver]
    amounts = [amount for kind, amount in stated if kind == STATED]
    standing = len(amounts) - sum(1 for kind, _ in stated if kind == TAKEN_BACK)
    if standing > len(paid):
        findings.duplicated += standing - max(1, len(paid))
        findings.add("leg_stated", leg_id, f"it stands on statements {standing} times, and was paid {len(paid)} times")
    elif paid and standing < len(paid) and _known_since(paid[0], quiet_since):
        findings.add("leg_stated", leg_id, "paid, and no statement has it")
    for amount in amounts:
        if sent and amount != sent[0].amount_minor:
            findings.add("leg_stated", leg_id, f"a statement says {amount}, {sent[0].amount_minor} was paid")


def _known_since(paid: Instructed, quiet_since: datetime | None) -> bool:
    return quiet_since is not None and paid.settled_at is not None and paid.settled_at < quiet_since
