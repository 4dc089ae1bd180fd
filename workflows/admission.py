"""What a thread decides: which run is admitted, in which order, and what becomes of those in flight.

Plain code over the thread's state, without Temporal. The runs of a thread stand in one line; only the first of
them executes.
"""

from __future__ import annotations

from ..contracts.types import CancelAction, MultitaskStrategy
from ..contracts.wire import Admission, Submission, ThreadRun, ThreadState

_RECENT = 1000
"""Run ids of ended runs that a thread remembers, so that a repeated submission is no second run. (The store and
the ids of the workflows know the older ones.)"""

_CANCELS = {
    MultitaskStrategy.INTERRUPT: CancelAction.INTERRUPT,
    MultitaskStrategy.ROLLBACK: CancelAction.ROLLBACK,
}


class BusyError(Exception):
    """The strategy is `reject`, and the thread has a run in flight."""

    def __init__(self, run_id: str) -> None:
        super().__init__(run_id)
        self.run_id = run_id


def submit(state: ThreadState, submission: Submission) -> Admission:
    """Put a run in line. Submitting it again is the same run. Raises `BusyError`; then nothing has changed."""
    if (known := _known(state, submission.run_id)) is not None:
        return known
    if submission.strategy is MultitaskStrategy.REJECT and state.runs:
        raise BusyError(state.runs[0].submission.run_id)
    if action := _CANCELS.get(submission.strategy):
        for run in state.runs:
            run.cancel = run.cancel or action
    state.sequence += 1
    queued = bool(state.runs)
    state.runs.append(ThreadRun(submission=submission, sequence=state.sequence))
    return Admission(run_id=submission.run_id, sequence=state.sequence, queued=queued)


def _known(state: ThreadState, run_id: str) -> Admission | None:
    for position, run in enumerate(state.runs):
        if run.submission.run_id == run_id:
            return Admission(run_id=run_id, sequence=run.sequence, queued=position > 0, known=True)
    if run_id in state.recent:
        return Admission(run_id=run_id, sequence=state.recent[run_id], known=True)
    return None


def ended(state: ThreadState, run: ThreadRun) -> None:
    """A run has ended and cleaned up: the next one is first in line."""
    state.runs = [other for other in state.runs if other is not run]
    state.recent[run.submission.run_id] = run.sequence
    while len(state.recent) > _RECENT:
        del state.recent[next(iter(state.recent))]


def first(state: ThreadState) -> ThreadRun | None:
    """The run that may execute."""
    return state.runs[0] if state.runs else None
