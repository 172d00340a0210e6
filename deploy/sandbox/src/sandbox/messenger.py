"""Sends callbacks, signed, on each product's schedule, and works off what is due. One task; a kill loses none."""

import asyncio
import contextlib
import hashlib
import hmac
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx
import msgspec

from sandbox.clock import Clock
from sandbox.domain.behaviours.about import profile_of
from sandbox.domain.faults import Faults
from sandbox.handlers import Handlers
from sandbox.store.callbacks import Callbacks, Waiting
from sandbox.store.connection import StoreError
from sandbox.store.faults import FaultSwitches

LOOK_EVERY_S: Final = 0.5
SENT_AT_ONCE_MAX: Final = 32
TIMEOUT_S: Final = 5.0

log = logging.getLogger("sandbox")


class Keys:
    """The keys of a folder: files named `<profile>.<account>` or `<profile>`, one key a line, the first signs."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def of(self, profile: str, account: str) -> bytes | None:
        """Return the key that signs now; None: there is none, and no callback is sent."""
        if self._folder is None:
            return None
        for name in (f"{profile}.{account}", profile):
            with contextlib.suppress(OSError):
                lines = [it for it in map(bytes.strip, (self._folder / name).read_bytes().splitlines()) if it]
                if lines:
                    return lines[0]
        return None


class Messenger:
    """The task that sends callbacks."""

    def __init__(
        self,
        handlers: Handlers,
        callbacks: Callbacks,
        switches: FaultSwitches,
        keys: Keys,
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        """`unix_s`: the real time, which signatures carry, however far ahead the institution's clock is."""
        self._handlers = handlers
        self._callbacks = callbacks
        self._switches = switches
        self._keys = keys
        self._clock = clock
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S, transport=transport)
        self._unix_s = unix_s

    async def run(self) -> None:
        """Go on until cancelled. A store that cannot be used now is asked again."""
        try:
            while True:
                try:
                    await self.work_off()
                    while await self.send_due():
                        pass
                except StoreError as error:
                    log.warning("callbacks wait: %s", error)
                except Exception:
                    log.exception("a mistake of the institution; callbacks go on")
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            await self._client.aclose()

    async def work_off(self) -> None:
        """Carry out what was accepted, and end freezes that are due, where somebody wants to be called of it."""
        for account in list(self._callbacks.urls):
            await self._handlers.work_off(account)

    async def send_due(self) -> int:
        """Send what is due, once; return how many there were."""
        due = await self._callbacks.claim(self._clock.now(), SENT_AT_ONCE_MAX)
        await asyncio.gather(*(self._send(it) for it in due))
        return len(due)

    async def _send(self, it: Waiting) -> None:
        profile = profile_of(it.profile)
        key = self._keys.of(it.profile, it.account)
        if key is None or it.url is None or not profile.has("callback"):
            await self._callbacks.done(it, None)
            return
        faults = await self._switches.show(it.account)
        taken = False
        for _ in range(2 if faults.duplicate_callbacks else 1):
            taken = await self._post(it, it.url, key, faults)
        schedule = profile.callback_schedule_s
        if taken or it.tries >= len(schedule):
            await self._callbacks.done(it, None)
        else:
            await self._callbacks.done(it, self._clock.now() + timedelta(seconds=schedule[it.tries]))

    async def _post(self, it: Waiting, url: str, key: bytes, faults: Faults) -> bool:
        body = msgspec.json.encode(
            {
                "event_id": it.event_id,
                "type": it.type,
                "profile": it.profile,
                "account": it.account,
                "created_at": it.created_at,
                "data": msgspec.Raw(it.data.encode()),
            }
        )
        timestamp = str(int(self._unix_s()))
        signature = signed(b"not the key" if faults.wrong_signature else key, timestamp, body)
        headers = {
            "content-type": "application/json",
            "weir-institution-timestamp": timestamp,
            "weir-institution-signature": signature,
        }
        try:
            answer = await self._client.post(url, content=body, headers=headers)
        except httpx.HTTPError:
            return False
        return answer.is_success


def signed(key: bytes, timestamp: str, body: bytes) -> str:
    """Return the signature of a body that is sent at a time in unix seconds."""
    return hmac.new(key, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
