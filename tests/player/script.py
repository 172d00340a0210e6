"""What is to go wrong in a refund, and what is told of its way. Without a script all goes well, and the end is told.

Whether something fails hangs on its receiver or payment and on how often it was tried, never on time or chance: the
same requests have the same answers.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from shared.messages import RefundRequested, RefundSettled

Stage = Literal["sending", "returned", "waiting_funds", "funded", "unknown"]
"""Where a refund is before its end. `sending`: the returns are at the institution; `returned`: they are final;
`waiting_funds`: the platform has not the money; `funded`: what the buyer gets is together and sent; `unknown`: nobody
knows of it."""

STAGES: Final[tuple[Stage, ...]] = ("sending", "returned", "waiting_funds", "funded", "unknown")
ALL: Final = "*"
"""Every receiver, or every payment."""


class Failure(msgspec.Struct, frozen=True):
    """Why something fails, and how often before it succeeds; without `times` it always does."""

    reason: str
    times: int | None = None


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """How one refund goes.

    `returns` fail by receiver (`merchant:acme`), `refunds` by the channel's payment id, either by `*`. `waits`: the
    platform lacks the money at first. `shown` are the stages told on the way; at `stop` the refund stays until it is
    let go. `fundings_first`: before the returns. `repeats`: so often more every revision is published, in which
    `order`.
    """

    returns: Mapping[str, Failure] = {}
    refunds: Mapping[str, Failure] = {}
    funding: Failure | None = None
    waits: bool = False
    fundings_first: bool = False
    shown: frozenset[Stage] = frozenset()
    stop: Stage | None = None
    repeats: int = 0
    order: Literal["told", "reversed", "shuffled"] = "told"


Choose = Callable[[RefundRequested], Script]
"""Gives the script of a refund, the same one for each of its revisions."""

SMOOTH: Final = Script()


def why(failures: Mapping[str, Failure], name: str, tried: int) -> str | None:
    """Return why the `tried`-th try for this receiver or payment fails; None when it succeeds."""
    failure = failures.get(name) or failures.get(ALL)
    return reason_of(failure, tried)


def reason_of(failure: Failure | None, tried: int) -> str | None:
    """Return why the `tried`-th try fails; None when it succeeds."""
    return None if failure is None or (failure.times is not None and tried > failure.times) else failure.reason


def arranged(script: Script, told: Sequence[RefundSettled]) -> list[RefundSettled]:
    """Return revisions as they are published: repeated, and out of order where the script says so."""
    found = [event for event in told for _ in range(1 + script.repeats)]
    if script.order == "reversed":
        found.reverse()
    elif script.order == "shuffled" and found:
        random.Random(f"{found[0].refund_id}/{found[0].revision}").shuffle(found)
    return found


def mixed(seed: int, troubled: float = 0.3) -> Choose:
    """Return scripts drawn by refund id: this part of the refunds has some trouble, and none is stopped."""

    def choose(event: RefundRequested) -> Script:
        draw = random.Random(f"{seed}/{event.marketplace}/{event.refund_id}")
        if draw.random() >= troubled:
            return SMOOTH
        return Script(
            returns={ALL: Failure("NOT_ENOUGH")} if draw.random() < 0.4 else {},
            refunds={ALL: Failure("ACCOUNT_ABNORMAL", times=1)} if draw.random() < 0.1 else {},
            waits=draw.random() < 0.2,
            fundings_first=draw.random() < 0.5,
            shown=frozenset(stage for stage in STAGES if draw.random() < 0.5),
            repeats=draw.choice((0, 0, 1)),
            order=draw.choice(("told", "reversed", "shuffled")),
        )

    return choose
