"""The commands that read records: `show` and `runs`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from ..contracts.events import RunEvent
from ..contracts.types import RunRecord, RunStatus, RunTrouble
from ..contracts.wire import run_workflow_id
from ..facade import RunsFacade
from .exit_codes import ExitCode
from .follow import existing
from .output import printable, short
from .session import Session
from .timeline import Timeline, event_line
from .views import STATUS_STYLES, answer_lines, elapsed, question_text

_PAGE = 200


async def show(session: Session, run_id: str, *, events: bool = False) -> ExitCode:
    """`perdure show`. With `events`: the events of the run, each on a line."""
    async with session.connect() as runs:
        record = await existing(runs, run_id)
        if events:
            await _show_events(session, runs, run_id)
            return ExitCode.OK
        if session.output.as_json:
            session.output.json_line(record.model_dump_json())
            return ExitCode.OK
        session.output.show(_details(record))
        for line in Timeline(record, [event async for event in _events(runs, run_id)]).lines():
            session.output.line(line)
        for delivery in await runs.list_deliveries(run_id):
            if delivery.failure is not None:
                session.output.line(f"! {delivery.observer} was not told: {delivery.failure}")
        if record.status is RunStatus.AWAITING_INPUT:
            await _show_questions(session, runs, run_id)
    return ExitCode.OK


async def runs(session: Session, thread_id: str | None, limit: int) -> ExitCode:
    """`perdure runs`."""
    async with session.connect() as facade:
        records = await facade.list_runs(thread_id, limit=limit)
    if session.output.as_json:
        session.output.document([record.model_dump(mode="json") for record in records])
    elif records:
        session.output.show(_table(records))
    else:
        where = "" if thread_id is None else f" of thread {thread_id}"
        session.output.note(f"no runs{where}; start one: {session.hint('run', 'GRAPH')}")
    return ExitCode.OK


async def _show_events(session: Session, runs: RunsFacade, run_id: str) -> None:
    async for event in _events(runs, run_id):
        if session.output.as_json:
            session.output.json_line(event.model_dump_json())
        else:
            session.output.line(event_line(event))


async def _events(runs: RunsFacade, run_id: str) -> AsyncIterator[RunEvent]:
    """All of them, in order. A page at a time, since they hold whole conversations."""
    last = 0
    while page := await runs.list_events(run_id, after=last, limit=_PAGE):
        for event in page:
            yield event
        last = page[-1].seq


async def _show_questions(session: Session, runs: RunsFacade, run_id: str) -> None:
    questions = [*(await runs.join_wait(run_id)).interrupts]
    for question in questions:
        session.output.line(f"? {question_text(question)}")
    session.output.note("\n".join(answer_lines(questions, lambda value: session.hint("resume", run_id, value))))


def _details(record: RunRecord) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, text in _facts(record):
        table.add_row(Text(name, "dim"), _status(record.status) if name == "status" else Text(printable(text)))
    return table


def _facts(record: RunRecord) -> list[tuple[str, str]]:
    seconds = elapsed(record)
    facts = [
        ("run", record.run_id),
        ("graph", record.assistant_id),
        ("thread", record.thread_id + (" (its own)" if record.temporary else "")),
        ("status", record.status),
        ("steps", str(record.steps)),
        ("attempt", str(record.attempt)),
        ("trouble", _trouble(record.trouble)),
        ("created", _local(record.created_at)),
        ("started", _local(record.started_at)),
        ("ended", _local(record.ended_at) + ("" if seconds is None else f" (after {seconds:.1f} s)")),
        ("title", record.title or ""),
        ("cancelled", record.cancel_action or ""),
        ("error", f"{record.error.type}: {record.error.message}" if record.error else ""),
        ("traceback", (record.error and record.error.traceback) or ""),
        ("metadata", short(record.metadata, 1000) if record.metadata else ""),
        ("follows", record.follow_up_to_run_id or ""),
        ("workflow", run_workflow_id(record.run_id)),
    ]
    return [(name, text) for name, text in facts if text]


def _trouble(trouble: RunTrouble | None) -> str:
    if trouble is None:
        return ""
    times = f"{trouble.count} attempt{'s' * (trouble.count > 1)} failed since {_local(trouble.since)}"
    return f"{times}; the last one: {trouble.type}: {trouble.message}"


def _table(records: Sequence[RunRecord]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("RUN", "GRAPH", "STATUS", "STEPS", "CREATED", "TOOK", "THREAD"):
        table.add_column(name, justify="right" if name in ("STEPS", "TOOK") else "left")
    for record in records:
        seconds = elapsed(record)
        table.add_row(
            record.run_id,
            Text(printable(record.assistant_id)),
            _status(record.status),
            str(record.steps),
            _local(record.created_at),
            "" if seconds is None else f"{seconds:.1f} s",
            Text(printable(record.thread_id)),
        )
    return table


def _status(status: RunStatus) -> Text:
    return Text(status, STATUS_STYLES.get(status, ""))


def _local(time: datetime | None) -> str:
    if time is None:
        return ""
    return time.replace(tzinfo=time.tzinfo or UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
