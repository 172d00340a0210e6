"""A world in which legs fail, come back late, are paused, and decided about by hand; it holds the laws of legs."""

from typing import Any

import msgspec
from tests.split.examples import agreement, copies, merchant, paid_order
from tests.split.told import paid_out
from tests.split.world import World

from split.domain.resting import Deed, refusal
from split.domain.settlements import settle
from split.domain.shares import Share, leg_id
from split.domain.stops import Stops

LEG = "test-a/o:1/merchant:m1/1"


class Cashier(World):
    """A world in which legs fail, come back late, are paused, and decided about by hand."""

    def open(self) -> list[tuple[str, str]]:
        """Return the legs that are with the institution, each with its payout."""
        return [
            (payout, leg) for payout, (_, states, _) in self.legs.items() for leg, it in states.items() if it == "open"
        ]

    def conclude(self, outcome: str, reason: str = "") -> None:
        """Have the institution do this with every leg that it has."""
        for payout in dict.fromkeys(payout for payout, _ in self.open()):
            self.end({leg: outcome for it, leg in self.open() if it == payout}, payout, reason)

    def end(self, outcomes: dict[str, str], payout: str, reason: str = "") -> None:
        """Have the institution do this with these legs of a payout."""
        self.reasons |= dict.fromkeys(outcomes, reason or "failed")
        self.answer(payout, outcomes)

    def bounce(self, reason: str = "account closed") -> None:
        """Have the bank send back all that was paid and has not come back."""
        for payout, (_, states, _) in list(self.legs.items()):
            back = {leg: "returned" for leg, it in states.items() if it == "succeeded"}
            if back:
                self.end(back, payout, reason)

    def repeat(self) -> None:
        """Tell of every payout again as it stands, in a revision that says nothing new."""
        for payout in list(self.legs):
            self.answer(payout, {})

    def late(self) -> None:
        """Bring a revision of every payout that is no longer news, as if all had been paid then."""
        for request, states, revision in self.legs.values():
            if revision:
                paid = dict.fromkeys(states, "succeeded")
                assert settle(self.order, paid_out(request, paid, revision, self.now)) is None

    def stop(self, stops: Stops) -> None:
        """Pause or resume, and look again."""
        self.stops = stops
        self.review()

    def by_hand(self, what: Any) -> None:  # noqa: ANN401 - a literal
        """Decide about every leg that may be decided about."""
        for share in self.order.shares:
            deed = Deed(what, leg_id(self.order.document_key, share))
            if refusal(self.order, deed) is None:
                self.review(deed)

    def check(self) -> None:
        """Hold the laws of legs beside those of the books."""
        super().check()
        attempts: dict[str, list[int]] = {}
        standing: dict[str, int] = {}
        for request, states, _ in self.legs.values():
            assert request.legs
            for leg in request.legs:
                attempts.setdefault(leg.leg_id, []).append(leg.attempt)
                standing[leg.leg_id] = standing.get(leg.leg_id, 0) + (states[leg.leg_id] in {"open", "succeeded"})
        assert all(found == list(range(1, len(found) + 1)) for found in attempts.values())
        assert all(count <= 1 for count in standing.values())
        shares = {leg_id(self.order.document_key, it): it for it in self.order.shares if it.attempt}
        assert {leg: it.attempt for leg, it in shares.items()} == {leg: max(it) for leg, it in attempts.items()}

    def leg(self) -> Share:
        """Return the share of the merchant's own leg."""
        return next(it for it in self.order.shares if leg_id(self.order.document_key, it) == LEG)


def cashier(**agreed: Any) -> Cashier:  # noqa: ANN401 - fields of an agreement
    """Return the world of one order of one line of 10,000, with 12 % commission."""
    return Cashier(paid_order(), copies(merchant("m1", agreement(**agreed))))


def known(it: Cashier, name: str, blocked: tuple[str, ...]) -> None:
    """Block a merchant, or let it be paid."""
    before = it.merchants.get(name) or merchant(name, agreement())
    it.change(msgspec.structs.replace(before, blocked=blocked, version=before.version + 1))
