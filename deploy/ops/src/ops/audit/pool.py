"""Weir against the institution: each number moved once and as instructed, and each pool holds what the books owe."""

from collections import Counter
from collections.abc import Mapping
from itertools import batched, groupby
from typing import Final

from ops.audit.findings import Findings
from ops.audit.legs import PAID, Instructed
from ops.audit.record import EXECUTED, Moved, Record, effect, moved_of
from ops.audit.snapshot import Snapshot
from ops.institution import Institution
from ops.sorting import FIRST, Sorter, joined
from ops.stores import prefixed

ASKED_AT_ONCE: Final = 1_000

Pools = Counter[tuple[str, str]]
"""Amounts by account and currency."""


class Pool:
    """What separates the institution's pools from the clearing accounts: what only one of the two has yet."""

    def __init__(self, record: Record, findings: Findings) -> None:
        """Take the institution's record as it was read."""
        self._record = record
        self._findings = findings
        self._unposted: Pools = Counter()
        self._unattributed: Pools = Counter()
        self._executed = Sorter()
        self._unsure = Sorter()

    async def check_numbers(self, numbers: Sorter, institution: Institution) -> None:
        """Compare every number that payments used with what the institution did under it."""
        for key, (ours, theirs) in joined(numbers, self._record.moved):
            moved = Moved(*theirs[0]) if theirs else None
            if not ours and moved is not None:
                if moved.state in EXECUTED:
                    self._findings.add(
                        "transfer_known", key, f"{moved.receiver} got {moved.amount_minor}, uninstructed"
                    )
                continue
            if len(ours) > 1:
                self._findings.add("leg_paid_once", ours[0][0], f"{len(ours)} legs have the number {key}")
            leg_id, posted, *rest = ours[0]
            sent = Instructed(*rest)
            if sent.state == PAID and (moved is None or moved.state != PAID):
                self._unsure.add((sent.account, sent.number, leg_id, posted, *sent))
            elif moved is not None:
                self._compare(leg_id, sent, moved, posted=posted)
        await self._ask_again(institution)
        self._check_legs()

    async def _ask_again(self, institution: Institution) -> None:
        """Ask for what was paid after the institution's record was read."""
        for account, rows in groupby(self._unsure, key=FIRST):
            for asked in batched(rows, ASKED_AT_ONCE):
                answers = await institution.find_transfers(account, [row[1] for row in asked])
                for (_, _, leg_id, posted, *fields), answer in zip(asked, answers, strict=True):
                    self._late(leg_id, Instructed(*fields), answer, posted=posted)

    def _late(self, leg_id: str, sent: Instructed, answer: dict[str, object], *, posted: bool) -> None:
        if answer["state"] != PAID:
            detail = f"paid under {sent.number}, the institution has it {answer['state']}"
            self._findings.add("leg_as_requested", leg_id, detail)
            return
        moved = moved_of(answer)
        self._record.records[sent.account, moved.currency] += effect(moved)
        self._record.still = False
        self._compare(leg_id, sent, moved, posted=posted)

    def _compare(self, leg_id: str, sent: Instructed, moved: Moved, *, posted: bool) -> None:
        receiver = sent.receiver or "pool"
        if (sent.amount_minor, receiver, sent.currency) != (moved.amount_minor, moved.receiver, moved.currency):
            detail = (
                f"{receiver} {sent.amount_minor} {sent.currency} instructed, {moved.receiver} {moved.amount_minor} "
            )
            self._findings.add("leg_as_requested", leg_id, f"{detail}{moved.currency} moved")
        if sent.state == "failed" and moved.state in EXECUTED:
            self._findings.add("leg_as_requested", leg_id, f"failed at payments, {moved.state} at the institution")
        if moved.state in EXECUTED:
            self._executed.add((leg_id, sent.state))
        if not (posted and sent.state == PAID):
            self._unposted[sent.account, moved.currency] += effect(moved)

    def _check_legs(self) -> None:
        for leg_id, (moved,) in joined(self._executed):
            kept = [state for (state,) in moved if state != "returned"]
            if len(kept) > 1:
                self._findings.duplicated += len(kept) - 1
                self._findings.add("leg_paid_once", leg_id, f"the institution paid it {len(kept)} times")

    async def check_payments(self, snapshot: Snapshot, split: Sorter, institution: Institution) -> None:
        """Find what buyers paid that no split order has; what an order has, the institution must know."""
        claims = Sorter()
        for account in self._record.accounts:
            async for it in snapshot.find(snapshot.stores.payments, "claims", prefixed(account)):
                claims.add((it["_id"], it["order"]))
        attributed, unsure = Sorter(), Sorter()
        for key, (paid, orders) in joined(self._record.paid, claims):
            if paid and orders:
                attributed.add((orders[0][0], key, *paid[0]))
            elif paid:
                self._unattributed[key.partition("/")[0], paid[0][1]] += paid[0][0]
            else:
                account, _, payment_id = key.partition("/")
                unsure.add((account, payment_id, orders[0][0]))
        await self._ask_payments(unsure, attributed, institution)
        for _, (payments, orders) in joined(attributed, split):
            if not orders:
                for key, net, currency in payments:
                    self._unattributed[key.partition("/")[0], currency] += net

    async def _ask_payments(self, unsure: Sorter, attributed: Sorter, institution: Institution) -> None:
        for account, rows in groupby(unsure, key=FIRST):
            for asked in batched(rows, ASKED_AT_ONCE):
                answers = await institution.find_payments(account, [row[1] for row in asked])
                for (_, payment_id, order), found in zip(asked, answers, strict=True):
                    # A payment of 0 is nothing to pay or ask for (money.md 8): it may be claimed and not be known.
                    if found["state"] == PAID:
                        net = found["amount_minor"] - found["fee_minor"]
                        self._record.records[account, found["currency"]] += net
                        self._record.still = False
                        attributed.add((order, f"{account}/{payment_id}", net, found["currency"]))

    def check_pools(self, clearing: Mapping[tuple[str, str, str], int]) -> None:
        """Compare each pool with the clearing account, less what only the institution has yet."""
        owed: Pools = Counter()
        for (_, account, currency), amount in clearing.items():
            owed[account, currency] -= amount
        for key in sorted(owed.keys() | self._record.records.keys()):
            explained = self._unattributed[key] + self._unposted[key]
            held = self._record.records[key]
            if held != owed[key] + explained:
                detail = f"the pool holds {held}, the books owe {owed[key]}, {explained} is on its way"
                self._findings.add("pool_is_owed", "/".join(key), detail)
            if self._record.still and self._record.pools[key] != held:
                detail = f"the institution shows {self._record.pools[key]}, its own record sums to {held}"
                self._findings.add("pool_is_owed", "/".join(key), detail)
