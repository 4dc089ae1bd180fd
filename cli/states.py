"""The commands that read the state of a thread: `state` and `history`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from ..contracts.threads import ThreadSnapshot, ThreadTask
from .exit_codes import ExitCode
from .output import printable, short
from .session import Session
from .views import question_text

_STORED = "as it is stored, without the graph: values may be missing, and what has finished in a step is not known"


async def state(session: Session, thread_id: str, checkpoint_id: str | None, *, stored: bool) -> ExitCode:
    """`perdure state`."""
    async with session.connect() as runs:
        found = await runs.get_state(thread_id, checkpoint_id, stored=stored)
    if found is None:
        at = "" if checkpoint_id is None else f" at checkpoint {checkpoint_id!r}"
        session.output.note(f"thread {thread_id!r} has no state{at}")
        if session.output.as_json:
            session.output.document(None)
        return ExitCode.NOT_FOUND
    if session.output.as_json:
        session.output.json_line(found.model_dump_json())
        return ExitCode.OK
    session.output.show(_details(found))
    session.output.pretty(found.values)
    return ExitCode.OK


async def update(
    session: Session, thread_id: str, values: Any, as_node: str | None, checkpoint_id: str | None
) -> ExitCode:
    """`perdure update`."""
    async with session.connect() as runs:
        made = await runs.update_state(thread_id, values, as_node=as_node, checkpoint_id=checkpoint_id)
    if session.output.as_json:
        session.output.document(None if made is None else made.model_dump(mode="json"))
    elif made is not None:
        session.output.show(_details(made))
        session.output.pretty(made.values)
    return ExitCode.OK


async def history(session: Session, thread_id: str, limit: int, before: str | None, *, stored: bool) -> ExitCode:
    """`perdure history`."""
    async with session.connect() as runs:
        found = await runs.history(thread_id, limit=limit, before=before, stored=stored)
    if session.output.as_json:
        session.output.document([one.model_dump(mode="json") for one in found])
    elif found:
        session.output.show(_table(found))
    else:
        session.output.note(f"thread {thread_id!r} has no states{'' if before is None else ' before that one'}")
    return ExitCode.OK


def _details(state: ThreadSnapshot) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, text in _facts(state):
        table.add_row(Text(name, "dim"), Text(printable(text)))
    return table


def _facts(state: ThreadSnapshot) -> Iterator[tuple[str, str]]:
    yield "thread", state.thread_id
    yield "checkpoint", state.checkpoint_id
    if state.source == "stored":
        yield "shown", _STORED
    yield "step", _step(state)
    yield "next", ", ".join(state.next) or "nothing: the graph is at its end"
    for task in state.tasks:
        yield "task", _task(task)
    for question in state.interrupts:
        yield "asks", f"{short(question_text(question))} ({question.id})"


def _step(state: ThreadSnapshot) -> str:
    return f"{state.metadata.get('step', '?')}, of {state.metadata.get('source', '?')}"


def _task(task: ThreadTask) -> str:
    if task.error is not None:
        return f"{task.name}: {short(task.error)}"
    if task.result is not None:
        return f"{task.name}: finished"
    return f"{task.name}: {'asks' if task.interrupts else 'due'}"


def _table(states: Sequence[ThreadSnapshot]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("CHECKPOINT", "STEP", "SOURCE", "NEXT", "VALUES"):
        table.add_column(name, justify="right" if name == "STEP" else "left")
    for state in states:
        table.add_row(
            state.checkpoint_id,
            str(state.metadata.get("step", "")),
            str(state.metadata.get("source", "")),
            Text(printable(", ".join(state.next))),
            Text(printable(short(state.values, 80))),
        )
    return table
