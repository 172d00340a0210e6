"""A marketplace's rules as one document with all its versions, so that two statements at once conflict.

A unit of work reads no more than the number of the newest version of its marketplaces: what is read of a document is
kept for as long as that number stands, since no version is ever edited.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Final

import msgspec

from shared import mongo
from shared.messages.contract import decoder
from shared.mongo import Database, Document, Index, Session
from shared.work import Work
from split.domain.rulesets import MarketplaceRule, RuleSets, Span, Version, ends
from split.domain.tariff import RuleBook

RULESETS: Final = "rulesets"
INDEXES: Final[dict[str, list[Index]]] = {RULESETS: []}
"""`_id` is the marketplace; every query is by it."""


class Body(msgspec.Struct, frozen=True):
    """The rules of a version as they are stored."""

    rules: tuple[MarketplaceRule, ...]


class Known(msgspec.Struct, frozen=True):
    """The versions of a marketplace in the order in which they were stated, each with the bytes of its rules."""

    versions: tuple[Version, ...] = ()
    bodies: tuple[bytes, ...] = ()

    def rules(self, version: Version) -> tuple[MarketplaceRule, ...]:
        """Return the rules of one of these versions."""
        return rules_of(self.bodies[self.versions.index(version)])


class Rulesets:
    """Rule sets of one database."""

    def __init__(self, database: Database) -> None:
        self._rulesets = database[RULESETS]
        self._kept: dict[str, tuple[int, RuleSets]] = {}

    async def of(self, marketplaces: Iterable[str], session: Session) -> dict[str, RuleSets]:
        """Return the rules of these marketplaces in this snapshot; those without any are left out."""
        found: dict[str, RuleSets] = {}
        for it in await mongo.by_ids(self._rulesets, set(marketplaces), session, {"version": 1}):
            marketplace, version = it["_id"], it["version"]
            kept = self._kept.get(marketplace)
            if kept is None or kept[0] != version:
                kept = version, _rule_sets(await self.known(marketplace, session))
                self._kept[marketplace] = kept
            found[marketplace] = kept[1]
        return found

    async def known(self, marketplace: str, session: Session | None = None) -> Known:
        """Return all versions of a marketplace."""
        it = await self._rulesets.find_one({"_id": marketplace}, session=session)
        if it is None:
            return Known()
        versions = tuple(msgspec.convert(version, Version) for version in it["versions"])
        return Known(versions, tuple(bytes(version["body"]) for version in it["versions"]))

    def add(self, work: Work, marketplace: str, version: Version, body: bytes) -> None:
        """Write a new version; what it was decided upon is compared by its number."""
        fields: Document = msgspec.structs.asdict(version) | {"body": body}
        if version.number == 1:
            work.insert(RULESETS, {"_id": marketplace, "version": 1, "versions": [fields]})
        else:
            change = {"$set": {"version": version.number}, "$push": {"versions": fields}}
            work.update(RULESETS, marketplace, change)


def encoded(rules: tuple[MarketplaceRule, ...]) -> bytes:
    """Return rules as they are stored."""
    return msgspec.json.encode(Body(rules))


def rules_of(body: bytes) -> tuple[MarketplaceRule, ...]:
    """Return the rules in what was stored."""
    found: Body = decoder(Body).decode(body)
    return found.rules


def _rule_sets(known: Known) -> RuleSets:
    bodies = {version.number: body for version, body in zip(known.versions, known.bodies, strict=True)}
    return RuleSets(
        [
            Span(version.number, version.effective_from, end, _reader(version.number, bodies[version.number]))
            for version, end in ends(known.versions)
        ]
    )


def _reader(version: int, body: bytes) -> Callable[[], RuleBook]:
    return cache(lambda: RuleBook(rules_of(body), version))
