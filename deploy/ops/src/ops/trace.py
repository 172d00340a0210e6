"""The way of one order's money: what each part recorded of it, in order of time. Reads; explains nothing away."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ops import places
from ops.audit.shapes import CHARGES, of_document
from ops.audit.shapes.ledger import made_since
from ops.institution import Institution
from ops.places import DONE, Place
from ops.stores import Stores, by_id, prefixed
from shared.ids import event_id
from shared.messages import PayoutSettled
from shared.money import format_minor
from shared.mongo import Document
from shared.profiles import shipped

UNDATED: Final = datetime.min.replace(tzinfo=UTC)
"""The institution tells no time of a buyer's payment; it came before everything else."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a part recorded. `facts` are its own words, amounts in minor units."""

    at: datetime | None
    part: str
    what: str
    text: str
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Trace:
    """All of one order: where it is, and how it came there."""

    order: str
    place: Place
    steps: list[Step]


async def find(stores: Stores, order_id: str, marketplace: str | None) -> list[str]:
    """Return the keys of the orders of that id; several marketplaces may have one."""
    if "/" in order_id:
        return [order_id]
    if marketplace is not None:
        return [f"{marketplace}/{order_id}"]
    known = stores.payments.orders.aggregate([{"$group": {"_id": "$marketplace"}}])
    keys = [f"{it['_id']}/{order_id}" async for it in known]
    return sorted(await by_id(stores.payments, "orders", keys, ("_id",)))


async def trace(stores: Stores, institution: Institution, key: str) -> Trace | None:
    """Return the way of an order, or of a reward or adjustment; None where nobody has ever seen it."""
    if key.partition("/")[2].startswith(CHARGES):
        return await _charge(stores, institution, key)
    claim = await stores.payments.orders.find_one({"_id": key}, {"body": 0, "hash": 0})
    split = await stores.split.orders.find_one({"_id": key}, {"body": 0, "hash": 0})
    if claim is None and split is None:
        return None
    wanted = list(places.payout_keys(key, (split or {}).get("payouts", 0)))
    payouts = list((await by_id(stores.payments, "payouts", wanted)).values())
    steps = [*_claimed(claim), *_split(split), *_happened(split), *_money_back(split)]
    marketplace, _, order_id = key.partition("/")
    about = {"marketplace": marketplace, "adjusts.order_id": order_id}
    steps += [_agreed(it) async for it in stores.split.charges.find(about).sort("made_at", 1)]
    steps += await _followed(stores, institution, claim, split, payouts)
    return Trace(key, await _place(stores, key), sorted(steps, key=_when))


async def _followed(
    stores: Stores, institution: Institution, claim: Document | None, split: Document | None, payouts: list[Document]
) -> list[Step]:
    """Return what was booked, paid out, stated and moved."""
    key = (claim or {}).get("_id", "")
    refunds = [it async for it in stores.payments.refunds.find({"order": key}).sort("created_at", 1)] if key else []
    steps = [step for payout in payouts for step in _paid_out(payout)]
    steps += [step for refund in refunds for step in _carried_out(refund)]
    steps += [step async for step in _booked(stores, (split or {}).get("_id", ""), split)]
    steps += [step async for step in _stated(stores, payouts)]
    return steps + [step async for step in _moved(institution, claim, [*payouts, *refunds])]


async def _charge(stores: Stores, institution: Institution, key: str) -> Trace | None:
    """Return the way of a reward or an adjustment: two people agreed on it, and no buyer has paid it."""
    found = await stores.split.charges.find_one({"_id": key})
    if found is None:
        return None
    charge = found | {"state": "split", "split_at": found["made_at"]}
    wanted = [f"{of_document(key)}.{number}" for number in range(1, charge["payouts"] + 1)]
    payouts = list((await by_id(stores.payments, "payouts", wanted)).values())
    steps = [_agreed(charge), *_split(charge), *await _followed(stores, institution, None, charge, payouts)]
    place = places.place_of({"state": "accepted"}, charge, payouts)
    return Trace(key, place, sorted(steps, key=_when))


def _agreed(charge: Document) -> Step:
    """Tell who agreed on a reward or an adjustment, and why."""
    known = charge.get("adjusts") or {}
    amount = known.get("amount_minor", charge["shares"][0]["amount_minor"])
    what = f"{known['direction']} of {known['category']}, " if known else ""
    people = f"asked by {charge['asked_by']}, approved by {charge['approved_by']}"
    text = f"{what}{format_minor(amount, charge['currency'])} for {charge['shares'][0]['receiver']}, {people}"
    facts = {"charge": charge["_id"], "amount_minor": amount, "asked_by": charge["asked_by"], **known}
    return Step(charge["made_at"], "split", charge["kind"], f"{text}: {charge['reason']}", facts)


def _when(step: Step) -> datetime:
    return step.at or UNDATED


async def _place(stores: Stores, key: str) -> Place:
    return (await anext(aiter(places.of(stores, [key]))))[1]


def _claimed(claim: Document | None) -> Iterable[Step]:
    if claim is None:
        return
    paid = format_minor(claim["paid_minor"], claim["currency"])
    payments = len(claim["payment_ids"])
    came = f"order-paid from {claim['source']}: {paid} in {payments} payment{'' if payments == 1 else 's'}"
    facts = {"source": claim["source"], "paid_minor": claim["paid_minor"], "payment_ids": claim["payment_ids"]}
    yield Step(claim["received_at"], "payments", "received", came, facts)
    state, reason = claim["state"], claim.get("reason") or ""
    said = f"payments proved at {claim['channel_account']}" if state == "accepted" else f"{reason}: {claim['detail']}"
    at = claim.get("proved_at") or claim["received_at"]
    yield Step(at, "payments", state, said.strip(": "), {"reason": reason, "asks": claim["asks"]})


def _split(split: Document | None) -> Iterable[Step]:
    for share in (split or {}).get("shares", ()):
        why = f", {share['reason']}" if share["reason"] else ""
        amount = format_minor(share["amount_minor"], (split or {})["currency"])
        to = "" if share["receiver"] == share["path"] else f" to {share['receiver']}"
        of = f" for {', '.join(share['lines'])}" if share.get("lines") else ""
        text = f"{share['path']}: {amount}{to}{of}, {share['state']}{why}"
        facts = {name: share[name] for name in ("path", "receiver", "amount_minor", "state", "reason", "breakdown")}
        facts["lines"] = share.get("lines") or []
        yield Step((split or {}).get("split_at"), "split", "share", text, facts)


def _happened(split: Document | None) -> Iterable[Step]:
    """Give what split was told of an order's goods and cases, and until when time alone may change something."""
    known = (split or {}).get("facts") or (split or {}).get("early_facts") or {}
    for it in known.get("progress", ()):
        text = f"{it['kind']} {it['progress_id']}: {_lines(it)}"
        yield Step(it["occurred_at"], "upstream", it["kind"], text, {"line_ids": it["line_ids"]})
    for it in known.get("freezes", ()):
        until = f" until {it['expires_at']:%Y-%m-%d %H:%M} UTC" if it["expires_at"] else ""
        stands = f"freezes {_lines(it)}{until}" if it["open"] else "lets go"
        text = f"{it['owner']} {stands}: {it['reason']}"
        facts = {name: it[name] for name in ("owner", "revision", "open", "line_ids", "reason")}
        yield Step(None, "split", "freeze", text, facts)
    for it in known.get("released", ()):
        text = f"{_lines(it)} let go by hand, approval {it['approval_id']}"
        yield Step(it["at"], "split", "release by hand", text, {"line_ids": it["line_ids"]})
    for it in known.get("moved", ()):
        text = f"{it['kind']} {it['movement_id']}: {format_minor(it['amount_minor'], it['currency'])}"
        facts = {name: it[name] for name in ("movement_id", "kind", "amount_minor")}
        yield Step(it["moved_at"], "institution", it["kind"], text, facts)
    yield from _frozen(split or {})
    if (split or {}).get("look_at"):
        moment = (split or {})["look_at"]
        yield Step(moment, "split", "deadline", "what is held is looked at again", {})


def _frozen(split: Document) -> Iterable[Step]:
    """Give the clock of the channel's freeze where sellers collect, and what became of it."""
    profile = shipped().find(split.get("channel_profile", ""))
    if profile is None or profile.freeze_days is None or not split.get("paid_at"):
        return
    known = split.get("freeze") or {}
    acted = "acted upon" if known.get("acted") else "nothing was held" if known.get("closed") else "not reached"
    facts = {"acted": known.get("acted", False), "closed": known.get("closed", False)}
    ends = split["paid_at"] + timedelta(days=profile.freeze_days)
    text = f"the channel gives what is left to who collects; three days before: {acted}"
    yield Step(ends, "institution", "freeze ends", text, facts)
    for it in known.get("unfrozen", ()):
        owed = format_minor(it["owed_minor"], split["currency"])
        text = f"{it['movement_id']} gave {format_minor(it['amount_minor'], split['currency'])} to {it['merchant']}"
        yield Step(None, "split", "unfrozen", f"{text}, who owes {owed} of it to others", it)


def _money_back(split: Document | None) -> Iterable[Step]:
    """Give what split was told of money that goes back, and how far each refund or chargeback is."""
    known = (split or {}).get("facts") or (split or {}).get("early_facts") or {}
    for it in known.get("approved", ()):
        asked = sum(line["amount_minor"] + line["freight_minor"] for line in it["lines"])
        of = ", ".join(line["line_id"] for line in it["lines"])
        text = f"{it['refund_id']} approved: {format_minor(asked, it['currency'])} of {of}"
        yield Step(it["approved_at"], "aftersale", "refund approved", text, {"refund_id": it["refund_id"]})
    currency = (split or {}).get("currency", "")
    for it in (split or {}).get("refunds", ()):
        why = f", {it['reason']}" if it["reason"] else ""
        given = (f"{account} {format_minor(amount, currency)}" for account, amount in sorted(it["given"].items()))
        out_of = f" from {', '.join(given)}" if it["given"] else ""
        text = f"{it['refund_id']}: {it['state']}{why}{out_of}"
        parts = [part for name in ("returns", "fundings", "payments") for part in it[name]]
        facts = {name: it[name] for name in ("refund_id", "kind", "state", "reason", "revision", "given")}
        yield Step(None, "split", it["kind"], text, facts | {"parts": parts})


def _lines(it: Document) -> str:
    return f"lines {', '.join(it['line_ids'])}" if it["line_ids"] else "all lines"


async def _booked(stores: Stores, key: str, split: Document | None) -> AsyncIterator[Step]:
    if split is None or split["state"] != "split":
        return
    last = _last_causes(split)
    paid = bool(last)
    # Ids of blocks begin with their time, so that only those since the split are looked through; and one at a time, so
    # that MongoDB looks no further than it is asked to.
    since = made_since(int(split["split_at"].timestamp() * 1000), [key])
    own = {"$filter": {"input": "$transactions", "cond": {"$eq": ["$$this.order", key]}}}
    fields = {"at": 1, "currency": 1, "transactions": own}
    async for block in stores.split.blocks.find(since, fields, batch_size=1).sort("_id", 1):
        for it in block["transactions"]:
            entries = it["entries"]
            text = ", ".join(f"{account} {_signed(amount, block['currency'])}" for account, amount in entries.items())
            yield Step(block["at"], "split", f"booked {it['kind']}", text, {"entries": entries, "cause": it["cause"]})
            last -= {it["cause"]}
        if paid and not last:
            return


def _last_causes(split: Document) -> frozenset[str]:
    """Return the events behind the last transactions of an order that is all paid; none where more may come."""
    under_way = any(share["state"] not in DONE for share in split["shares"])
    if under_way or len(split["revisions"]) < split["payouts"] or split.get("refunds"):
        return frozenset()
    document = of_document(split["_id"]).partition("/")[2]
    identities = (f"{document}.{number}/{revision}" for number, revision in split["revisions"].items())
    return frozenset(event_id(PayoutSettled.topic, split["marketplace"], it) for it in identities)


def _signed(amount_minor: int, currency: str) -> str:
    return f"{'+' if amount_minor > 0 else ''}{format_minor(amount_minor, currency)}"


def _paid_out(payout: Document) -> Iterable[Step]:
    at = payout.get("settled_at") or payout["created_at"]
    for leg in (*payout["subsidies"], *payout["legs"]):
        name = leg.get("leg_id") or leg["subsidy_id"]
        why = f", {leg['reason']}" if leg.get("reason") else ""
        amount = format_minor(leg["amount_minor"], payout["currency"])
        text = f"{name.rpartition('/o:')[2]}: {amount} under {leg['channel_number']}, {leg['state']}{why}"
        facts = {it: leg.get(it) for it in ("receiver", "amount_minor", "state", "reason", "channel_number")}
        what = "finish" if payout["kind"] == "finish" else "payout"
        yield Step(at, "payments", f"{what} {payout['payout_id']}", text, facts)


def _carried_out(refund: Document) -> Iterable[Step]:
    """Give a refund's parts as payments has them, those of earlier plans too."""
    at = refund.get("settled_at") or refund["created_at"]
    for part in refund["parts"]:
        why = f", {part['reason']}" if part.get("reason") else ""
        amount = format_minor(part["amount_minor"], refund["currency"])
        text = f"{part['kind']} {part['name']}: {amount} under {part['channel_number']}, {part['state']}{why}"
        facts = {it: part[it] for it in ("kind", "receiver", "amount_minor", "state", "reason", "channel_number")}
        yield Step(at, "payments", f"refund {refund['refund_id']}", text, facts)


async def _stated(stores: Stores, payouts: list[Document]) -> AsyncIterator[Step]:
    if not payouts:
        return
    documents = {"$or": [prefixed(payout["_id"]) for payout in payouts]}
    async for statement in stores.merchant.statements.find(documents).sort("_id", 1):
        for entry in statement["entries"]:
            text = f"{entry['owner']}: {format_minor(entry['amount_minor'], statement['currency'])}"
            facts = {"merchant": entry["owner"], "amount_minor": entry["amount_minor"], "lines": entry["lines"]}
            yield Step(statement["at"], "merchant", f"statement, {entry['kind']}", text, facts)


async def _moved(institution: Institution, claim: Document | None, payouts: list[Document]) -> AsyncIterator[Step]:
    if claim is not None:
        for it in await institution.find_payments(claim["channel_account"], claim["payment_ids"]):
            amount = format_minor(it["amount_minor"], it["currency"]) if it["state"] == "succeeded" else ""
            text = f"payment {it['payment_id']}: {it['state']} {amount}".rstrip()
            yield Step(None, "institution", "payment", text, it)
    for payout in payouts:
        parts = (*payout.get("subsidies", ()), *payout.get("legs", ()), *payout.get("parts", ()))
        numbers = [part["channel_number"] for part in parts if part["amount_minor"]]
        for it in await institution.find_transfers(payout["channel_account"], numbers):
            why = f", {it['reason']}" if it.get("reason") else ""
            at = datetime.fromisoformat(it["executed_at"]) if it.get("executed_at") else None
            yield Step(at, "institution", "transfer", f"{it['number']}: {it['state']}{why}", it)
