"""Holds by hand: one person freezes lines of an order, two let a freeze go, or lines before their time."""

from datetime import datetime

import msgspec

from shared.clock import Clock
from shared.commits import Commits
from shared.ids import event_id
from shared.messages import PayoutRequested, decode
from shared.work import Work
from split.domain import byhand
from split.domain.approvals import Approval
from split.domain.byhand import Change
from split.domain.holds import Facts, Release
from split.domain.refusals import Refused
from split.handlers.reviews import Occasion, Reviews
from split.store.byhand import FreezeChanges
from split.store.orders import Held, Orders


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A freeze that somebody wants. The same `key` again is the same wish."""

    marketplace: str
    order_id: str
    freeze_id: str
    line_ids: tuple[str, ...]
    expires_at: datetime | None
    actor: str
    reason: str
    key: str


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What two people are to let go: a freeze that was made by hand, else lines (none named: all) of an order.

    It is what an approval's details hold; ids of lines have no `/`, which joins them.
    """

    order_id: str
    freeze_id: str = ""
    lines: str = ""

    @property
    def line_ids(self) -> tuple[str, ...]:
        """The lines that are named."""
        return tuple(self.lines.split("/")) if self.lines else ()


class HoldHandlers:
    """What operators do to holds."""

    def __init__(
        self, commits: Commits, clock: Clock, orders: Orders, changes: FreezeChanges, reviews: Reviews
    ) -> None:
        self._commits = commits
        self._clock = clock
        self._orders = orders
        self._changes = changes
        self._reviews = reviews

    def now(self) -> datetime:
        """Return the time by which holds are judged."""
        return self._clock.now()

    async def freeze(self, wish: Wish) -> Change | Refused:
        """Freeze lines of an order, which may not have come yet. What is on its way goes on."""

        async def decide(work: Work) -> Change | Refused:
            change = Change(
                change_id=event_id("freeze", wish.marketplace, wish.key),
                open=True,
                at=self._clock.now(),
                **{name: getattr(wish, name) for name in wish.__struct_fields__ if name != "key"},
            )
            made = await self._changes.find(change.key, work.session)
            if made is not None:
                if msgspec.structs.replace(made, at=change.at) == change:
                    return made
                return Refused("idempotency_key_reused", "this key was used for another freeze")
            held = (await self._orders.whole([change.order], work.session)).get(change.order)
            if held is None:
                return _unknown(wish.order_id)
            facts = byhand.freeze(_facts(held), change, _lines(held), change.at)
            if isinstance(facts, Refused):
                return facts
            await self._note(held, change.order, facts, change.change_id, work)
            self._changes.add(work, change)
            return change

        return await self._commits.run(decide, origin="api")

    async def check(self, approval: Approval, work: Work) -> Refused | None:
        """Say why there is nothing to let go, if so."""
        decided = await self._decided(approval, work)
        return decided if isinstance(decided, Refused) else None

    async def carry_out(self, approval: Approval, work: Work) -> str | Refused:
        """Let it go, and have the order looked at; return the payout that follows, or that nothing was due."""
        decided = await self._decided(approval, work)
        if isinstance(decided, Refused):
            return decided
        held, facts, change = decided
        asked = asked_of(approval)
        cause = event_id("approval", approval.marketplace, approval.approval_id)
        await self._note(held, f"{approval.marketplace}/{asked.order_id}", facts, cause, work)
        if change is not None:
            self._changes.add(work, change)
        asked_for = (
            decode(PayoutRequested, it.value or b"") for it in work.outgoing if it.topic == PayoutRequested.topic
        )
        return next((it.payout_id for it in asked_for), "nothing_was_due")

    async def _decided(self, approval: Approval, work: Work) -> tuple[Held | Facts, Facts, Change | None] | Refused:
        asked, now = asked_of(approval), self._clock.now()
        key = f"{approval.marketplace}/{asked.order_id}"
        held = (await self._orders.whole([key], work.session)).get(key)
        if held is None:
            return _unknown(asked.order_id)
        if asked.freeze_id:
            change = Change(
                change_id=approval.approval_id,
                marketplace=approval.marketplace,
                order_id=asked.order_id,
                freeze_id=asked.freeze_id,
                open=False,
                actor=approval.actor,
                approved_by=approval.decided_by,
                reason=approval.reason,
                at=now,
            )
            facts = byhand.let_go(_facts(held), change, now)
            return facts if isinstance(facts, Refused) else (held, facts, change)
        if not isinstance(held, Held) or all(it.state != "held" for it in held.order.shares):
            return Refused("nothing_to_release", f"nothing of order {asked.order_id} is held")
        wanted = Release(approval_id=approval.approval_id, line_ids=asked.line_ids, at=now)
        facts = byhand.release(_facts(held), wanted, _lines(held))
        return facts if isinstance(facts, Refused) else (held, facts, None)

    async def _note(self, held: Held | Facts, key: str, facts: Facts, cause: str, work: Work) -> None:
        """Keep the facts, and have the order judged by them if it is there."""
        if isinstance(held, Held):
            order = msgspec.structs.replace(held.order, facts=facts)
            await self._reviews.review([Occasion(held, order, cause)], work)
            return
        marketplace, _, order_id = key.partition("/")
        self._orders.note_facts(work, marketplace, order_id, facts, exists=True)


def asked_of(approval: Approval) -> Asked:
    """Return what was asked for."""
    return msgspec.convert(approval.details, Asked)


def _facts(held: Held | Facts) -> Facts:
    return held.order.known_facts if isinstance(held, Held) else held


def _lines(held: Held | Facts) -> list[str]:
    return [line.line_id for line in held.request.lines] if isinstance(held, Held) else []


def _unknown(order_id: str) -> Refused:
    return Refused("order_unknown", f"split has not heard of order {order_id!r}")
