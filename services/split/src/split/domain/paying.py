"""Paying a charge again whose leg came back: by the profile's closed list, the clock and the gate, like an order's."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import msgspec

from shared.profiles import shipped
from split.domain.charges import Charge
from split.domain.funding import Standing
from split.domain.gates import Gate
from split.domain.resting import Deed, resume
from split.domain.rounds import Decision, Round

STOPPED_AGAIN: Final = timedelta(minutes=5)
"""When a charge is looked at again that the gate has stopped: no news wakes it, since few ever come back."""


def paid_again(
    charge: Charge, gate: Gate, standings: Mapping[str, Standing], deed: Deed | None = None
) -> Decision | None:
    """Decide about the legs of a charge that came back, or do what two people have decided. None: nothing changes."""
    pass_ = Round(msgspec.structs.replace(charge, look_at=msgspec.UNSET), gate, standings)
    resume(pass_, shipped().find(charge.channel_profile), (), deed)
    if any(share.stopped for share in pass_.shares):
        pass_.look(gate.now + STOPPED_AGAIN)
    decision = pass_.close()
    return None if decision.order == charge else decision
