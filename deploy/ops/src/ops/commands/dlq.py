"""`weir dlq`: records that a service could not take, and sending them back once they can be taken."""

import getpass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from ops import addresses, letters, reach, redrives
from ops.addresses import MONGO_FOR_REQUESTS
from ops.letters import Letter
from ops.output import AsJson, Code, counted, emit, moment, note, screen, stop, table
from ops.send.run import Pace
from ops.stores import SERVICES, opened
from shared.publisher import Publisher


class Disposition(StrEnum):
    """Why a service could not take a record: nobody can read it, it breaks the contract, or it breaks a rule."""

    MALFORMED = "malformed"
    CONTRACT = "contract"
    BUSINESS = "business"


Topic = Annotated[str | None, typer.Option(help="Only letters of this topic, such as order-paid.")]
Service = Annotated[str | None, typer.Option(help="Only letters of this service.")]
Key = Annotated[
    str | None, typer.Option(help="Only letters whose key begins so: <marketplace>/ or <marketplace>/<id>.")
]
Fault = Annotated[Disposition | None, typer.Option("--disposition", help="Only those that failed so.")]
COLUMNS = ("id", "key", "disposition", "error", "last failed at (UTC)", "sent back")


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(help="Records that a service could not take.", no_args_is_help=True)
    group.command("list")(listed)
    group.command("show")(show)
    group.command("redrive")(redrive)
    app.add_typer(group, name="dlq")


class Filter:
    """Which letters are meant; every word that is given must fit."""

    def __init__(self, topic: str | None, service: str | None, key: str | None, disposition: str | None) -> None:
        """Keep the words; one that nothing can fit is a mistake of the caller."""
        if service not in (None, *SERVICES):
            stop(Code.USAGE, f"{service!r} is no service; there are {', '.join(SERVICES)}")
        self._service = service
        self._key = key
        self._disposition = disposition
        self.topics = [
            it.name for it in reach.topics() if it.dead_letters_of and topic in (None, it.dead_letters_of, it.name)
        ]
        if not self.topics:
            stop(Code.USAGE, f"{topic!r} has no dead letters: it is no topic of {reach.TOPICS}")

    def __call__(self, letter: Letter) -> bool:
        """Return whether this letter is meant."""
        return (
            self._service in (None, letter.service)
            and letter.order.startswith(self._key or "")
            and self._disposition in (None, letter.facts.get("disposition"))
        )


def listed(
    *,
    topic: Topic = None,
    service: Service = None,
    key: Key = None,
    disposition: Fault = None,
    as_json: AsJson = False,
) -> None:
    """Show the dead letters: what, why, when, and whether it was sent back."""
    rows = reach.run(_listed(Filter(topic, service, key, disposition)))
    if as_json:
        emit({"letters": rows})
    else:
        table("Dead letters", COLUMNS, [_row(row) for row in rows])


def _row(letter: dict[str, Any]) -> tuple[object, ...]:
    failed, sent_back = moment(letter["last_failed_at"]), "yes" if letter["redriven"] else ""
    return letter["id"], letter["key"], letter["disposition"], letter["error"], failed, sent_back


def show(
    identity: Annotated[str, typer.Argument(metavar="ID", help="As `weir dlq list` names it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter whole: headers, value, whence it comes. Exit code 1 when there is none of that id."""
    topic = identity.partition("/")[0]
    letter = reach.run(_found(topic, identity))
    if letter is None:
        stop(Code.FAILED, f"there is no dead letter {identity}")
    headers = [[name, (content or b"").decode(errors="backslashreplace")] for name, content in letter.headers]
    value = (letter.value or b"").decode(errors="backslashreplace")
    if as_json:
        emit({**letter.described(), "headers": headers, "value": value})
        return
    table(identity, ("header", "value"), headers)
    screen.print(value, markup=False, highlight=False)


def redrive(  # noqa: PLR0913 - the options of the command
    identity: Annotated[str | None, typer.Argument(metavar="ID", help="One letter; without it all that fit.")] = None,
    *,
    reason: Annotated[str, typer.Option(help="Why it can be taken now; recorded.")],
    topic: Topic = None,
    service: Service = None,
    key: Key = None,
    disposition: Fault = None,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Letters a second.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Also letters that were sent back before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent back, and send nothing.")] = False,
    actor: Annotated[str, typer.Option(default_factory=getpass.getuser, help="Who sends back; recorded.")],
    as_json: AsJson = False,
) -> None:
    """Send dead letters back to the topic they come from, for the one service that could not take them.

    Ids are kept, so that sending back twice is harmless. Exit code 1 when no letter fits.
    """
    wanted = Filter(topic or (identity.partition("/")[0] if identity else None), service, key, disposition)
    found = reach.run(_fitting(wanted, identity, again=again))
    if found and not dry_run:
        reach.run(_redrive(frozenset(found), Pace(rate), actor, reason))
    if as_json:
        emit({"redriven": 0 if dry_run else len(found), "dry_run": dry_run, "letters": found})
    if not found:
        stop(Code.FAILED, "no dead letter fits")
    note(f"sent back{', were this no dry run' if dry_run else ''}: {counted(len(found), 'dead letter')}")


async def _listed(wanted: Filter) -> list[dict[str, Any]]:
    found = addresses.load()
    async with opened(found.found("mongo"), found.prefix) as stores:
        done = await redrives.done(stores)
    return [
        {**letter.described(), "redriven": letter.id in done}
        async for letter in letters.read(found.found("kafka"), wanted.topics, wanted)
    ]


async def _found(topic: str, identity: str) -> Letter | None:
    fitting = letters.read(addresses.load().found("kafka"), [topic], lambda letter: letter.id == identity)
    return next(iter([letter async for letter in fitting]), None)


async def _fitting(wanted: Filter, identity: str | None, *, again: bool) -> list[str]:
    rows = [row for row in await _listed(wanted) if identity in (None, row["id"]) and (again or not row["redriven"])]
    if cut := [row["id"] for row in rows if row["cut"]]:
        note(f"{len(cut):,} are left: of a record that was too large only the beginning is here ({cut[0]}, …)")
    return [row["id"] for row in rows if not row["cut"]]


async def _redrive(wanted: frozenset[str], pace: Pace, actor: str, reason: str) -> None:
    found = addresses.load()
    topics = sorted({identity.partition("/")[0] for identity in wanted})
    publisher = Publisher(found.found("kafka"), "weir-dlq")
    try:
        async with opened(found.found(MONGO_FOR_REQUESTS), found.prefix) as stores:
            async for letter in letters.read(found.found("kafka"), topics, lambda letter: letter.id in wanted):
                await pace.wait(1)
                await redrives.send_back(stores, publisher, letter, actor=actor, reason=reason, now=datetime.now(UTC))
    finally:
        await publisher.stop()
