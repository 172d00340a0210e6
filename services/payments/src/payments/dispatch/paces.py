"""How many requests a second each profile takes, as its file says, for the lanes of each operation."""

from collections.abc import Callable
from typing import Final, Literal

from payments.dispatch.lanes import Line, Pace
from shared.profiles import shipped
from shared.profiles.behaviour import Operation

FINISH: Final = "finish"


def of(operation: Operation) -> Callable[[Line], Pace]:
    """Return what tells the pace of a lane of this operation.

    Every replica keeps to it by itself: with several, an institution may still say that it is asked too often.
    """

    def pace(line: Line) -> Pace:
        profile = shipped().find(line.profile)
        if profile is None:
            return Pace()
        rates = profile.rates
        return Pace(rates.per_receiver.get(FINISH) if line.receiver else rates.per_account.get(operation))

    return pace


def receiver_of(profile: str, kind: Literal["pay", "finish", "cancel"], receiver: str) -> str:
    """Return whose lane a payout of this kind takes: the receiver's own, where its profile limits each of them."""
    known = shipped().find(profile) if kind == FINISH else None
    return receiver if known is not None and FINISH in known.rates.per_receiver else ""
