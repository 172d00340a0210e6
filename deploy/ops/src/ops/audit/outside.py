"""What the audit reads from outside the services' stores: the institution's record, and what was sent to Weir."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ops import letters
from ops.audit.findings import Breach, Findings
from ops.audit.laws.record import Sums
from ops.audit.rows import Sent, Transferred
from ops.audit.shapes import institution as shape
from ops.audit.shuffle import Parts, Writer
from ops.institution import Institution
from ops.send import manifest
from shared.messages import OrderPaid

POOL: Final = "pool"
TOPIC: Final = OrderPaid.topic


@dataclass(slots=True)
class Pools:
    """What the institution says it holds, and what its own record sums to. `still`: nothing moved while it was read."""

    shown: Sums = field(default_factory=Counter)
    recorded: Sums = field(default_factory=Counter)
    still: bool = True

    def judge(self, findings: Findings) -> None:
        """Compare the two."""
        for key in sorted(self.shown.keys() | self.recorded.keys()) if self.still else ():
            if self.shown[key] != self.recorded[key]:
                detail = f"the institution shows {self.shown[key]}, its own record sums to {self.recorded[key]}"
                findings.add("pool_is_owed", "/".join(key), detail)


async def read_record(institution: Institution, accounts: Iterable[str], parts: Parts, findings: Findings) -> Pools:
    """Read the institution's record of these accounts, page by page."""
    pools = Pools()
    with Writer(parts, "institution") as writer:
        for account in accounts:
            before = await _pools(institution, account)
            async for told in institution.payments(account):
                received = shape.received(account, told)
                if isinstance(received, Breach):
                    findings.take(received)
                    continue
                writer.add(received.payment, received)
                pools.recorded[account, received.currency] += received.amount_minor - received.fee_minor
            async for told in institution.transfers(account):
                moved = shape.transferred(account, told)
                if isinstance(moved, Breach):
                    findings.take(moved)
                    continue
                writer.add(moved.number, moved)
                pools.recorded[account, moved.currency] += shape.effect(moved)
            async for told in institution.movements(account):
                movement = shape.moved_by_itself(account, told)
                if isinstance(movement, Breach):
                    findings.take(movement)
                    continue
                pools.recorded[account, movement.currency] += movement.pool_minor
            after = await _pools(institution, account)
            pools.still = pools.still and before == after
            pools.shown.update(after)
    return pools


async def _pools(institution: Institution, account: str) -> Sums:
    found = await institution.balances(account)
    return Counter({(account, it["currency"]): it["balance_minor"] for it in found if it["pocket"] == POOL})


async def still_moved(institution: Institution, transfers: Iterable[Transferred]) -> AsyncIterator[Transferred]:
    """Return those of these transfers that the institution has not undone since its record was read."""
    for it in transfers:
        account, _, number = it.number.partition("/")
        for answer in await institution.find_transfers(account, [number]):
            if answer.get("state") in shape.EXECUTED:
                yield it


def write_listed(marketplaces: Iterable[str], folder: Path, parts: Parts) -> None:
    """Write what `weir send` has listed for these marketplaces."""
    with Writer(parts, "listed") as writer:
        for marketplace in marketplaces:
            for key in manifest.keys(marketplace, folder):
                writer.add(key, Sent(key))


async def write_published(bootstrap: str, marketplace: str | None, listed: Iterable[str], parts: Parts) -> None:
    """Write what stands in the topic of paid orders, where nobody has a list of it."""
    skipped = tuple(f"{it}/" for it in listed)
    with Writer(parts, "published") as writer:
        async for key in _published(bootstrap):
            if key.startswith(f"{marketplace}/" if marketplace else "") and not key.startswith(skipped):
                writer.add(key, Sent(key))


async def _published(bootstrap: str) -> AsyncIterator[str]:
    async for record in letters.records(bootstrap, [TOPIC]):
        yield letters.text_of(record.key)
