"""What hears an institution, beside an institution in memory that says and lists what a test wants."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import uvicorn
from fastapi import FastAPI
from tests.payments.edge import Edge, until
from tests.payments.examples import ACCOUNT, NOW, PROFILE

from payments import signals
from payments.api import callbacks as callbacks_api
from payments.api import cases
from payments.channels.keys import BANK_ACCOUNTS, Keys
from payments.channels.port import NotSentError
from payments.channels.source import Page, Standing, Told
from payments.dispatch.lanes import Line
from payments.domain.bindings import Binding, Said
from payments.handlers.callbacks import SIGNATURE, TIMESTAMP
from payments.signal_metrics import SignalMetrics
from payments.store.callbacks import Callbacks
from payments.store.movements import Movements
from shared import http
from shared.messages import ChannelMoved

KEY: Final = "key-of-the-sandbox-for-tests"
SECOND: Final = "wechat-profit-sharing"


class Memory:
    """An institution in memory. `moved`: its list of movements by account; `away`: it gives no answer."""

    def __init__(self) -> None:
        self.moved: dict[str, list[Told]] = {}
        self.stand: dict[str, Standing] = {}
        self.got: set[str] = set()
        self.away = False
        self.asked: list[tuple[str, str]] = []
        self.cursors = True
        self.bound: dict[str, Said] = {}
        self.numbers: dict[str, str] = {}
        self.right = "17"

    async def standings(self, account: str, numbers: Sequence[str]) -> Mapping[str, Standing]:
        """Return how these numbers stand."""
        self._ask(account, "standings")
        return {it: self.stand[it] for it in numbers if it in self.stand}

    async def paid(self, account: str, payment_ids: Sequence[str]) -> frozenset[str]:
        """Return those of these payments that it has got."""
        self._ask(account, "paid")
        return frozenset(self.got.intersection(payment_ids))

    async def movements(self, account: str, cursor: str, count: int) -> Page:
        """Return what happened behind a cursor."""
        self._ask(account, f"movements:{cursor}")
        start = int(cursor or 0)
        page = self.moved.get(account, [])[start : start + count]
        return Page(page, str(start + len(page)) if self.cursors else None)

    async def bind(self, account: str, binding: Binding, bank_account: str) -> Said:
        """Have a bank account bound; the same number again is answered as it stands."""
        self._ask(account, "bind")
        self.numbers.setdefault(binding.number, bank_account)
        said = Said("succeeded", None, "t-1") if binding.method == "none" else Said("verifying")
        return self.bound.setdefault(binding.number, said)

    async def verify(self, account: str, number: str, answer: str) -> Said:
        """Compare what the merchant says with what it was sent."""
        self._ask(account, f"verify:{answer}")
        if self.bound[number].state == "verifying":
            right = answer == self.right
            self.bound[number] = Said("succeeded", None, "t-2") if right else Said("verifying", "answer_wrong")
        return self.bound[number]

    async def bindings(self, account: str, numbers: Sequence[str]) -> Mapping[str, Said]:
        """Return how these bindings stand."""
        self._ask(account, "bindings")
        return {it: self.bound[it] for it in numbers if it in self.bound}

    async def close(self) -> None:
        """Let go of nothing."""

    def _ask(self, account: str, what: str) -> None:
        self.asked.append((account, what))
        if self.away:
            message = "it is away"
            raise NotSentError(message)


class Ear:
    """What hears, over one payments."""

    def __init__(self, edge: Edge, folder: Path) -> None:
        (folder / PROFILE).write_text(f"{KEY}\n")
        (folder / BANK_ACCOUNTS).write_text("key-of-bank-accounts")
        self.edge, self.database, self.memory = edge, edge.database, Memory()
        self.keys = Keys(folder)
        self.metrics = SignalMetrics(edge.registry)
        self.parts = self.replica()
        self.app = FastAPI(title="Weir payments", responses=http.PROBLEMS)
        http.install(self.app)
        self.app.include_router(callbacks_api.routes(self.parts.callbacks))
        self.app.include_router(cases.routes(Callbacks(self.database), Movements(self.database), edge.marketplaces))

    def replica(self) -> signals.Signals:
        """Return what hears, in another replica of payments."""
        edge, sources = self.edge, {PROFILE: self.memory, SECOND: self.memory}
        return signals.assemble(
            edge.database, edge.commits, edge.marketplaces, edge.parts, sources, self.keys, self.metrics
        )

    def counted(self, name: str, **labels: str) -> float:
        """Return a counter."""
        return self.edge.registry.get_sample_value(f"{name}_total", labels) or 0.0

    def events(self) -> list[ChannelMoved]:
        """Return what was told of movements."""
        return self.edge.published.events(ChannelMoved)

    async def hear(self, body: bytes) -> None:
        """Take a callback that is signed well, and do about it."""
        told = json.loads(body)
        place, now = (str(told["profile"]), str(told["account"])), str(int(time.time()))
        owner = self.parts.callbacks.addressed(*place, now, "x")
        await self.parts.callbacks.take(owner, place, {TIMESTAMP: now, SIGNATURE: sign(body, now)}, body)
        await self.parts.listening.once()

    async def compare(self) -> None:
        """Hold what was told against what the institution says now."""
        await self.database.callbacks.update_many({"due_at": {"$gt": NOW}}, {"$set": {"due_at": NOW}})
        await self.parts.listening.once()

    async def poll(self, account: str = ACCOUNT, profile: str = PROFILE) -> int:
        """Ask for the movements of an account now."""
        await self.parts.polling.hear_of(Line(profile, account))
        return await self.parts.polling.once()

    async def let_wait(self) -> None:
        """Make due what waits for its time, and look."""
        await self.database.movements.update_many({"due_at": {"$gt": NOW}}, {"$set": {"due_at": NOW}})
        await self.parts.polling.once()


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Serve an app on a real socket."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())

    async def is_up() -> bool:
        return server.started

    await until(is_up, bool)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
        yield client
    server.should_exit = True
    await task


def body(of: str = "transfer.changed", event_id: str = "e-1", account: str = ACCOUNT, **data: Any) -> bytes:  # noqa: ANN401 - a callback's JSON
    """Return the body of a callback."""
    given = data or {"number": "N1", "state": "succeeded"}
    told = {"event_id": event_id, "type": of, "profile": PROFILE, "account": account, "data": given}
    return json.dumps(told | {"created_at": "2026-03-01T12:00:00Z"}).encode()


def sign(content: bytes, timestamp: str, key: str = KEY) -> str:
    """Return the signature of a body."""
    return hmac.new(key.encode(), timestamp.encode() + b"." + content, hashlib.sha256).hexdigest()


def headers(content: bytes, at: float | None = None, key: str = KEY) -> dict[str, str]:
    """Return the headers of a callback."""
    timestamp = str(int(time.time() if at is None else at))
    signature = sign(content, timestamp, key)
    return {"weir-institution-timestamp": timestamp, "weir-institution-signature": signature}


def told(kind: str, movement_id: str, amount_minor: int = 500, **fields: Any) -> Told:  # noqa: ANN401 - any field
    """Return a movement as an institution tells it."""
    given: dict[str, Any] = {"currency": "EUR", "payment_id": "pay-o-1", "moved_at": NOW} | fields
    return Told(movement_id=movement_id, kind=kind, amount_minor=amount_minor, **given)
