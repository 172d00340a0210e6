"""How merchants and their agreements are stored: one document each, so that two changes of one merchant conflict."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from merchant.domain.agreements import Terms, Version, time_line
from merchant.domain.merchants import Decided, Merchant
from shared.messages import MerchantChanged, body_hash
from shared.mongo import UP, Database, Document, Index, Session
from shared.work import Work

MERCHANTS: Final = "merchants"
INDEXES: Final[dict[str, list[Index]]] = {MERCHANTS: []}
"""`_id` is `<marketplace>/<merchant>`; every query is by it or by a range of it."""

AFTER_SLASH: Final = "0"
"""The character after `/`: ids from `<marketplace>/` up to `<marketplace>0` are those of one marketplace."""


class Merchants:
    """Merchants by `<marketplace>/<merchant>`."""

    def __init__(self, database: Database) -> None:
        self._merchants = database[MERCHANTS]

    async def known(self, marketplace: str, merchants: Iterable[str], session: Session) -> dict[str, Merchant]:
        """Return those of these merchants that are there, in this snapshot."""
        wanted = {"_id": {"$in": [f"{marketplace}/{merchant}" for merchant in merchants]}}
        found = await self._merchants.find(wanted, session=session).to_list(None)
        return {document["merchant"]: _merchant(document) for document in found}

    def record(self, work: Work, decided: Decided, event: MerchantChanged) -> None:
        """Record a change of what was read before it; somebody else's change in between makes the unit run again."""
        merchant = decided.merchant
        fields = _document(merchant) | {"hash": body_hash(event), "changed_at": work.now}
        key = f"{merchant.marketplace}/{merchant.merchant}"
        if decided.before is None:
            work.insert(MERCHANTS, {"_id": key, **fields})
        else:
            work.update(MERCHANTS, key, {"$set": fields})

    async def show(self, marketplace: str, merchant: str) -> Document | None:
        """Return one merchant with all its agreements, in order of their versions."""
        found: Document | None = await self._merchants.find_one({"_id": f"{marketplace}/{merchant}"})
        return found

    async def page(self, marketplace: str, after: str, count: int) -> list[Document]:
        """Return merchants by id, after this one, without their agreements."""
        of_marketplace = {"$gt": f"{marketplace}/{after}", "$lt": f"{marketplace}{AFTER_SLASH}"}
        found = self._merchants.find({"_id": of_marketplace}, {"agreements": 0}).sort("_id", UP)
        return await found.limit(count).to_list(count)


def _document(merchant: Merchant) -> Document:
    stated = {version.number: version for version in merchant.agreements}
    agreements = sorted(time_line(merchant.agreements), key=lambda agreement: agreement.version)
    return {
        "marketplace": merchant.marketplace,
        "merchant": merchant.merchant,
        "version": merchant.version,
        "name": merchant.name,
        "kind": merchant.kind,
        "blocked": list(merchant.blocked),
        "agreements": [
            _plain(agreement)
            # effective_to is when it really ends; stated_to is what was said, by which a repeat is told.
            | {"stated_to": stated[agreement.version].terms.effective_to, "key": stated[agreement.version].key}
            for agreement in agreements
        ],
    }


def _merchant(document: Document) -> Merchant:
    return Merchant(
        marketplace=document["marketplace"],
        merchant=document["merchant"],
        version=document["version"],
        name=document["name"],
        kind=document["kind"],
        blocked=tuple(document["blocked"]),
        agreements=tuple(_version(agreement) for agreement in document["agreements"]),
    )


def _version(stored: Document) -> Version:
    terms = msgspec.convert(stored | {"effective_to": stored["stated_to"]}, Terms)
    return Version(stored["version"], stored["announced_at"], terms, stored["key"])


def _plain(struct: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(struct, builtin_types=(datetime,))
    return plain
