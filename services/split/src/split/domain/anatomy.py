"""An order taken apart: every pot with what was decided about it, and every part of it as it would be undone.

All of it is worked out from the request and what the shares remember; no agreement is read again.
"""

from collections.abc import Mapping, Sequence

import msgspec

from shared.messages import Breakdown, SplitRequested
from shared.money import by_degrees
from split.domain import items
from split.domain.earnings import Earning, undivided
from split.domain.items import Item
from split.domain.orders import Order
from split.domain.paid import paid_for
from split.domain.pots import MERCHANT, Facts, Pot
from split.domain.receivers import FREIGHT, Divided, Trees
from split.domain.refunds import RefundTerms
from split.domain.reversals import COMMISSION, TAX, Undone, undone
from split.domain.shares import ADJUSTMENT, Share

type Borne = Mapping[tuple[str, str], int]
"""What each party bears of all refunds so far, by (part of the order, party); minor units."""


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """One pot. `held` is its share as far as it is held; `items` are empty while no agreement has decided.

    `undivided`: an agreement has decided that it cannot be divided, so that all of it is its merchant's until it is
    refunded.
    """

    pot: Pot
    earned: Earning | None
    divided: Divided | None
    items: tuple[Item, ...] = ()
    held: Share | None = None
    terms: RefundTerms = RefundTerms()
    undivided: bool = False

    @property
    def receivers(self) -> tuple[str, ...]:
        """Who else is paid out of it, in the order of each item's `passed_on`."""
        return tuple(portion.receiver for portion in self.divided.portions) if self.divided else ()

    @property
    def lines_held(self) -> frozenset[str]:
        """The lines of it that are held."""
        if self.held is None:
            return frozenset()
        if self.held.lines is not msgspec.UNSET:
            return frozenset(self.held.lines)
        return frozenset(line.line_id for line in self.pot.lines)


class Anatomy(msgspec.Struct, frozen=True):
    """An order's pots, and its parts as they would be undone. `undecided`: merchants whose pots have no agreement."""

    bodies: tuple[Body, ...]
    parts: tuple[Undone, ...]
    undecided: frozenset[str]
    chains: Mapping[str, Mapping[str, int]]
    """What the logistics chain gets of a line's freight, by line, then by party."""
    chain_divides: bool
    """Whether the freight for the logistics chain can be paid as its tree says."""

    def left_of(self, body: Body, item: Item, borne: Borne) -> Item:
        """Return an item that is held without what its parties give back of it."""
        chain = self.chains.get(item.line_id, {}) if item.freight else {}
        back = {party: amount for (key, party), amount in borne.items() if key == item.key}
        return left_of(item, body.receivers, body.pot.merchant, chain, back)

    def chain_left(self, borne: Borne) -> dict[str, int]:
        """Return what each of the logistics chain gets of all freight together, without what it gives back."""
        left: dict[str, int] = {}
        for line_id, parties in self.chains.items():
            for party, amount in parties.items():
                left[party] = left.get(party, 0) + amount - min(amount, borne.get((f"{line_id}/freight", party), 0))
        return left


def anatomy(order: Order, request: SplitRequested, facts: Facts) -> Anatomy:
    """Take an order apart."""
    trees = Trees(request.receivers, [pot.merchant for pot in facts.pots])
    bodies = tuple(_body(order, pot, trees) for pot in facts.pots)
    chains, divides = _chains(bodies, trees)
    by_merchant = {body.pot.merchant: body for body in bodies}
    parts: list[Undone] = []
    for paid in paid_for(request):
        body = by_merchant[paid.merchant]
        item = next((it for it in body.items if it.line_id == paid.line_id and it.freight == paid.freight), None)
        if item is not None:
            chain = chains.get(paid.line_id, {}) if paid.freight else {}
            parts.append(undone(paid, item, body.receivers, chain, body.terms))
    undecided = frozenset(it.pot.merchant for it in bodies if it.earned is None)
    return Anatomy(bodies, tuple(parts), undecided, chains, divides)


def left_of(
    item: Item, receivers: Sequence[str], merchant: str, chain: Mapping[str, int], back: dict[str, int]
) -> Item:
    """Return an item that is held without what its parties give `back` of it; `back` keeps what it does not reach."""

    def less(party: str, amount: int) -> int:
        given = min(amount, max(0, back.get(party, 0)))
        back[party] = back.get(party, 0) - given
        return amount - given

    passed_on = tuple(less(MERCHANT + name, amount) for name, amount in zip(receivers, item.passed_on, strict=False))
    own = less(MERCHANT + merchant, item.own_minor)
    kept = less(COMMISSION, item.kept_minor)
    tax = less(TAX, item.tax_minor)
    to_chain = sum(less(party, amount) for party, amount in chain.items()) if item.chain_minor else 0
    return msgspec.structs.replace(
        item,
        own_minor=own,
        passed_on=passed_on,
        net_minor=own + sum(passed_on),
        commission_minor=kept + item.platform_fee_minor,
        tax_minor=tax,
        chain_minor=to_chain,
    )


def _body(order: Order, pot: Pot, trees: Trees) -> Body:
    own = [share for share in order.shares if share.path == MERCHANT + pot.merchant]
    held = next((share for share in own if share.state == "held"), None)
    own = _latest(order, pot.merchant) or own
    terms = next((share.refund for share in own if share.refund is not msgspec.UNSET), RefundTerms())
    if any(_undivided(share) for share in own):
        whole = undivided(pot)
        all_of_it = Divided(whole.net_minor)
        parts = items.items(pot, whole, all_of_it)
        return Body(pot=pot, earned=whole, divided=all_of_it, items=parts, held=held, terms=terms, undivided=True)
    earned = _earned(pot, own)
    if earned is None:
        return Body(pot=pot, earned=None, divided=None, held=held, terms=terms)
    divided = trees.divide(MERCHANT + pot.merchant, earned.net_minor)
    if isinstance(divided, str) or trees.mistake:  # nobody below the merchant will ever be paid
        divided = Divided(earned.net_minor)
    found = items.items(pot, earned, divided)
    return Body(pot=pot, earned=earned, divided=divided, items=found, held=held, terms=terms)


def _undivided(share: Share) -> bool:
    """Tell whether an agreement has decided that a pot cannot be divided, by its share: held, or refunded since."""
    of_all = share.state == "held" or share.reason == "refunded"
    return of_all and bool(share.agreement_version) and share.earning is None


def _latest(order: Order, merchant: str) -> list[Share]:
    """Return the share by which the last late version was posted, if there was one: it says how the pot divides."""
    posted = [it for it in order.shares if it.path.startswith(ADJUSTMENT) and it.merchant == merchant and it.earning]
    return posted[-1:]


def _earned(pot: Pot, own: Sequence[Share]) -> Earning | None:
    """Return how a pot divided: as it is kept with a share, or as the one share of a pot paid at once says."""
    for share in own:
        if share.earning is not None:
            return share.earning
    paid = next((share for share in own if share.state != "held" and share.agreement_version), None)
    if paid is None:
        return None
    why = paid.breakdown
    commissions = (why.commission_minor,) if paid.commissions is msgspec.UNSET else paid.commissions
    platform_fee = min(why.commission_minor, pot.fee_minor - why.fee_minor)
    chain = bool(pot.freight_minor) and not why.freight_minor
    net, tax = _net(why), why.commission_tax_minor or 0
    whole = pot.goods_minor if chain else pot.goods_minor + pot.freight_minor
    return Earning(
        net_minor=net,
        commission_minor=why.commission_minor,
        fee_minor=why.fee_minor,
        platform_fee_minor=platform_fee,
        short_minor=net + why.commission_minor + tax - platform_fee - (whole - pot.fee_minor),
        chain=chain,
        commissions=commissions,
        taxes=_taxes(why) if paid.taxes is msgspec.UNSET else paid.taxes,
    )


def _taxes(why: Breakdown) -> tuple[int, ...]:
    """Return the tax on the commission of the one line that there is; nothing where none is charged."""
    return () if why.commission_tax_minor is msgspec.UNSET else (why.commission_tax_minor,)


def _net(why: Breakdown) -> int:
    brought = why.gross_minor + why.freight_minor + why.adjustments_minor
    return brought - why.commission_minor - (why.commission_tax_minor or 0) - why.fee_minor


def _chains(bodies: Sequence[Body], trees: Trees) -> tuple[dict[str, dict[str, int]], bool]:
    """Divide the freight for the logistics chain among its receivers, line by line, as when all of it is there."""
    found = [(body, it) for body in bodies for it in body.items if it.chain_minor]
    total = sum(it.chain_minor for _, it in found)
    divided = trees.divide(FREIGHT, total) if total else ""
    if isinstance(divided, str) or trees.mistake:  # it stays with the merchants
        return {it.line_id: {MERCHANT + body.pot.merchant: it.chain_minor} for body, it in found}, False
    weights = [portion.taken_minor - portion.passed_on_minor for portion in divided.portions]
    chains: dict[str, dict[str, int]] = {}
    done, before = 0, by_degrees(weights, 0)
    for _, it in found:
        done += it.chain_minor
        after = by_degrees(weights, done)
        parties = chains.setdefault(it.line_id, {})
        for portion, new, old in zip(divided.portions, after, before, strict=True):
            party = MERCHANT + portion.receiver
            parties[party] = parties.get(party, 0) + new - old
        before = after
    return chains, True
