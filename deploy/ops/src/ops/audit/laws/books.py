"""One order in the books: what came in is what its shares are, and the ledger has the money where the order says.

The compliance law is here too: the platform gets of a seller's money only commission, its tax and the fee.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from ops.audit.case import Case, Verdict
from ops.audit.laws import refunds
from ops.audit.laws.refunds import ADVANCE
from ops.audit.rows import Booked, Divided, Share

CLEARING: Final = "channel:clearing/"
BUYER: Final = "buyer:"
PLATFORM: Final = "platform:"
COMMISSION: Final = "platform:commission"
FEE: Final = "platform:fee"
TAX: Final = "platform:tax"
MARKETING: Final = "platform:marketing"
SUSPENSE: Final = "suspense/"
RESERVE: Final = "merchant:reserve/"
RESERVE_OF: Final = "reserve:"
"""Begins the path of what is kept back of a merchant's share."""
TAKEN: Final = "taken"
"""Of a share: refunds of other orders have used it, which have booked that."""
WRITTEN_OFF: Final = "written_off"
GIVING: Final = (MARKETING, "platform:reserve")
"""Accounts out of which the platform pays: of an order nothing may stay in them."""

GETTING: Final = (COMMISSION, FEE, TAX, ADVANCE)
"""What the platform may be paid of an order: its commission and fee, tax to hand on, and what a debtor owes it."""

ACCOUNTS: Final = frozenset({*GETTING, *GIVING})


def judge(case: Case, verdict: Verdict) -> None:
    """Check the books of an order."""
    booked = balances_of(case.booked)
    if case.divided is None:
        if booked:
            short = ", ".join(f"{account} {amount}" for account, amount in sorted(booked.items())[:4])
            verdict.breach("order_booked", case.order, f"the ledger has it, the orders have not: {short}")
        return
    _check_sums(case.divided, verdict)
    _check_breakdowns(case.divided, verdict)
    _check_platform(case.divided, booked, verdict)
    _check_refunds(case.divided, case.booked, verdict)
    for account, there, said in refunds.differing(case.divided, expected(case.divided), booked):
        detail = f"{account} is {there} in the ledger, the order says {said}"
        verdict.breach("order_booked", case.order, detail)


def balances_of(booked: list[Booked]) -> dict[str, int]:
    """Return what an order's transactions leave in each account, zeros left out."""
    found: dict[str, int] = {}
    for it in booked:
        for account, amount in it.entries.items():
            found[account] = found.get(account, 0) + amount
    return {account: amount for account, amount in found.items() if amount}


def expected(order: Divided) -> dict[str, int]:
    """Return the balance that each account must have from this order alone, zeros left out.

    A share of the platform's that only brings an advance back is booked when it is paid: till then it is a debt's.
    """
    clearing = f"{CLEARING}{order.account}"
    found: Counter[str] = Counter({clearing: -order.pooled_minor, MARKETING: -order.due_minor})
    for share in order.shares:
        if share.state == "paid":
            found[clearing] += share.amount_minor
        if share.receiver == ADVANCE:
            found[ADVANCE] -= share.amount_minor if share.state == "paid" else 0
        elif share.state != "paid":
            found[account_of(share, order.account)] += share.amount_minor
    for subsidy in order.subsidies:
        found[clearing if subsidy.state == "succeeded" else MARKETING] -= subsidy.amount_minor
    found[clearing] += sum(it.owed_minor for it in order.unfrozen)
    refunds.add(found, order, clearing)
    return {account: amount for account, amount in found.items() if amount}


def account_of(share: Share, channel_account: str) -> str:
    """Return the account in which a share's money stands until it is paid."""
    owner = share.receiver.partition(":")[2]
    if share.receiver.startswith(PLATFORM):
        return ADVANCE if share.state == WRITTEN_OFF else share.receiver
    if share.state == WRITTEN_OFF:
        return f"{SUSPENSE}{channel_account}"
    if share.state == "available" and share.path.startswith(RESERVE_OF) and not share.attempt:
        return f"{RESERVE}{owner}"
    return f"merchant:{'available' if share.state == TAKEN else share.state}/{owner}"


def _check_sums(order: Divided, verdict: Verdict) -> None:
    added = order.due_minor + sum(it.amount_minor for it in order.subsidies)
    shares = sum(share.amount_minor for share in order.shares)
    # Of refunds, what is neither in the order's own accounts nor a debt was taken from what receivers have elsewhere.
    elsewhere = sum(expected(order).values()) + refunds.debt_minor(order)
    if elsewhere < 0 or (elsewhere and not refunds.taken_minor(order)):
        detail = f"the pool got {order.pooled_minor}, the platform added {added}, the shares are {shares}"
        if order.refunds:
            detail += f", refunds take {refunds.taken_minor(order)}: {elsewhere} would be from elsewhere"
        verdict.breach("order_sums", order.order, detail)
    for share in order.shares:
        if share.amount_minor < 0:
            verdict.breach("order_sums", order.order, f"{share.path} is below zero: {share.amount_minor}")


def _check_breakdowns(order: Divided, verdict: Verdict) -> None:
    for share in order.shares:
        plus = share.gross_minor + share.freight_minor + share.adjustments_minor
        minus = share.commission_minor + share.commission_tax_minor + share.fee_minor
        said = plus - minus - share.passed_on_minor - share.netted_minor
        if share.part and said != share.amount_minor:
            detail = f"{share.path} is {share.amount_minor}, its breakdown says {said}"
            verdict.breach("breakdown_adds_up", order.order, detail)


def _check_platform(order: Divided, booked: Mapping[str, int], verdict: Verdict) -> None:
    law = "sellers_money_apart"
    kept: Counter[str] = Counter()
    owed = _owed(order)
    for share in order.shares:
        if share.receiver.startswith(PLATFORM):
            if share.path != share.receiver or share.receiver not in GETTING:
                verdict.breach(law, order.order, f"{share.path} goes to {share.receiver}")
            kept[share.receiver] += share.gross_minor + share.freight_minor + share.adjustments_minor
    for account in GETTING:
        if kept[account] > owed[account]:
            detail = f"{account} gets {kept[account]} before fees, the sellers owe it {owed[account]}"
            verdict.breach(law, order.order, detail)
    said = Counter({account: max(0, amount) for account, amount in expected(order).items()})
    for account, amount in booked.items():
        if account.startswith(PLATFORM) and (account not in ACCOUNTS or (account in GIVING and amount > said[account])):
            verdict.breach(law, order.order, f"{amount} stands in {account}")


def _owed(order: Divided) -> Counter[str]:
    """Return what each account of the platform may have of sellers' money, and of what it gave for refunds itself."""
    owed: Counter[str] = Counter({FEE: order.surcharge_minor})
    for share in order.shares:
        if share.part and not share.receiver.startswith(PLATFORM):
            owed[COMMISSION] += share.commission_minor
            owed[TAX] += share.commission_tax_minor
            owed[ADVANCE] += max(0, share.netted_minor)
    for part in (part for it in order.refunds for part in it.fundings):
        owed[part.account] += part.amount_minor
    return owed


def _check_refunds(order: Divided, booked: list[Booked], verdict: Verdict) -> None:
    """Compare what Weir gives back to the buyer with what the buyer paid: as the order says, and without it the books.

    Where the order knows of refunds, the books must have them as it says (`order_booked`).
    """
    refunded = sum(max(it.promised_minor, it.asked_minor) for it in order.refunds if it.own)
    for it in () if order.refunds else booked:
        to_buyer = sum(amount for account, amount in it.entries.items() if account.startswith(BUYER))
        refunded += to_buyer
        if to_buyer < 0:
            refunded += sum(max(0, amount) for account, amount in it.entries.items() if account.startswith(CLEARING))
    if refunded > order.paid_minor:
        detail = f"{refunded} goes back to the buyer, who paid {order.paid_minor}"
        verdict.breach("refund_within_paid", order.order, detail)
