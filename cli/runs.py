"""The commands that start, follow, stop and answer runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..contracts.errors import RunNotFoundError, ThreadNotFoundError
from ..contracts.types import CheckpointRequest, RunRecord, RunScope, RunSpec, RunStatus, WaitResult, new_run_id
from .exit_codes import ExitCode, for_status
from .follow import existing, follow
from .session import Session
from .spec import DEFAULT_MODES, Then

if TYPE_CHECKING:
    from ..facade import RunsFacade

_PATIENCE = 2.0
"""Seconds after which a user is told what the command waits for."""


async def start(session: Session, spec: RunSpec, then: Then, *, new_thread: bool) -> ExitCode:
    """`perdure run`."""
    async with session.connect() as runs:
        record = await _submit(session, spec.run_id or "", lambda: runs.create_background(spec))
        if new_thread:
            session.output.note(f"new thread {record.thread_id}")
        return await _then(session, runs, record, then)


async def retry(session: Session, run_id: str, new_id: str | None, then: Then) -> ExitCode:
    """`perdure retry`."""
    new = new_id or new_run_id()
    async with session.connect() as runs:
        record = await _submit(session, new, lambda: runs.retry(run_id, new_run_id=new))
        return await _then(session, runs, record, then)


async def fork(
    session: Session, thread_id: str, checkpoint_id: str, input: Any, run_id: str | None, then: Then
) -> ExitCode:
    """`perdure fork`."""
    async with session.connect() as runs:
        thread = await runs.get_thread(thread_id)
        if thread is None or thread.assistant_id is None:
            raise ThreadNotFoundError(thread_id)
        spec = RunSpec(
            assistant_id=thread.assistant_id,
            scope=RunScope(thread_id=thread_id),
            run_id=run_id or new_run_id(),
            input=input,
            checkpoint_request=CheckpointRequest(checkpoint_id=checkpoint_id),
            stream_modes=DEFAULT_MODES,
        )
        record = await _submit(session, spec.run_id or "", lambda: runs.create_background(spec))
        return await _then(session, runs, record, then)


async def _then(session: Session, runs: RunsFacade, record: RunRecord, then: Then) -> ExitCode:
    if then is Then.STREAM:
        return await follow(session, runs, record.run_id)
    if then is Then.WAIT:
        return await _wait(session, runs, record.run_id)
    _tell_submitted(session, record)
    return ExitCode.OK


async def stream(session: Session, run_id: str, last_event_id: str | None) -> ExitCode:
    """`perdure stream`."""
    async with session.connect() as runs:
        return await follow(session, runs, run_id, last_event_id=last_event_id)


async def wait(session: Session, run_id: str) -> ExitCode:
    """`perdure wait`."""
    async with session.connect() as runs:
        return await _wait(session, runs, run_id)


async def cancel(session: Session, run_id: str, action: str) -> ExitCode:
    """`perdure cancel`."""
    async with session.connect() as runs:
        accepted = await runs.cancel(run_id, action=action)
        return await _tell_stop(session, runs, run_id, accepted, f"run {run_id} is told to stop at once")


async def interrupt(session: Session, run_id: str) -> ExitCode:
    """`perdure interrupt`."""
    async with session.connect() as runs:
        accepted = await runs.interrupt(run_id)
        return await _tell_stop(session, runs, run_id, accepted, f"run {run_id} is told to stop at its next step")


async def resume(session: Session, run_id: str, value: Any) -> ExitCode:
    """`perdure resume`."""
    async with session.connect() as runs:
        look = session.hint("show", run_id)
        session.parting = lambda: f"\nrun {run_id} may get its answer when a worker is there; look: {look}"
        with _patience(session, "a worker that takes the answer"):
            await runs.resume(run_id, value)
    session.output.result({"run_id": run_id, "accepted": True}, f"run {run_id} has its answer and goes on")
    session.output.note(f"  follow: {session.hint('stream', run_id)}")
    return ExitCode.OK


async def delete(session: Session, run_id: str) -> ExitCode:
    """`perdure delete RUN`."""
    async with session.connect() as runs:
        with _patience(session, f"run {run_id} to stop"):
            if not await runs.delete_run(run_id):
                raise RunNotFoundError(run_id)
    session.output.result({"run_id": run_id, "deleted": True}, f"run {run_id} is deleted")
    return ExitCode.OK


async def delete_thread(session: Session, thread_id: str) -> ExitCode:
    """`perdure delete --thread THREAD`."""
    async with session.connect() as runs:
        with _patience(session, f"the runs of thread {thread_id} to stop"):
            if not await runs.delete_thread(thread_id):
                raise ThreadNotFoundError(thread_id)
    session.output.result({"thread_id": thread_id, "deleted": True}, f"thread {thread_id} is deleted")
    return ExitCode.OK


async def _submit(session: Session, run_id: str, create: Callable[[], Awaitable[RunRecord]]) -> RunRecord:
    session.parting = lambda: f"\nrun {run_id} may have been submitted; look: {session.hint('show', run_id)}"
    temporal = session.settings.temporal
    waits_for = f"a worker of task queue {temporal.task_queue!r} (at most {temporal.submit_timeout:g} s)"
    with _patience(session, waits_for):
        return await create()


async def _wait(session: Session, runs: RunsFacade, run_id: str) -> ExitCode:
    back = session.hint("wait", run_id)
    session.parting = lambda: f"\nleft run {run_id}, which goes on\n  come back: {back}"
    result = await runs.join_wait(run_id)
    if session.output.as_json:
        session.output.json_line(result.model_dump_json())
    else:
        _tell_result(session, result)
    return for_status(result.status)


def _tell_result(session: Session, result: WaitResult) -> None:
    from .views import answer_lines, question_text

    if result.values is not None:
        session.output.pretty(result.values)
    for question in result.interrupts:
        session.output.line(f"? {question_text(question)}")
    if result.status is RunStatus.AWAITING_INPUT:
        hints = answer_lines([*result.interrupts], lambda value: session.hint("resume", result.run_id, value))
        session.output.note("\n".join(hints))
    cause = f": {result.error.type}: {result.error.message}" if result.error else ""
    session.output.note(f"run {result.run_id} on thread {result.thread_id}: {result.status}{cause}")


async def _tell_stop(session: Session, runs: RunsFacade, run_id: str, accepted: bool, text: str) -> ExitCode:
    record = await existing(runs, run_id)
    status = record.status
    if not accepted:
        how = f"has ended already as {status}" if status.terminal else "is about to end by itself"
        text = f"run {run_id} {how}; nothing to stop"
    session.output.result({"run_id": run_id, "accepted": accepted, "status": status}, text)
    return ExitCode.OK


def _tell_submitted(session: Session, record: RunRecord) -> None:
    if session.output.as_json:
        session.output.json_line(record.model_dump_json())
        return
    session.output.line(f"run {record.run_id} on thread {record.thread_id}: {record.status}")
    session.output.note(f"  follow: {session.hint('stream', record.run_id)}")


@contextmanager
def _patience(session: Session, waits_for: str) -> Generator[None]:
    """Say what the command waits for when it takes a while."""
    timer = asyncio.get_running_loop().call_later(_PATIENCE, session.output.note, f"waiting for {waits_for} …")
    try:
        yield
    finally:
        timer.cancel()
