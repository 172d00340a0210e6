"""`weir audit`: prove on the live stores that no money was lost, made or paid twice."""

from typing import Annotated

import typer

from ops import addresses, lag, reach
from ops.audit.findings import LAWS
from ops.audit.run import Report, Scope
from ops.audit.run import run as run_audit
from ops.institution import Institution
from ops.letters import topics_of
from ops.output import AsJson, Code, emit, note, notes, table
from ops.settled import Look
from ops.stores import opened


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("audit")(audit)


def audit(
    *,
    marketplace: Annotated[str | None, typer.Option(help="Only this marketplace.")] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that the books are right, on the live stores and against the institution's own record. It only reads.

    Exit code 0 when every law holds, 1 on any breach.
    """
    report = reach.run(_audit(marketplace))
    if as_json:
        emit(report.answer())
    else:
        _show(report)
    raise typer.Exit(Code.FAILED if report.findings.total else Code.OK)


async def _audit(marketplace: str | None) -> Report:
    found, stated = addresses.load(), reach.topics()
    async with (
        opened(found.found("mongo"), found.prefix) as stores,
        Institution(found.found("institution")) as institution,
    ):
        look = Look(stores, found.found("kafka"), tuple(topics_of(list(stated))))
        with notes.status("") as status:
            scope = Scope(marketplace, lag.groups(stated))
            return await run_audit(look, institution, scope, lambda step: status.update(f"audit: {step}"))


def _show(report: Report) -> None:
    answer = report.answer()
    figures = [(name, figure) for name, figure in answer.items() if isinstance(figure, int)]
    table("Audit", ("what", "figure"), figures)
    if waits := report.tally.answer(report.at_ms):
        waiting = [(it["place"], it["reason"], it["orders"], _seconds(it["oldest_s"])) for it in waits]
        table("Orders that wait", ("place", "why", "orders", "oldest"), waiting)
    if report.flights:
        moving = [(it.kind, it.where, it.count, _seconds(it.oldest_s)) for it in report.flights]
        table("Under way inside Weir when it began", ("what", "where", "how many", "oldest"), moving)
    if report.findings.total:
        rows = [(it.law, it.id, it.detail) for it in report.findings.shown]
        table(f"Breaches: {report.findings.total:,}", ("law", "id", "detail"), rows)
        for law in sorted({it.law for it in report.findings.shown}):
            note(f"{law}: {LAWS[law]}")
    else:
        note(f"All {len(LAWS)} laws hold.")
    note(f"It took {report.usage.seconds:,.1f} s.")


def _seconds(age_s: float | None) -> str:
    return "" if age_s is None else f"{age_s:,.1f} s"
