"""The commands that read records: `show` and `runs`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rich.table import Table
from rich.text import Text

from ..contracts.events import RunEvent
from ..contracts.types import RunPage, RunRecord, RunStatus, RunTrouble
from ..contracts.wire import run_workflow_id
from ..facade import RunsFacade
from .columns import Column
from .exit_codes import ExitCode
from .follow import existing
from .inputs import read_duration
from .output import printable, short
from .session import Session
from .tables import tell_table
from .timeline import Timeline, event_line
from .views import STATUS_STYLES, answer_lines, elapsed, question_text

_PAGE = 200
"""Events of one query. All of them are shown."""
_EACH = 1.0
"""Seconds between two looks of `--watch`: each is one small query."""


async def show(session: Session, run_id: str, *, events: bool = False, steps: bool = False) -> ExitCode:
    """`perdure show`. With `events`: the events of the run, each on a line; with `steps`: its supersteps, too."""
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
        if steps:
            from .steps import step_lines  # LangGraph reads the checkpoints, which costs a second

            for line in await step_lines(runs, record):
                session.output.line(line)
        for delivery in await runs.list_deliveries(run_id):
            if delivery.failure is not None:
                session.output.line(f"! {delivery.observer} was not told: {delivery.failure}")
        if record.status is RunStatus.AWAITING_INPUT:
            await _show_questions(session, runs, run_id)
    return ExitCode.OK


@dataclass(frozen=True, slots=True)
class Which:
    """The runs to list."""

    thread_id: str | None
    statuses: tuple[str, ...]
    graph: str | None
    since: datetime | None
    limit: int
    before: str | None


def read_since(text: str | None) -> datetime | None:
    """A time ago, or a date; one without a zone is this machine's. Raises `InvalidRunError`."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        return datetime.now(UTC) - timedelta(seconds=read_duration(text, "--since"))


async def runs(session: Session, which: Which) -> ExitCode:
    """`perdure runs`."""
    async with session.connect() as facade:
        _tell_page(session, which, await _page(facade, which))
    return ExitCode.OK


async def watch(session: Session, which: Which) -> ExitCode:
    """`perdure runs --watch`. In a pipe each list follows the one before; on a terminal it takes its place."""
    session.parting = lambda: "\nno longer watching; the runs go on"
    shown: RunPage | None = None
    async with session.connect() as facade:
        while True:
            if (page := await _page(facade, which)) != shown:
                shown = page
                session.output.clear()
                _tell_page(session, which, page)
            await asyncio.sleep(_EACH)


async def _page(facade: RunsFacade, which: Which) -> RunPage:
    return await facade.page_runs(
        which.thread_id,
        status=which.statuses,
        assistant_id=which.graph,
        since=which.since,
        limit=which.limit,
        before=which.before,
    )


def _tell_page(session: Session, which: Which, page: RunPage) -> None:
    tell_table(session.output, _COLUMNS, page.runs, _row, _notes(session, which, page))


def _notes(session: Session, which: Which, page: RunPage) -> Iterator[str]:
    waiting = Counter(record.trouble.message for record in page.runs if record.trouble and not record.trouble.count)
    for message, count in waiting.items():
        yield f"{count} wait{'s' * (count == 1)}: {message}"
    if not page.runs:
        yield _nothing(session, which)
    if page.next is not None:
        yield f"there are more: {session.hint('runs', '--before', page.next)} (with the same filters)"


def _nothing(session: Session, which: Which) -> str:
    if which.statuses or which.graph or which.since or which.before:
        return "no runs like that"
    where = "" if which.thread_id is None else f" of thread {which.thread_id}"
    return f"no runs{where}; start one: {session.hint('run', 'GRAPH')}"


async def events(session: Session, run_id: str, types: Sequence[str], after: int, limit: int | None) -> ExitCode:
    """`perdure events`."""
    async with session.connect() as facade:
        await _show_events(session, facade, run_id, types=types, after=after, limit=limit)
    return ExitCode.OK


async def _show_events(
    session: Session,
    runs: RunsFacade,
    run_id: str,
    *,
    types: Sequence[str] = (),
    after: int = 0,
    limit: int | None = None,
) -> None:
    shown = 0
    async for event in _events(runs, run_id, types, after):
        if session.output.as_json:
            session.output.json_line(event.model_dump_json())
        else:
            session.output.line(event_line(event))
        shown += 1
        if shown == limit:
            return


async def _events(runs: RunsFacade, run_id: str, types: Sequence[str] = (), after: int = 0) -> AsyncIterator[RunEvent]:
    """All of them, in order. A page at a time, since they hold whole conversations."""
    while page := await runs.list_events(run_id, types=types, after=after, limit=_PAGE):
        for event in page:
            yield event
        after = page[-1].seq


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
        ("created", local(record.created_at)),
        ("started", local(record.started_at)),
        ("ended", local(record.ended_at) + ("" if seconds is None else f" (after {seconds:.1f} s)")),
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
    if not trouble.count:
        return f"since {local(trouble.since)}: {trouble.message}"
    times = f"{trouble.count} attempt{'s' * (trouble.count > 1)} failed since {local(trouble.since)}"
    return f"{times}; the last one: {trouble.type}: {trouble.message}"


_COLUMNS = (
    Column("RUN"),
    Column("GRAPH", 10),
    Column("STATUS"),
    Column("STEPS", right=True),
    Column("TOOK", right=True),
)
"""An id of 36 places, and what is left of 80. The rest of a run tells `perdure show`."""


def _row(record: RunRecord) -> tuple[str, ...]:
    seconds = elapsed(record)
    if seconds is None and record.started_at is not None:
        seconds = (datetime.now(UTC) - record.started_at).total_seconds()
    took = "" if seconds is None else f"{seconds:.1f} s"
    return record.run_id, record.assistant_id, record.status, str(record.steps), took


def _status(status: RunStatus) -> Text:
    return Text(status, STATUS_STYLES.get(status, ""))


def local(time: datetime | None, *, short: bool = False) -> str:
    """This machine's time; `short`: without year and seconds."""
    if time is None:
        return ""
    form = "%m-%d %H:%M" if short else "%Y-%m-%d %H:%M:%S"
    return time.replace(tzinfo=time.tzinfo or UTC).astimezone().strftime(form)
