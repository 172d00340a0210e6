"""The ledger by itself: the chain of each stripe, what it lists, and balances against entries.

A chain knows no marketplace, so it is always walked whole.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from ops.audit.findings import Findings
from ops.audit.rows import Hashed, Kept, Listed, OfBalance, OfBlock
from ops.audit.shapes.ledger import ACCOUNTS, Block, Link, Transaction, transaction_id
from ops.sorting import Sorter

GENESIS: Final = bytes(32)
LAW: Final = "chain_whole"
CLEARING: Final = "channel:clearing/"
UNORDERED: Final = ("deposit/", "suspense/", "merchant:debt/")
"""Where money goes that belongs to no order."""

DETAIL_MAX: Final = 500


class Head(NamedTuple):
    """The end of a stripe's chain at some moment."""

    seq: int
    hash: bytes


type Heads = Mapping[str, Head]


def judge_block(it: Block, content: bytes, findings: Findings) -> None:
    """Check a block of transactions by itself. `content` is the hash of what is there."""
    for place, booked in enumerate(it.transactions):
        if total := sum(booked.entries.values()):
            findings.imbalance_minor += abs(total)
            identity = transaction_id(it.id, place)
            entries = ", ".join(f"{account} {amount}" for account, amount in booked.entries.items())
            detail = f"its entries sum to {total} {it.currency}, {booked.kind} of {booked.order}: {entries}"
            findings.add("entries_sum_to_zero", identity, detail[:DETAIL_MAX])
        if ACCOUNTS in booked.order:
            _judge_movement(transaction_id(it.id, place), booked, findings)
    if it.hash != content:
        findings.add("transaction_unchanged", it.id, "its hash is not that of its content")
    # By them readers find an account's entries; a hash made over a false list is no proof of it.
    if list(it.accounts) != sorted({account for booked in it.transactions for account in booked.entries}):
        findings.add("transaction_unchanged", it.id, "its accounts are not those of its entries")


def _judge_movement(identity: str, booked: Transaction, findings: Findings) -> None:
    """Check what is about an account at the institution, and no order's: nobody else would miss it there."""
    own = f"{CLEARING}{booked.order.partition(ACCOUNTS)[2]}"
    for account, amount in booked.entries.items():
        if account != own and not account.startswith(UNORDERED):
            findings.add("movement_booked", identity, f"{amount} stands in {account}, of {booked.order}")


class Chain:
    """The links of all stripes, taken in any order and walked in theirs."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._links = Sorter()

    def add(self, link: Link) -> None:
        """Take a link."""
        name = f"{link.stripe}/{link.seq}"
        if link.content() != link.hash:
            self._findings.add(LAW, name, "its hash is not that of its content")
        self._links.add(((link.stripe, link.seq), link.previous, link.hash))

    def walk(self, before: Heads, after: Heads) -> None:
        """Follow every chain. It passes the head that stood before the links were read, and ends by the one after."""
        stripe, last = "", Head(0, GENESIS)
        walked: set[str] = set()
        for (name, seq), previous, stored in self._links:
            if name != stripe:
                self._end(stripe, last, before)
                stripe, last = name, Head(0, GENESIS)
                walked.add(name)
            if seq != last.seq + 1:
                self._findings.add(LAW, f"{name}/{last.seq + 1}", f"the link is missing; the next there is {seq}")
            elif previous != last.hash:
                self._findings.add(LAW, f"{name}/{seq}", "it does not follow the link before it")
            last = Head(seq, stored)
            if name in before and before[name].seq == seq and before[name].hash != stored:
                self._findings.add(LAW, name, f"its head is not its link {seq}")
            if name not in after or seq > after[name].seq:
                self._findings.add(LAW, f"{name}/{seq}", "it stands beyond the head")
        self._end(stripe, last, before)
        for name in before.keys() - walked:
            self._findings.add(LAW, name, "it has a head and no link")

    def _end(self, stripe: str, last: Head, before: Heads) -> None:
        if stripe in before and last.seq < before[stripe].seq:
            self._findings.add(LAW, stripe, f"its last link is {last.seq}, its head says {before[stripe].seq}")


def compare_listed(chunks: Iterable[Iterable[OfBlock]], findings: Findings, *, whole: bool) -> list[str]:
    """Compare stored blocks with what links list; return those that came since the audit began.

    The links are read last, so that every block which was read is in one. `whole`: blocks of all
    marketplaces were read, so that one which an old link lists must be among them.
    """
    stored: dict[str, bytes] = {}
    listed: dict[str, Listed] = {}
    for chunk in chunks:
        for row in chunk:
            if isinstance(row, Hashed):
                stored[row.block] = row.content
            elif row.block in listed:
                findings.add(LAW, row.block, "several links list the block")
            else:
                listed[row.block] = row
    for identity in stored.keys() - listed.keys():
        findings.add(LAW, identity, "no link lists the block")
    for identity in listed.keys() - stored.keys():
        if whole and not listed[identity].new:
            findings.add(LAW, identity, "a link lists the block, and it is gone")
    there = listed.keys() & stored.keys()
    for identity in there:
        if stored[identity] != listed[identity].content:
            findings.add(LAW, identity, "a link lists the block with another content")
    return [identity for identity in there if listed[identity].new]


def compare_balances(chunks: Iterable[Iterable[OfBalance]], findings: Findings) -> None:
    """Compare each kept balance with the sum of its entries."""
    kept: dict[str, int] = {}
    derived: dict[str, int] = {}
    for chunk in chunks:
        for row in chunk:
            side = kept if isinstance(row, Kept) else derived
            side[row.balance] = side.get(row.balance, 0) + row.amount_minor
    for name in sorted(kept.keys() | derived.keys()):
        if kept.get(name, 0) != derived.get(name, 0):
            detail = f"kept {kept.get(name, 0)}, its entries sum to {derived.get(name, 0)}"
            findings.add("balances_derived", name, detail)
