"""Stripe as its API reference describes it, as far as the adapter asks: one balance, connected accounts, lists."""

import itertools
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

import httpx

KEY: Final = "sk_test_0123456789"
ACCOUNT: Final = "acct_platform"
ACME: Final = "acct_acme"
PAGE_MAX: Final = 2
"""It may give fewer than are asked for, so that pages are turned."""

type Json = dict[str, Any]
type Answer = tuple[int, Json]


def refusal(status: int, code: str) -> Answer:
    """Return a refusal in Stripe's words."""
    return status, {"error": {"type": "invalid_request_error", "code": code}}


@dataclass
class Counterpart:
    """Its books. `hooks` may answer before it does."""

    balance: int = 0
    intents: dict[str, Json] = field(default_factory=dict)
    made: dict[str, list[Json]] = field(default_factory=dict)
    changes: list[Json] = field(default_factory=list)
    keys: dict[str, tuple[Json, Answer]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    hooks: list[Callable[[httpx.Request], Awaitable[httpx.Response | None]]] = field(default_factory=list)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def pay(self, number: str, amount: int, fee: int = 0) -> None:
        """Have a buyer pay."""
        charge = {"balance_transaction": {"fee": fee, "currency": "eur"}}
        intent = {"id": number, "status": "succeeded", "amount_received": amount, "currency": "eur"}
        self.intents[number] = intent | {"latest_charge": charge}
        self.balance += amount - fee

    def forget_keys(self) -> None:
        """Let a day pass."""
        self.keys.clear()

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        for hook in self.hooks:
            if (said := await hook(request)) is not None:
                return said
        self.asked.append((request.method, request.url.path))
        if request.headers.get("authorization") != f"Bearer {KEY}" or "stripe-version" not in request.headers:
            return _written(refusal(401, "api_key_invalid"))
        if request.method == "GET":
            return _written(self._show(request))
        form = dict(parse_qsl((await request.aread()).decode()))
        key = request.headers["idempotency-key"]
        if key in self.keys:
            before, answer = self.keys[key]
            same = before == {"path": request.url.path, **form}
            return _written(answer if same else (400, {"error": {"type": "idempotency_error"}}))
        answer = self._make(request.url.path, form)
        self.keys[key] = ({"path": request.url.path, **form}, answer)
        return _written(answer)

    def _show(self, request: httpx.Request) -> Answer:
        path, query = request.url.path, request.url.params
        if path.startswith("/v1/payment_intents/"):
            found = self.intents.get(path.rpartition("/")[2])
            return (200, found) if found else refusal(404, "resource_missing")
        if path == "/v1/balance_transactions":
            since, until = int(query["created[gte]"]), int(query["created[lt]"])
            self.made[path] = [it for it in self.changes if since <= it["created"] < until]
        some = [it for it in reversed(self.made.get(path, [])) if _matches(it, query)]
        after = query.get("starting_after")
        start = 1 + next((place for place, it in enumerate(some) if it["id"] == after), -1)
        page = some[start : start + PAGE_MAX]
        return 200, {"data": page, "has_more": start + PAGE_MAX < len(some)}

    def _make(self, path: str, form: Json) -> Answer:
        amount, metadata = int(form["amount"]), {"number": form["metadata[number]"]}
        made: Json = {"id": f"obj_{next(self.numbers)}", "amount": amount, "metadata": metadata}
        reversal = re.fullmatch(r"/v1/transfers/(\w+)/reversals", path)
        if path == "/v1/transfers":
            if form["destination"] != ACME:
                return refusal(400, "account_invalid")
            if amount > self.balance:
                return refusal(400, "balance_insufficient")
            self.balance -= amount
            made |= {"transfer_group": form["transfer_group"], "reversed": 0}
        elif reversal:
            (transfer,) = [it for it in self.made["/v1/transfers"] if it["id"] == reversal[1]]
            if transfer["reversed"] + amount > transfer["amount"]:
                return refusal(400, "transfer_reversal_amount_exceeded")
            transfer["reversed"] += amount
            self.balance += amount
        elif path == "/v1/refunds":
            if form["payment_intent"] not in self.intents:
                return refusal(404, "resource_missing")
            self.balance -= amount
            made |= {"status": "pending", "payment_intent": form["payment_intent"]}
        elif path == "/v1/topups":
            made |= {"status": "pending"}
        self.made.setdefault(path, []).append(made)
        return 200, made

    def conclude(self, number: str, **outcome: str) -> None:
        """Give a refund or a top-up its outcome."""
        for some in self.made.values():
            for it in some:
                if it["metadata"]["number"] == number:
                    it.update(outcome)


def _matches(it: Json, query: httpx.QueryParams) -> bool:
    return all(it.get(name) == query[name] for name in ("transfer_group", "payment_intent") if name in query)


def _written(answer: Answer) -> httpx.Response:
    return httpx.Response(answer[0], json=answer[1])
