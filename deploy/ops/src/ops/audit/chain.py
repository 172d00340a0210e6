"""The hash chain of each stripe: links follow each other, each covers the one before, and all transactions are in it.

A chain knows no marketplace, so it is always read whole.
"""

import hashlib
from collections.abc import AsyncIterator
from typing import Final

from ops.audit.findings import Findings
from ops.audit.snapshot import Snapshot
from ops.sorting import Sorter, joined
from shared.mongo import Document

GENESIS: Final = bytes(32)


async def check(snapshot: Snapshot, findings: Findings, hashes: Sorter, *, whole: bool) -> None:
    """Walk every stripe, then compare what the links list with `hashes` (id, hash) of the stored transactions.

    `whole`: `hashes` has the transactions of all marketplaces, so that one which is listed must be there.
    """
    listed = Sorter()
    heads = {it["_id"]: it async for it in snapshot.find(snapshot.stores.split, "heads", {})}
    stripe, seq, previous = "", 0, GENESIS
    async for link in _links(snapshot):
        if link["stripe"] != stripe:
            _end(findings, heads, stripe, seq, previous)
            stripe, seq, previous = link["stripe"], 0, GENESIS
        seq += 1
        if link["seq"] != seq:
            findings.add("chain_whole", f"{stripe}/{seq}", f"the link is missing; the next there is {link['seq']}")
            seq = link["seq"]
        elif bytes(link["previous"]) != previous:
            findings.add("chain_whole", f"{stripe}/{seq}", "it does not follow the link before it")
        if link_hash(link) != bytes(link["hash"]):
            findings.add("chain_whole", f"{stripe}/{seq}", "its hash is not that of its content")
        previous = bytes(link["hash"])
        for it in link["transactions"]:
            listed.add((str(it["id"]), bytes(it["hash"])))
    _end(findings, heads, stripe, seq, previous)
    for stripe in heads:
        findings.add("chain_whole", stripe, "it has a head and no link")
    _compare(findings, hashes, listed, whole=whole)


def link_hash(link: Document) -> bytes:
    """Return SHA-256 over the link before, the number in 8 bytes, and id and hash of each transaction."""
    digest = hashlib.sha256(bytes(link["previous"]))
    digest.update(int(link["seq"]).to_bytes(8))
    for it in link["transactions"]:
        digest.update(str(it["id"]).encode())
        digest.update(bytes(it["hash"]))
    return digest.digest()


async def _links(snapshot: Snapshot) -> AsyncIterator[Document]:
    order = [("stripe", 1), ("seq", 1)]
    async for link in snapshot.find(snapshot.stores.split, "links", {}, sort=order):
        yield link


def _end(findings: Findings, heads: dict[str, Document], stripe: str, seq: int, last: bytes) -> None:
    if not stripe:
        return
    head = heads.pop(stripe, None)
    if head is None or head["seq"] != seq or bytes(head["hash"]) != last:
        findings.add("chain_whole", stripe, f"its head is not its last link, {seq}")


def _compare(findings: Findings, hashes: Sorter, listed: Sorter, *, whole: bool) -> None:
    for identity, (there, in_links) in joined(hashes, listed):
        if not there:
            if whole:
                findings.add("chain_whole", identity, "a link lists the transaction, and it is gone")
        elif not in_links:
            findings.add("chain_whole", identity, "no link lists the transaction")
        elif len(in_links) > 1:
            findings.add("chain_whole", identity, f"{len(in_links)} links list the transaction")
        elif in_links != there:
            findings.add("chain_whole", identity, "a link lists the transaction with another content")
