"""A small world in good order, written by hand into real stores: one order settled with a subsidy, one held.

Its books are made with split's own hashes, so that the audit's reading of them is held to what split writes.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

import httpx
import msgspec
from pymongo import MongoClient

from shared.ids import event_id
from split.domain.ledger import GENESIS, Block, Transaction, accounts_of, link_hash
from split.store.balances import group_of

PAID_AT: Final = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
SETTLED_AT: Final = PAID_AT + timedelta(seconds=2)
STRIPE: Final = "split.split-requested#0"
MP: Final = "demo-x"
NO_FIGURES: Final = dict.fromkeys(
    ("gross_minor", "freight_minor", "adjustments_minor", "commission_minor", "fee_minor", "passed_on_minor"), 0
)

Documents = dict[str, dict[str, list[dict[str, Any]]]]


def share(path: str, amount: int, state: str, *, part: int = 1, reason: str = "", **figures: int) -> dict[str, Any]:
    receiver = path
    return {
        "path": path, "receiver": receiver, "merchant": path.partition(":")[2], "amount_minor": amount,
        "state": state, "reason": reason, "part": part, "attempt": 1, "payout_id": "o:a.1" if part else "",
        "agreement_version": 1, "breakdown": NO_FIGURES | figures,
    }  # fmt: skip


def body(amount: int, fee: int) -> bytes:
    return json.dumps({"payments": [{"amount_minor": amount, "fee_minor": fee}]}).encode()


def split_order(
    order_id: str, currency: str, content: bytes, shares: list[dict[str, Any]], **more: object
) -> dict[str, Any]:
    return {
        "_id": f"{MP}/{order_id}", "marketplace": MP, "order_id": order_id, "state": "split", "body": content,
        "channel_profile": "sandbox-direct",
        "currency": currency, "channel_account": MP, "shares": shares, "subsidies": [], "subsidy_due_minor": 0,
        "payouts": 0, "revisions": {}, "split_at": PAID_AT,
    } | more  # fmt: skip


def claim(order_id: str, currency: str, paid: int) -> dict[str, Any]:
    return {
        "_id": f"{MP}/{order_id}", "marketplace": MP, "order_id": order_id, "state": "accepted", "reason": None,
        "detail": "", "currency": currency, "channel_account": MP, "payment_ids": [f"{order_id}-1"],
        "paid_minor": paid, "asks": 1, "ask_at": None, "source": "/weir/send", "received_at": PAID_AT,
        "proved_at": PAID_AT,
    }  # fmt: skip


def leg(path: str, amount: int, number: str) -> dict[str, Any]:
    return {
        "leg_id": f"{MP}/o:a/{path}/1", "receiver": path, "amount_minor": amount, "attempt": 1,
        "state": "succeeded", "channel_number": number, "reason": None, "breakdown": NO_FIGURES,
    }  # fmt: skip


def statement(*entries: dict[str, Any]) -> dict[str, Any]:
    return {
        "_id": f"{MP}/o:a.1/0", "marketplace": MP, "payout_id": "o:a.1", "document": "o:a", "currency": "CNY",
        "at": SETTLED_AT, "entries": list(entries),
    }  # fmt: skip


def entry(path: str, amount: int) -> dict[str, Any]:
    return {
        "leg_id": f"{MP}/o:a/{path}/1", "attempt": 1, "kind": "paid", "owner": path.removeprefix("merchant:"),
        "amount_minor": amount, "lines": [],
    }  # fmt: skip


class Booked(NamedTuple):
    """A transaction with its currency, and its number in the ledger's time."""

    number: int
    currency: str
    transaction: Transaction


def booked(number: int, order_id: str, currency: str, entries: dict[str, int]) -> Booked:
    kind: Literal["split", "settle"] = "split" if number != 2 else "settle"
    cause = f"event-{number}" if kind == "split" else event_id("payout-settled", MP, f"o:{order_id}.1/1")
    made = Transaction(order=f"{MP}/{order_id}", cause=cause, kind=kind, entries=entries)
    return Booked(number, currency, made)


CLEARING: Final = f"channel:clearing/{MP}"
TRANSACTIONS: Final[tuple[Booked, ...]] = (
    booked(1, "a", "CNY", {
        CLEARING: -9_940, "merchant:in_transit/shop": 9_240, "platform:commission": 1_200, "platform:marketing": -500,
    }),
    booked(2, "a", "CNY", {
        CLEARING: 9_940, "merchant:in_transit/shop": -9_240, "platform:commission": -1_200, "platform:marketing": 500,
    }),
    booked(3, "b", "KWD", {CLEARING: -5_000, "merchant:held/new": 5_000}),
)  # fmt: skip


def blocks(unit: Sequence[Booked]) -> list[Block]:
    """Return the blocks of one unit of work: one a currency, in the order of their first transactions."""
    by_currency: dict[str, list[Booked]] = {}
    for it in unit:
        by_currency.setdefault(it.currency, []).append(it)
    return [_block(currency, some[0].number, [it.transaction for it in some]) for currency, some in by_currency.items()]


def _block(currency: str, number: int, transactions: list[Transaction]) -> Block:
    at_ms = int(PAID_AT.timestamp() * 1000) + number
    return Block(
        id=f"{at_ms:012x}"[:8] + "-" + f"{at_ms:012x}"[8:] + f"-7000-8000-{number:012x}",
        marketplace=MP,
        currency=currency,
        stripe=STRIPE,
        at_ms=at_ms,
        accounts=accounts_of(transactions),
        transactions=tuple(transactions),
    )


def ledger(transactions: tuple[Booked, ...] = TRANSACTIONS) -> dict[str, list[dict[str, Any]]]:
    """Return the ledger's collections: two links, the first with two transactions, the second with the others."""
    units = [blocks(unit) for unit in (transactions[:2], transactions[2:]) if unit]
    documents: list[dict[str, Any]] = [
        {
            "_id": it.id, "marketplace": it.marketplace, "currency": it.currency, "stripe": it.stripe,
            "at": datetime.fromtimestamp(it.at_ms / 1000, UTC), "accounts": list(it.accounts),
            "transactions": [msgspec.structs.asdict(made) for made in it.transactions],
            "hash": it.hash(),
        }
        for unit in units for it in unit
    ]  # fmt: skip
    balances: dict[str, dict[str, int]] = {}
    for it in transactions:
        for account, amount in it.transaction.entries.items():
            kept = balances.setdefault(f"{MP}|{it.currency}|{group_of(account)}|{STRIPE}", {})
            kept[account] = kept.get(account, 0) + amount
    links: list[dict[str, Any]] = []
    previous = GENESIS
    for seq, unit in enumerate(units, start=1):
        content = link_hash(previous, seq, [(it.id, it.hash()) for it in unit])
        links.append({
            "_id": f"{STRIPE}/{seq}", "stripe": STRIPE, "seq": seq, "previous": previous, "hash": content,
            "blocks": [{"id": it.id, "hash": it.hash()} for it in unit],
        })  # fmt: skip
        previous = content
    return {
        "blocks": documents,
        "balances": [{"_id": identity, "amounts": amounts} for identity, amounts in balances.items()],
        "links": links,
        "heads": [{"_id": STRIPE, "seq": len(links), "hash": previous}],
    }  # fmt: skip


def documents() -> Documents:
    """Return every document of the world, by service and collection."""
    shares = [
        share("merchant:shop", 9_240, "paid", gross_minor=10_500, commission_minor=1_260),
        share("platform:commission", 1_200, "paid", gross_minor=1_260, fee_minor=60),
    ]
    subsidy = {"subsidy_id": f"{MP}/o:a/platform:marketing/1", "payout_id": "o:a.1", "amount_minor": 500}
    settled = split_order(
        "a",
        "CNY",
        body(10_000, 60),
        shares,
        payouts=1,
        revisions={"1": 1},
        subsidies=[subsidy | {"state": "succeeded"}],
    )
    held = split_order(
        "b", "KWD", body(5_000, 0), [share("merchant:new", 5_000, "held", part=0, reason="merchant_unknown")]
    )
    payout = {
        "_id": f"{MP}/o:a.1", "marketplace": MP, "payout_id": "o:a.1", "document": "o:a", "kind": "pay",
        "order": f"{MP}/a",
        "state": "final", "waits": None, "ask_at": None, "currency": "CNY", "channel_account": MP,
        "created_at": PAID_AT, "settled_at": SETTLED_AT,
        "legs": [leg("merchant:shop", 9_240, "N1"), leg("platform:commission", 1_200, "N2")],
        "subsidies": [
            {
                "subsidy_id": subsidy["subsidy_id"], "amount_minor": 500, "attempt": 1, "state": "succeeded",
                "channel_number": "N0", "reason": None,
            }
        ],
    }  # fmt: skip
    return {
        "payments": {
            "orders": [claim("a", "CNY", 10_000), claim("b", "KWD", 5_000)],
            "claims": [
                {"_id": f"{MP}/a-1", "order": f"{MP}/a"},
                {"_id": f"{MP}/b-1", "order": f"{MP}/b"},
            ],
            "payouts": [payout],
        },
        "split": {"orders": [settled, held], **ledger()},
        "merchant": {"statements": [statement(entry("merchant:shop", 9_240), entry("platform:commission", 1_200))]},
        "aftersale": {"orders": [{"_id": f"{MP}/a", "state": "paid"}, {"_id": f"{MP}/b", "state": "paid"}]},
    }


def write(mongo_url: str, prefix: str, content: Documents) -> None:
    """Write a world into real stores."""
    with MongoClient[dict[str, Any]](mongo_url) as client:
        for service, collections in content.items():
            for collection, them in collections.items():
                client[f"{prefix}{service}"][collection].insert_many(them)


class Bank:
    """An institution with a record of its own, over HTTP as the real one is."""

    def __init__(self) -> None:
        """Remember what the world's institution did."""
        self.payments = [
            {"payment_id": "a-1", "state": "succeeded", "amount_minor": 10_000, "currency": "CNY", "fee_minor": 60},
            {"payment_id": "b-1", "state": "succeeded", "amount_minor": 5_000, "currency": "KWD", "fee_minor": 0},
        ]
        self.transfers = [
            _transfer("N0", "subsidy", "pool", 500),
            _transfer("N1", "payout", "merchant:shop", 9_240),
            _transfer("N2", "payout", "platform:commission", 1_200),
        ]
        self.pools = {"CNY": 0, "KWD": 5_000}
        self.before: dict[str, int] = {}
        """What it shows at first, if that is something else."""
        self.late: dict[str, str] = {}
        """What the pages still say of a number; nothing: it is not on them."""

    def transport(self) -> httpx.MockTransport:
        """Return the way to it."""
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        what = request.url.path.removeprefix(f"/v1/accounts/{MP}/")
        asked = json.loads(request.content) if request.content else {}
        payments = {it["payment_id"]: it for it in self.payments}
        transfers = {it["number"]: it for it in self.transfers}
        shown = self.pools
        if what == "balances":
            shown, self.before = self.before or self.pools, {}
        pools = [{"pocket": "pool", "currency": name, "balance_minor": it} for name, it in shown.items()]
        answers: dict[str, dict[str, Any]] = {
            "balances": {"pockets": pools},
            "payments": {"payments": self.payments, "next_cursor": None},
            "transfers": {"transfers": list(self._paged()), "next_cursor": None},
            "movements": {"movements": [], "next_cursor": None},
            "payments/query": {
                "payments": [
                    payments.get(it, {"payment_id": it, "state": "not_found"}) for it in asked.get("payment_ids", ())
                ]
            },
            "transfers/query": {
                "transfers": [
                    transfers.get(it, {"number": it, "state": "not_found"}) for it in asked.get("numbers", ())
                ]
            },
        }
        return httpx.Response(200, json=answers[what])

    def _paged(self) -> Iterator[dict[str, Any]]:
        for it in self.transfers:
            if state := self.late.get(it["number"], it["state"]):
                yield it | {"state": state}


def _transfer(number: str, kind: str, receiver: str, amount: int) -> dict[str, Any]:
    return {
        "number": number, "state": "succeeded", "reason": None, "executed_at": SETTLED_AT.isoformat(), "kind": kind,
        "receiver": receiver, "currency": "CNY", "amount_minor": amount,
    }  # fmt: skip
