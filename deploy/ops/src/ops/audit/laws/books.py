"""One order in the books: what came in is what its shares are, and the ledger has the money where the order says.

The compliance law is here too: the platform gets of a seller's money only commission, its tax and the fee.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from ops.audit.case import Case, Verdict
from ops.audit.rows import Booked, Divided, Share

CLEARING: Final = "channel:clearing/"
BUYER: Final = "buyer:"
PLATFORM: Final = "platform:"
COMMISSION: Final = "platform:commission"
FEE: Final = "platform:fee"
TAX: Final = "platform:tax"
ADVANCE: Final = "platform:advance"
MARKETING: Final = "platform:marketing"
GIVING: Final = (MARKETING, "platform:reserve")
"""Accounts out of which the platform pays: of an order nothing may stay in them."""

ACCOUNTS: Final = frozenset({COMMISSION, FEE, TAX, ADVANCE, *GIVING})


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
    wanted = expected(case.divided)
    if wanted != booked:
        for account in sorted(wanted.keys() | booked.keys()):
            there, said = booked.get(account, 0), wanted.get(account, 0)
            if there != said:
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
    """Return the balance that each account must have from this order alone, zeros left out."""
    clearing = f"{CLEARING}{order.account}"
    found: Counter[str] = Counter({clearing: -order.pooled_minor, MARKETING: -order.due_minor})
    for share in order.shares:
        found[clearing if share.state == "paid" else account_of(share)] += share.amount_minor
    for subsidy in order.subsidies:
        found[clearing if subsidy.state == "succeeded" else MARKETING] -= subsidy.amount_minor
    return {account: amount for account, amount in found.items() if amount}


def account_of(share: Share) -> str:
    """Return the account in which a share's money stands until it is paid."""
    if share.receiver.startswith(PLATFORM):
        return share.receiver
    return f"merchant:{share.state}/{share.receiver.partition(':')[2]}"


def _check_sums(order: Divided, verdict: Verdict) -> None:
    added = order.due_minor + sum(it.amount_minor for it in order.subsidies)
    shares = sum(share.amount_minor for share in order.shares)
    if order.pooled_minor + added != shares:
        detail = f"the pool got {order.pooled_minor}, the platform added {added}, the shares are {shares}"
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
    owed: Counter[str] = Counter({FEE: order.surcharge_minor})
    for share in order.shares:
        if share.receiver.startswith(PLATFORM):
            if share.path != share.receiver or share.receiver not in (COMMISSION, FEE, TAX):
                verdict.breach(law, order.order, f"{share.path} goes to {share.receiver}")
            kept[share.receiver] += share.gross_minor + share.freight_minor + share.adjustments_minor
        elif share.part:
            owed[COMMISSION] += share.commission_minor
            owed[TAX] += share.commission_tax_minor
    for account in (COMMISSION, FEE, TAX):
        if kept[account] > owed[account]:
            detail = f"{account} gets {kept[account]} before fees, the sellers owe it {owed[account]}"
            verdict.breach(law, order.order, detail)
    for account, amount in booked.items():
        if account.startswith(PLATFORM) and (account not in ACCOUNTS or (account in GIVING and amount > 0)):
            verdict.breach(law, order.order, f"{amount} stands in {account}")


def _check_refunds(order: Divided, booked: list[Booked], verdict: Verdict) -> None:
    """Compare what waits for the buyer, and what went to the buyer through the channel, with what the buyer paid."""
    refunded = 0
    for it in booked:
        to_buyer = sum(amount for account, amount in it.entries.items() if account.startswith(BUYER))
        refunded += to_buyer
        if to_buyer < 0:
            refunded += sum(max(0, amount) for account, amount in it.entries.items() if account.startswith(CLEARING))
    if refunded > order.paid_minor:
        detail = f"{refunded} goes back to the buyer, who paid {order.paid_minor}"
        verdict.breach("refund_within_paid", order.order, detail)
