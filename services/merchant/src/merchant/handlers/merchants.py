"""Creating and changing merchants and their agreements: one transaction, with the event that tells the others."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from merchant.domain.agreements import Rules
from merchant.domain.decisions import Refused
from merchant.domain.merchants import Decided, Draft, changed_event, decide
from merchant.store.merchants import Merchants
from shared.commits import Commits
from shared.marketplaces import Marketplace
from shared.work import Work


@dataclass(frozen=True, slots=True)
class NotChanged:
    """Nothing is recorded, because these drafts (by position) are refused."""

    refused: tuple[tuple[int, Refused], ...]


class MerchantHandlers:
    """What merchant does with wishes to create or change merchants."""

    def __init__(self, merchants: Merchants, commits: Commits, lead: timedelta) -> None:
        self._merchants = merchants
        self._commits = commits
        self._lead = lead

    async def change(self, marketplace: Marketplace, drafts: Sequence[Draft]) -> list[Decided] | NotChanged:
        """Carry out all drafts or none; one that repeats what is there is answered again and changes nothing."""
        twice = _twice(drafts)
        if twice:
            return NotChanged(twice)
        profiles = frozenset(account.profile for account in marketplace.channel_accounts)
        waived = frozenset(it.profile for it in marketplace.waivers)
        own = profiles - {account.profile for account in marketplace.channel_accounts if not account.own}

        async def decide_all(work: Work) -> list[Decided] | NotChanged:
            rules = Rules(work.now, self._lead, profiles, waived=waived, own=own)
            names = [draft.merchant for draft in drafts]
            known = await self._merchants.known(marketplace.id, names, work.session)
            decisions = [decide(marketplace.id, known.get(it.merchant), it, rules) for it in drafts]
            decided = [it for it in decisions if isinstance(it, Decided)]
            if len(decided) < len(decisions):
                return NotChanged(tuple((at, it) for at, it in enumerate(decisions) if isinstance(it, Refused)))
            for it in decided:
                if it.changed:
                    event = changed_event(it.merchant, rules)
                    self._merchants.record(work, it, event)
                    work.publish(event)
            return decided

        return await self._commits.run(decide_all)


def _twice(drafts: Sequence[Draft]) -> tuple[tuple[int, Refused], ...]:
    counts = Counter(draft.merchant for draft in drafts)
    return tuple(
        (at, Refused("merchant_twice", f"merchant {draft.merchant} stands there {counts[draft.merchant]} times"))
        for at, draft in enumerate(drafts)
        if counts[draft.merchant] > 1
    )
