"""What a thread decides: which run is admitted, in which order, and what becomes of those in flight.

Plain code over the thread's state, without Temporal. The runs of a thread stand in one line; only the first of
them executes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import model_serializer

from ..contracts.types import CancelAction, MultitaskStrategy
from ..contracts.wire_thread import Admission, Moment, Submission, ThreadInput, ThreadRun, ThreadState

_RECENT = 1000
"""Run ids of ended runs that a thread remembers, so that a repeated submission is no second run. (The store and
the ids of the workflows know the older ones.)"""

_LINE_BYTES = 1_000_000
"""How long a line may be: it is carried over in the input of a workflow, of which Temporal takes 2 MB."""
_RUN_BYTES = 130
"""What a run in line takes there beside its id. With ids of the usual length, a line may have 6,000 runs."""

_CANCELS = {
    MultitaskStrategy.INTERRUPT: CancelAction.INTERRUPT,
    MultitaskStrategy.ROLLBACK: CancelAction.ROLLBACK,
}


class BusyError(Exception):
    """The strategy is `reject`, and the thread has a run in flight; or its line is as long as it may be."""

    def __init__(self, run_id: str) -> None:
        super().__init__(run_id)
        self.run_id = run_id


class LineFullError(Exception):
    """As many runs wait in line as may."""

    def __init__(self, limit: int, waiting: int) -> None:
        super().__init__(f"{waiting} runs wait in line")
        self.limit = limit
        self.waiting = waiting


def begin(thread: ThreadInput) -> ThreadState:
    """The state with which an execution of a thread's workflow begins."""
    if thread.state is not None:
        return thread.state
    strays = [
        ThreadRun(submission=Submission(run_id=run_id, assistant_id=""), sequence=0, started=True)
        for run_id in thread.in_flight
    ]
    return ThreadState(installation=thread.installation, sequence=thread.last_sequence, runs=strays)


def belongs(state: ThreadState, installation: str | None) -> bool:
    """Whether who asks has the stores of the thread. Of a thread that an older version began, the first is right."""
    state.installation = state.installation or installation
    return installation in (None, state.installation)


class _Carried(ThreadInput):
    """Written without what has its default: a run in line takes a fifth of the room then."""

    @model_serializer
    def _short(self) -> dict[str, Any]:
        state = self.state and self.state.model_dump(mode="json", exclude_defaults=True)
        return {"thread_id": self.thread_id, "state": state}


def carried(thread_id: str, state: ThreadState) -> ThreadInput:
    """The input of the execution that goes on with this state. Of a run that was started only its id is needed."""
    for run in state.runs:
        if run.started and run.submission.assistant_id:
            run.submission = Submission(run_id=run.submission.run_id, assistant_id="")
        run.submission.installation = None  # it is the thread's, and a line may be long
    return _Carried(thread_id=thread_id, state=state)


def submit(state: ThreadState, submission: Submission) -> Admission:
    """Put a run in line. Submitting it again is the same run.

    Raises `BusyError` or `LineFullError`; then nothing has changed.
    """
    if (known := _known(state, submission.run_id)) is not None:
        return known
    if state.runs and (submission.strategy is MultitaskStrategy.REJECT or _is_full(state, submission)):
        raise BusyError(state.runs[0].submission.run_id)
    _check_line(state, submission)
    if action := _CANCELS.get(submission.strategy):
        cancel(state, action)
    if submission.run_id in state.never_started:  # it was taken out of the line for a deletion, and comes again
        state.never_started.remove(submission.run_id)
    state.sequence += 1
    state.user_id = submission.user_id or state.user_id
    queued = bool(state.runs)
    state.runs.append(ThreadRun(submission=submission, sequence=state.sequence))
    return Admission(run_id=submission.run_id, sequence=state.sequence, queued=queued)


def _check_line(state: ThreadState, newcomer: Submission) -> None:
    """Those that are cancelled do not wait any more; of what cancels all of them there is no line."""
    if newcomer.most_queued is None or newcomer.strategy in _CANCELS:
        return
    in_flight = sum(run.cancel is None for run in state.runs)
    waiting = max(0, in_flight - 1)
    if in_flight and waiting >= newcomer.most_queued:
        raise LineFullError(newcomer.most_queued, waiting)


def _is_full(state: ThreadState, newcomer: Submission) -> bool:
    """As if all ids were as long as this one, so that a long line need not be measured each time."""
    return len(state.runs) * (len(newcomer.run_id.encode()) + _RUN_BYTES) > _LINE_BYTES


def _known(state: ThreadState, run_id: str) -> Admission | None:
    for position, run in enumerate(state.runs):
        if run.submission.run_id == run_id:
            return Admission(run_id=run_id, sequence=run.sequence, queued=position > 0, known=True)
    if run_id in state.recent:
        return Admission(run_id=run_id, sequence=state.recent[run_id], known=True)
    return None


def cancel(state: ThreadState, action: CancelAction) -> None:
    """Cancel every run in line. The first action wins."""
    for run in state.runs:
        run.cancel = run.cancel or action


def ended(state: ThreadState, run: ThreadRun) -> None:
    """A run has ended and cleaned up: the next one is first in line."""
    state.runs = [other for other in state.runs if other is not run]
    state.recent[run.submission.run_id] = run.sequence
    while len(state.recent) > _RECENT:
        del state.recent[next(iter(state.recent))]


def told_of_end(state: ThreadState, run_id: str) -> None:
    """A run that its client has started has ended, and cleaned up."""
    for run in state.runs:
        if run.direct and run.submission.run_id == run_id:
            ended(state, run)


def first(state: ThreadState) -> ThreadRun | None:
    """The run that may execute."""
    return state.runs[0] if state.runs and not state.changing and not deletion_due(state) else None


def is_anothers(state: ThreadState, user_id: str | None) -> bool:
    """Whether it is certain that the thread is not this user's (`None`: anybody's will do)."""
    return None not in (user_id, state.user_id) and user_id != state.user_id


def in_use(state: ThreadState) -> bool:
    """Whether the thread is no leftover: it has a run in flight, is being changed, or is being removed already."""
    return bool(state.runs) or state.changing or state.delete_up_to is not None


def delete(
    state: ThreadState,
    has_begun: Callable[[ThreadRun], bool],
    user_id: str | None = None,
    unused_since: Moment | None = None,
) -> None:
    """Cancel every run in line; once they have ended, and before a later one executes, the thread is removed.

    `user_id`: whose it has to be then (`None`: anybody's). `unused_since`: of a thread that is not in use.
    """
    state.delete_unused_since = unused_since
    line: list[ThreadRun] = []
    for run in state.runs:
        if run.started or run.direct or has_begun(run):
            line.append(run)
        else:
            state.never_started.append(run.submission.run_id)
    state.runs = line
    cancel(state, CancelAction.INTERRUPT)
    # Who may remove whatever is there outranks who may not.
    state.delete_of = None if state.delete_up_to is not None and state.delete_of is None else user_id
    state.delete_up_to = state.sequence


def deletion_due(state: ThreadState) -> bool:
    """Whether the thread is to be removed now."""
    return state.delete_up_to is not None and all(run.sequence > state.delete_up_to for run in state.runs)


def deleted(state: ThreadState, up_to: int | None, unused_since: Moment | None = None) -> None:
    """The thread was removed; unless that was asked for again meanwhile, that is all."""
    if (state.delete_up_to, state.delete_unused_since) == (up_to, unused_since):
        state.delete_up_to, state.delete_of, state.never_started = None, None, []
        state.delete_unused_since = None
        state.user_id = next((run.submission.user_id for run in state.runs if run.submission.user_id), None)
