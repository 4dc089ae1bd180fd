"""Following a run's stream to its end, or to a question that is open."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from ..contracts.errors import RunNotFoundError
from ..contracts.types import AWAITING_INPUT_EVENT, HEARTBEAT_EVENT, TERMINAL_EVENTS, RunRecord, RunStatus
from .answering import answered
from .exit_codes import ExitCode, for_status
from .session import Session

if TYPE_CHECKING:
    from ..facade import RunsFacade
    from .views import View

_SILENCE = 0.3
"""Seconds without an event after which a question is the last thing that the stream has said."""


def view_for(session: Session, run_id: str) -> View:
    """The view that fits stdout."""
    from .views import JsonView, LineView, TerminalView

    if session.output.as_json:
        return JsonView(session.output)
    if session.output.live:
        return TerminalView(session.output.console, lambda value: session.hint("resume", run_id, value))
    return LineView(session.output)


async def existing(runs: RunsFacade, run_id: str) -> RunRecord:
    """The run's record. Raises `RunNotFoundError`."""
    record = await runs.get_run(run_id)
    if record is None:
        raise RunNotFoundError(run_id)
    return record


async def follow(session: Session, runs: RunsFacade, run_id: str, *, last_event_id: str | None = None) -> ExitCode:
    """Show the events from `last_event_id` on; the code of how the run ended, or that it waits for an answer.

    In the history of a run there may be questions that were answered long ago, so a question ends the stream only
    if nothing follows it and the record says that the run waits.
    """
    stream = await runs.join_stream(run_id, last_event_id=last_event_id, heartbeat_interval=_SILENCE)
    view = view_for(session, run_id)
    position, at_question = last_event_id or "0", False
    session.parting = lambda: _parting(session, run_id, position)
    view.begin(await existing(runs, run_id))
    async with aclosing(stream):
        async for event in stream:
            if event.event == HEARTBEAT_EVENT:
                if at_question and (await existing(runs, run_id)).status is RunStatus.AWAITING_INPUT:
                    if not await answered(session, runs, run_id):
                        return ExitCode.AWAITING_INPUT
                    at_question = False
                continue
            position, at_question = event.id, event.event == AWAITING_INPUT_EVENT
            view.show(event)
            if event.event in TERMINAL_EVENTS:
                break
    record = await existing(runs, run_id)
    view.end(record)
    return for_status(record.status)


def _parting(session: Session, run_id: str, event_id: str) -> str:
    back = session.hint("stream", run_id, "--last-event-id", event_id)
    return f"\nleft run {run_id}, which goes on\n  come back: {back}\n  stop it: {session.hint('cancel', run_id)}"
