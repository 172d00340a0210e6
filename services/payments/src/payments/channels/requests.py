"""How instructions are cut into requests that a profile takes: of one payment so many legs, and each receiver once."""

from collections.abc import Iterator, Sequence

from payments.domain.instructions import Instruction
from shared.profiles import Profile


def requests(profile: Profile | None, instructions: Sequence[Instruction]) -> Iterator[Sequence[Instruction]]:
    """Give the requests in which to send these, in order; nearly always it is one.

    What is behind a leg that had to wait for the next request goes there too, so that a finish stays the last.
    """
    if profile is None or (profile.receivers_per_request_max is None and not profile.receiver_once_per_request):
        yield instructions
        return
    size, start, seen = profile.receivers_per_request_max, 0, dict[str, list[str]]()
    for place, it in enumerate(instructions):
        if it.kind != "payout":
            continue
        receivers = seen.setdefault(it.of or "", [])
        again = profile.receiver_once_per_request and it.receiver in receivers
        if again or len(receivers) == size:
            yield instructions[start:place]
            start, seen = place, {it.of or "": [it.receiver]}
        else:
            receivers.append(it.receiver)
    yield instructions[start:]
