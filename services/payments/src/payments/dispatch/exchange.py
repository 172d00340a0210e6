"""One exchange with an institution: ask after what was sent before, send the rest. Nothing is stored here."""

from collections.abc import Sequence

from payments.channels.port import Channel, NotSentError, UnansweredError
from payments.domain.instructions import Instruction
from payments.domain.outcomes import UNKNOWN, Answer


async def exchange(channel: Channel, account: str, wanted: Sequence[Instruction]) -> tuple[dict[str, Answer], bool]:
    """Return what became of instructions, by number, and whether the institution has answered.

    Raises:
        NotSentError: nothing was carried out by this request.

    """
    answers = await _ask(channel, account, [it for it in wanted if it.state != "sending"])
    # The same number and body again, also for what the institution does not know: not found is not final. What it
    # has paid is asked after, and never sent.
    unsent = [it for it in wanted if it.number not in answers and it.state != "succeeded"]
    if not unsent:
        return answers, True
    try:
        return answers | dict(await channel.carry_out(account, unsent)), True
    except UnansweredError:
        return answers | {it.number: UNKNOWN for it in unsent}, False


async def _ask(channel: Channel, account: str, sent: list[Instruction]) -> dict[str, Answer]:
    """Return what became of instructions sent before, without those that the institution does not know."""
    if not sent:
        return {}
    try:
        found = await channel.query(account, sent)
    except UnansweredError as error:  # asking changes nothing, so it is simply done again
        raise NotSentError(str(error)) from error
    return {number: answer for number, answer in found.items() if answer is not None}
