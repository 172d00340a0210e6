"""Binding-requested, and what merchants answer: kept, decided, and handed to the lane that asks the institution."""

from functools import partial

import structlog

from payments.channels.keys import Keys
from payments.dispatch import binding as dispatch
from payments.dispatch.lanes import Lanes
from payments.domain import bindings as rules
from payments.domain.bindings import Binding, Unanswerable
from payments.store.bindings import Bindings
from shared import leases
from shared.commits import Commits
from shared.marketplaces import Marketplaces
from shared.messages import BindingRequested
from shared.mongo import Database
from shared.profiles import shipped
from shared.record import Batch, Received
from shared.work import Work

log = structlog.get_logger(__name__)


class BindingHandlers:
    """What payments does with requests to bind bank accounts."""

    def __init__(self, bindings: Bindings, marketplaces: Marketplaces, keys: Keys, lanes: Lanes[dispatch.Step]) -> None:
        self._bindings = bindings
        self._marketplaces = marketplaces
        self._keys = keys
        self._lanes = lanes

    async def take_bindings(self, batch: Batch[BindingRequested], work: Work) -> None:
        """Take a batch of requests: the greater revision is asked for, what is refused is told as failed."""
        keys = [f"{received.event.marketplace}/{received.event.binding_id}" for received in batch]
        known = {key: it.binding for key, it in (await self._bindings.known(keys, work.session)).items()}
        for received in batch:
            event = received.event
            before = known.get(f"{event.marketplace}/{event.binding_id}")
            wanted = rules.requested(event, self._fingerprint(event), received.origin_time, before)
            if before is not None and before.requested >= wanted.requested:
                self._repeated(work, received, before, wanted)
                continue
            known[wanted.key] = self._take(work, received, before, wanted)

    def _take(
        self, work: Work, received: Received[BindingRequested], before: Binding | None, wanted: Binding
    ) -> Binding:
        marketplace = self._marketplaces.find(wanted.marketplace)
        owned = marketplace is not None and marketplace.owns(wanted.channel_profile, wanted.channel_account)
        no = rules.refusal(shipped().find(wanted.channel_profile), wanted.method, owned=owned)
        after = wanted if no is None else rules.refused(wanted, no)
        self._bindings.record(work, before, after)
        if no is None:
            self._hand(work, after, received.event.bank_account)
        else:
            work.publish(rules.settled(after, work.now), cause=received)
        return after

    def _repeated(self, work: Work, received: Received[BindingRequested], before: Binding, wanted: Binding) -> None:
        if before.requested > wanted.requested:
            return
        if not rules.is_same(before, wanted):
            reason = f"binding_conflict: revision {wanted.requested} of {wanted.key} is known with another body"
            work.reject(received, "contract", reason)
        elif before.state == "requested":  # whoever had the number may be gone
            self._hand(work, before, received.event.bank_account)

    def _hand(self, work: Work, it: Binding, bank_account: str) -> None:
        work.after_commit(partial(self._lanes.hand, dispatch.line(it), [dispatch.item(it, bank_account)]))

    def _fingerprint(self, event: BindingRequested) -> str | None:
        key = self._keys.of_bank_accounts()
        return key.sign(f"{event.marketplace}/{event.bank_account}".encode()) if key is not None else None


class Answers:
    """The way in for what a merchant answers."""

    def __init__(self, database: Database, bindings: Bindings, commits: Commits, lanes: Lanes[dispatch.Step]) -> None:
        self._database = database
        self._bindings = bindings
        self._commits = commits
        self._lanes = lanes

    async def answer(self, identity: str, answer: str, key: str, actor: str) -> Binding | Unanswerable | None:
        """Have the institution told what the merchant answered; the same key again changes nothing."""
        now = await leases.now(self._database)

        async def decide(work: Work) -> Binding | Unanswerable | None:
            found = (await self._bindings.known([identity], work.session)).get(identity)
            if found is None:
                return None
            before = found.binding
            if _stored(key) in found.answers:
                return before
            after = rules.answering(before, answer, shipped().find(before.channel_profile), now)
            if isinstance(after, Binding):
                self._bindings.answer(work, after, _stored(key), actor)
                work.after_commit(partial(self._lanes.hand, dispatch.line(after), [dispatch.item(after)]))
                log.info("binding answered", binding=identity, actor=actor, attempt=after.attempts)
            return after

        return await self._commits.run(decide, origin="api")


def _stored(key: str) -> str:
    """Return a key as the name of a field: neither `.` nor `$` may be in it."""
    return key.encode().hex()
