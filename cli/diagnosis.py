"""The commands that look at the installation: `doctor`, `setup` and `graphs`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from ..contracts.errors import GraphLoadError
from ..contracts.workers import served_graphs
from ..runtime import abandon as runtime_abandon
from ..runtime.check import Check
from ..runtime.connection import connect_temporal
from ..runtime.doctor import announced_workers, declared_graphs, examine
from ..runtime.namespace import examine_namespace, set_up_namespace
from ..runtime.unserved import load_failure, why_not_served
from .exit_codes import ExitCode
from .logs import configure_core
from .output import Output, printable
from .session import Session

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


async def doctor(session: Session) -> ExitCode:
    """`perdure doctor`: 0 without a failure, 1 if one is this machine's, else 69."""
    configure_core()
    failed = await _shown(session.output, examine(session.config))
    if not failed:
        return ExitCode.OK
    return ExitCode.UNAVAILABLE if all(check.service for check in failed) else ExitCode.FAILED


async def setup(session: Session, *, only_check: bool) -> ExitCode:
    """`perdure setup`: 0 when the namespace is ready for runs, 69 when Temporal cannot be reached, else 1."""
    configure_core()
    client = await connect_temporal(session.settings)
    look = examine_namespace(client, session.settings, missing="fail")
    failed = await _shown(session.output, look if only_check else set_up_namespace(client, session.settings))
    return ExitCode.FAILED if failed else ExitCode.OK


async def _shown(output: Output, checks: AsyncIterator[Check]) -> list[Check]:
    """Each as soon as it is there; those that have failed."""
    seen = list[Check]()
    async for check in checks:
        seen.append(check)
        if not output.as_json:
            _show(output, check)
    failed = [check for check in seen if check.level == "fail"]
    if output.as_json:
        output.document({"ok": not failed, "checks": [check.model_dump() for check in seen]})
    return failed


async def graphs(session: Session) -> ExitCode:
    """`perdure graphs`."""
    settings = session.settings
    try:
        declared, problem = declared_graphs(settings.graphs), None
    except GraphLoadError as exc:
        declared, problem = dict[str, str](), exc
    workers = await announced_workers(settings)
    now = datetime.now(UTC)
    served = served_graphs(workers, now)
    if problem is not None and not served:
        raise problem
    if problem is not None:
        session.output.note(f"warning: {problem}")
    missing = sorted(set(declared) - set(served))
    failure = await load_failure(settings) if missing else None
    reasons = {name: why_not_served(name, workers, failure, now, settings.queue_of(name)) for name in missing}
    if session.output.as_json:
        document = {"file": str(settings.graphs), "declared": declared, "served": served, "reasons": reasons}
        session.output.document({**document, "task_queue": settings.temporal.task_queue})
    else:
        session.output.show(_table(declared, served))
        for name, reason in reasons.items():
            session.output.line(f"{printable(name)} is not served: {printable(reason)}")
    return ExitCode.OK


async def abandon(namespace_id: str, session: Session) -> ExitCode:
    """`perdure abandon`."""
    await runtime_abandon.abandon(session.settings, namespace_id)
    text = f"the Temporal with the namespace {namespace_id} is gone for good: a worker ends its open runs as errors"
    session.output.result({"abandoned": namespace_id}, text)
    return ExitCode.OK


def _show(output: Output, check: Check) -> None:
    output.show(Text.assemble((f"{check.level:<4}", _STYLES[check.level]), f"  {check.name:<17}  ", check_text(check)))
    if check.advice:
        output.line(f"      → {check.advice}")


def check_text(check: Check) -> str:
    """What was found, its further lines below the first."""
    return printable(check.detail).replace("\n", "\n" + 25 * " ")


def _table(declared: dict[str, str], served: list[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("GRAPH", "SERVED", "FROM"):
        table.add_column(name)
    for name in sorted({*declared, *served}):
        table.add_row(Text(printable(name)), "yes" if name in served else "no", Text(printable(declared.get(name, ""))))
    return table
