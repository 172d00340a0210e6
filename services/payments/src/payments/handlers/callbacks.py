"""Callbacks: believed by their signature alone, stored before they are answered, and done about after it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

import structlog

from payments.channels.ear import Ear, UnsignedError
from payments.channels.keys import Keys, signed_by
from payments.domain.callbacks import Hint, Refusal, read, timely
from payments.signal_metrics import SignalMetrics
from payments.store.callbacks import Callbacks
from shared.commits import Commits, OutageError
from shared.marketplaces import Marketplace, Marketplaces
from shared.work import Work

ANSWER_S_MAX: Final = 0.8
"""How long storing one may take: institutions want an answer within a second, and repeat what gets none."""

TIMESTAMP: Final = "weir-institution-timestamp"
SIGNATURE: Final = "weir-institution-signature"
STORING_MAX: Final = 64
"""Callbacks that are stored at a time. More are told to come again, so that an outage gathers no heap of them."""

SAID_EVERY_S: Final = 60.0
"""One line of the log in this time for each account and reason: what is not believed may come in floods."""

SAID_MAX: Final = 1_000

log = structlog.get_logger(__name__)


class NotBelievedError(Exception):
    """Whoever sent a callback could not show that it is the institution."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason = reason


class CallbackHandlers:
    """The way in for one callback."""

    def __init__(
        self,
        keys: Keys,
        marketplaces: Marketplaces,
        callbacks: Callbacks,
        commits: Commits,
        metrics: SignalMetrics,
        ears: Mapping[str, Ear],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`ears` of profiles whose institutions sign in a way of their own.

        `now`: unix seconds by this machine's clock, which the time in a signature is held against.
        """
        self.stored: Callable[[], None] = lambda: None
        """Told of a callback that is new."""
        self._ears = ears
        self._keys = keys
        self._marketplaces = marketplaces
        self._callbacks = callbacks
        self._commits = commits
        self._metrics = metrics
        self._now = now
        self._storing: set[asyncio.Task[None]] = set()
        self._said_at: dict[tuple[str, str, Refusal], float] = {}

    def addressed(self, profile: str, account: str, timestamp: str | None, signature: str | None) -> Marketplace:
        """Return whose account it is, before the body is read.

        Raises:
            NotBelievedError: it is nobody's, or what is signed is missing or not of now.

        """
        owner = self._marketplaces.owner_of(profile, account)
        if owner is None:
            self._refuse("account_unknown", profile, account)
        if profile in self._ears:
            return owner
        if timestamp is None or signature is None:
            self._refuse("signature_missing", profile, account)
        no = timely(timestamp, self._now())
        if no is not None:
            self._refuse(no, profile, account)
        return owner

    async def take(self, owner: Marketplace, place: tuple[str, str], headers: Mapping[str, str], body: bytes) -> None:
        """Store a callback that is signed well; one that is stored already is answered again. `place`: of the path.

        Raises:
            NotBelievedError: the signature is not the institution's.
            UnreadableError: it is, and the body is not a callback's.
            OutageError, ConflictError: it is not known to be stored.

        """
        profile, account = place
        hint = self._heard(profile, account, headers, body)
        if (hint.profile, hint.account) != place:
            # A profile's key signs for all of its accounts: what was said of one is not to be told of another.
            self._refuse("account_differs", profile, account)
        if len(self._storing) >= STORING_MAX:
            message_full = f"{STORING_MAX} callbacks are being stored"
            raise OutageError(message_full)
        # A commit that is cut off may leave its transaction open: it goes on behind an answer that waits no longer.
        task = asyncio.create_task(self._store(hint, owner.id, body))
        self._storing.add(task)
        task.add_done_callback(self._stored)
        done, _ = await asyncio.wait({task}, timeout=ANSWER_S_MAX)
        if not done:
            message_late = f"a callback was not stored within {ANSWER_S_MAX} s"
            raise OutageError(message_late)
        task.result()

    def _heard(self, profile: str, account: str, headers: Mapping[str, str], body: bytes) -> Hint:
        if (ear := self._ears.get(profile)) is not None:
            try:
                return ear.hear(profile, account, headers, body)
            except UnsignedError:
                self._refuse("signature_invalid", profile, account)
        message = headers.get(TIMESTAMP, "").encode() + b"." + body
        if not signed_by(self._keys.of(profile, account), message, headers.get(SIGNATURE, "")):
            self._refuse("signature_invalid", profile, account)
        return read(body)

    async def _store(self, hint: Hint, marketplace: str, body: bytes) -> None:
        async def decide(work: Work) -> bool:
            if await self._callbacks.is_known(hint.key, work.session):
                return False
            self._callbacks.keep(work, hint, marketplace, body)
            return True

        new = await self._commits.run(decide, origin="api")
        self._metrics.callback(hint.profile, hint.type or "unknown", "new" if new else "repeated")
        if new:
            self.stored()

    def _stored(self, task: asyncio.Task[None]) -> None:
        self._storing.discard(task)
        if not task.cancelled():
            task.exception()  # somebody was told it, or has gone

    def _refuse(self, reason: Refusal, profile: str, account: str) -> NoReturn:
        self._metrics.not_believed(profile, reason)
        kind, now = (profile[:64], account[:64], reason), time.monotonic()
        if now - self._said_at.get(kind, float("-inf")) >= SAID_EVERY_S:
            if len(self._said_at) >= SAID_MAX:
                self._said_at.clear()
            self._said_at[kind] = now
            log.warning("callback not believed", profile=kind[0], account=kind[1], reason=reason)
        raise NotBelievedError(reason)
