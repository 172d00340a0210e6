"""Where everybody ends, whatever came first: what it got, less what it owes, with what it has yet to get."""

from collections import defaultdict
from typing import Protocol

from shared.messages import SplitRequested
from split.domain import pots
from split.domain.anatomy import anatomy
from split.domain.orders import Order
from split.domain.reversals import borne


class Ended(Protocol):
    """An order at its end, with the sums of the books that it shares with others."""

    order: Order
    request: SplitRequested
    accounts: dict[str, int]
    got: dict[str, int]


def ends(*worlds: Ended) -> dict[str, int]:
    """Return what each party ends with, of orders that share their books; minor units, the platform as one."""
    sums: dict[str, int] = defaultdict(int, worlds[0].got)
    for account, amount in worlds[0].accounts.items():
        owner = account.partition("/")[2]
        if account.startswith(("merchant:", "deposit/")):
            sums[f"merchant:{owner}"] += amount
        elif account.startswith("platform:"):
            sums["platform"] += amount
        elif account.startswith("buyer:"):
            sums["buyer"] += amount
    for name in [it for it in sums if it.startswith("platform:")]:
        sums["platform"] += sums.pop(name)
    for world in worlds:
        for merchant, amount in _platforms(world.order, world.request).items():
            sums[f"merchant:{merchant}"] -= amount
            sums["platform"] += amount
    return {name: amount for name, amount in sorted(sums.items()) if amount}


def _platforms(order: Order, request: SplitRequested) -> dict[str, int]:
    """Return what the platform is to get of pots that are held, by merchant."""
    whole = anatomy(order, request, pots.facts(request))
    taken = borne(whole.parts, [line for it in order.known_refunds if it.planned for line in it.lines])
    found: dict[str, int] = {}
    for body in whole.bodies:
        if body.held is not None:
            left = [whole.left_of(body, it, taken) for it in body.items if it.line_id in body.lines_held]
            kept = sum(it.kept_minor + it.tax_minor for it in left)
            found[body.pot.merchant] = kept - sum((body.held.kept_owing or {}).values())
    return found
