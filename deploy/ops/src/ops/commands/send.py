"""`weir send`: pay the orders of a file at the institution, as their buyers would, and publish what the file has."""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Annotated, Final, NoReturn, Self

import typer
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from ops import addresses, olist
from ops.institution import InstitutionError
from ops.lag import KafkaUnreachableError
from ops.output import AsJson, Code, counted, emit, note, notes, stop
from ops.send import lines
from ops.send.draft import MerchantDraft, standard_terms
from ops.send.lines import BadLineError, Format
from ops.send.merchants import MerchantError
from ops.send.run import Seller, Sent, Source, run
from shared.marketplaces import Marketplace, Marketplaces, MarketplacesError
from shared.publisher import PublishError

MARKETPLACES: Final = Path("deploy/marketplaces.yaml")
UNREACHABLE: Final = (addresses.NoClusterError, InstitutionError, KafkaUnreachableError, MerchantError, PublishError)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("send")(send)


def send(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="JSON lines, plain or gzip.")],
    *,
    layout: Annotated[Format, typer.Option("--format", help="How a line is laid out (docs/cli.md).")] = Format.WEIR,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Events a second; without it as fast as it goes.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop before the order after the N-th.")] = None,
    marketplace: Annotated[str | None, typer.Option(help="Send everything as orders of this marketplace.")] = None,
    commission_bp: Annotated[
        int | None,
        typer.Option(min=0, max=10_000, help="Commission of merchants that the file names but does not define."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Pay the orders of a file at the institution, as their buyers would, and publish them and their progress to Kafka.

    Merchants are made first, and what the platform bears is funded. Sending the same file again changes nothing.
    """
    try:
        tenant = _tenant(marketplace or (olist.MARKETPLACE if layout is Format.OLIST else None))
    except MarketplacesError as error:
        stop(Code.USAGE, str(error))
    source, seller = _source(file, layout, tenant), _seller(layout, commission_bp)
    try:
        with Bar() as bar:
            sent = asyncio.run(run(source, addresses.load(), bar, rate=rate, limit=limit, seller=seller))
    except (BadLineError, OSError) as error:
        stop(Code.FAILED, str(error))
    except UNREACHABLE as error:
        _half_sent(error)
    answer(sent, as_json=as_json)


def _tenant(marketplace: str | None) -> Marketplace | None:
    if marketplace is None:
        return None
    found = Marketplaces.load(MARKETPLACES).find(marketplace)
    if found is None:
        message = f"{MARKETPLACES} has no marketplace {marketplace!r}"
        raise MarketplacesError(message)
    return found


def _source(file: Path, layout: Format, tenant: Marketplace | None) -> Source:
    if layout is Format.OLIST and tenant is not None:
        decode = lines.olist_decoder(tenant)
    else:
        decode = lines.weir_decoder(tenant)
    return lambda: (line.item for line in lines.read(file, decode))


def _seller(layout: Format, commission_bp: int | None) -> Seller | None:
    if layout is Format.OLIST and commission_bp is None:
        return olist.seller
    if commission_bp is None:
        return None
    terms = standard_terms(commission_bp)
    return lambda marketplace, merchant: MerchantDraft(
        marketplace=marketplace, merchant=merchant, name=merchant, agreement=terms
    )


def _half_sent(error: Exception) -> NoReturn:
    note("What was sent before stays sent; the same command again continues, since a repeat changes nothing.")
    stop(Code.UNREACHABLE, str(error))


def answer(sent: Sent, *, as_json: bool) -> None:
    """Say what a run sent."""
    if as_json:
        emit(
            {
                "marketplaces": sent.marketplaces,
                "orders": sent.orders,
                "progress": sent.progress,
                "merchants": sent.merchants,
                "seconds": round(sent.seconds, 3),
            }
        )
        return
    if sent.merchants:
        note(f"{counted(sent.merchants, 'merchant')} made, or there already as the file has them.")
    parts = [counted(sent.orders, "order")] if sent.orders else []
    parts += [counted(sent.progress, "step") + " of progress"] if sent.progress else []
    if not parts:
        note("The file has no orders and no progress: nothing was sent.")
        return
    speed = (sent.orders + sent.progress) / sent.seconds if sent.seconds else 0
    took = f"in {sent.seconds:.1f} s ({speed:,.0f} a second)"
    note(f"Sent {' and '.join(parts)} to {', '.join(sent.marketplaces)} {took}. Where they are: weir settled")


class Steps(ProgressColumn):
    """`12/1,000`; nothing for a stage whose length nobody knows."""

    def render(self, task: Task) -> Text:
        """Draw the cell of one stage."""
        known = task.fields["steps"] and task.total is not None
        return Text(f"{task.completed:,.0f}/{task.total:,.0f}" if known else "", style="progress.download")


class Bar:
    """A progress bar on standard error."""

    def __init__(self) -> None:
        """Draw nothing before the first stage."""
        columns = (TextColumn("{task.description}"), BarColumn(), Steps(), TimeElapsedColumn())
        self._progress = Progress(*columns, console=notes)
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing, leaving the last state: a stage that failed does not look done."""
        self._end_stage(done=kind is None)
        self._progress.stop()

    def stage(self, text: str, total: int | None = None) -> None:
        """Show a new stage; one that has nothing to do is not shown."""
        self._end_stage()
        self._task = None if total == 0 else self._progress.add_task(text, total=total, steps=total is not None)

    def _end_stage(self, *, done: bool = True) -> None:
        """Give the bar of a stage whose length nobody knew its end."""
        if self._task is not None and self._progress.tasks[self._task].total is None:
            self._progress.update(self._task, total=1, completed=int(done))

    def advance(self, steps: int) -> None:
        """Move the bar of the present stage."""
        if self._task is not None:
            self._progress.advance(self._task, steps)
