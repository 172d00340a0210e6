"""The institution of a test as its customers ask it: short ways to say what a story needs."""

from datetime import timedelta
from typing import Any

import httpx

type Json = dict[str, Any]

SHOP = "merchant:shop"
CLOCK = "http://institution/v1/clock"
ACCOUNT = "http://institution/v1/accounts/acc"


class Customer:
    """A platform with an account there. Amounts are minor units of CNY."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def post(self, path: str, body: Json | None = None) -> Json:
        """Ask for something that is done."""
        answer = await self.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def open(self, profile: str, *bound: str) -> None:
        """Open the account and bind receivers."""
        answer = await self.client.put(ACCOUNT, json={"profile": profile})
        assert answer.status_code == 200, answer.text
        if bound:
            await self.post("receivers/bind", {"receivers": [{"receiver": it} for it in bound]})

    async def pay(self, payment_id: str, amount_minor: int, **others: Any) -> None:  # noqa: ANN401 - a request's JSON
        """Pay as a buyer."""
        payment = {"payment_id": payment_id, "amount_minor": amount_minor, "currency": "CNY"} | others
        (told,) = (await self.post("payments", {"payments": [payment]}))["payments"]
        assert told["state"] == "succeeded", told

    async def fund(self, pocket: str, amount_minor: int) -> None:
        """Deposit the platform's own money."""
        await self.post("funds", {"fund_id": pocket, "pocket": pocket, "currency": "CNY", "amount_minor": amount_minor})

    async def ask(self, *transfers: Json) -> list[tuple[str, str | None]]:
        """Send transfers in one request; return the state and the reason of each."""
        told = (await self.post("transfers", {"transfers": transfers}))["transfers"]
        return [(it["state"], it["reason"]) for it in told]

    async def query(self, *numbers: str) -> list[tuple[str, str | None]]:
        """Ask what became of transfers."""
        told = (await self.post("transfers/query", {"numbers": numbers}))["transfers"]
        return [(it["state"], it["reason"]) for it in told]

    async def done(self, *transfers: Json) -> list[tuple[str, str | None]]:
        """Send transfers, and ask what became of them."""
        await self.ask(*transfers)
        return await self.query(*(it["number"] for it in transfers))

    async def move(self, kind: str, movement_id: str, amount_minor: int, **others: Any) -> tuple[str, str | None]:  # noqa: ANN401 - the same
        """Have the institution move money by itself."""
        it = {"kind": kind, "movement_id": movement_id, "amount_minor": amount_minor, "currency": "CNY"} | others
        (told,) = (await self.post("movements", {"movements": [it]}))["movements"]
        return told["state"], told["reason"]

    async def moved(self, cursor: str = "") -> list[Json]:
        """Read what was moved."""
        found: list[Json] = (await self.client.get("movements", params={"cursor": cursor})).json()["movements"]
        return found

    async def pockets(self) -> dict[str, int]:
        """Return what is in each pocket that is not empty."""
        rows = (await self.client.get("balances")).json()["pockets"]
        return {it["pocket"]: it["balance_minor"] for it in rows if it["balance_minor"]}

    async def received(self) -> dict[str, int]:
        """Return what each receiver has got."""
        rows = (await self.client.get("receivers")).json()["receivers"]
        return {it["receiver"]: it["balance_minor"] for it in rows}

    async def ahead(self, **time: float) -> None:
        """Set the institution's clock ahead of the real time."""
        answer = await self.client.put(CLOCK, json={"ahead_s": int(timedelta(**time).total_seconds())})
        assert answer.status_code == 200, answer.text


def order(kind: str, number: str, amount_minor: int, of: str | None = "p1", receiver: str = "pool") -> Json:
    """Return an instruction."""
    return {
        "number": number,
        "kind": kind,
        "receiver": receiver,
        "currency": "CNY",
        "amount_minor": amount_minor,
        "of": of,
    }


def payout(number: str, amount_minor: int, receiver: str = "merchant:a", of: str | None = "p1") -> Json:
    """Return a payout."""
    return order("payout", number, amount_minor, of, receiver)


def refund(number: str, amount_minor: int, of: str | None = "p1") -> Json:
    """Return a refund to the buyer."""
    return order("refund", number, amount_minor, of, "buyer")


def give_back(number: str, amount_minor: int, of: str, receiver: str = "merchant:a") -> Json:
    """Return a return of what a payout brought."""
    return order("return", number, amount_minor, of, receiver)
