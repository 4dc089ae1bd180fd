"""`ThreadWorkflow`: the only place where runs of a thread are admitted, one after the other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from ..contracts.types import CancelAction
from ..contracts.wire import (
    ERROR_OTHER_INSTALLATION,
    ERROR_STATE_REFUSED,
    ERROR_THREAD_BUSY,
    ERROR_THREAD_GONE,
    THREAD_WORKFLOW,
    UPDATE_DELETE_THREAD,
    UPDATE_STATE,
    UPDATE_SUBMIT,
)
from ..contracts.wire_thread import (
    ERROR_LINE_FULL,
    SIGNAL_RUN_ENDED,
    Admission,
    DeletionAnswer,
    StateChange,
    StateChanged,
    Submission,
    ThreadDeletion,
    ThreadInput,
)
from . import admission
from .shielded import shielded
from .supervisor import ThreadSupervisor
from .turns import until_free

_LINGER = timedelta(seconds=30)
"""How long a thread without runs stays open: a conversation's next turn finds it there."""
_MAX_SUBMISSIONS = 1000
"""Temporal takes 2,000 updates of one execution."""
_MAX_EVENTS = 2000
"""Half of what Temporal suggests. A worker that takes a thread over replays them, within the 10 s of one task."""
_AFTER_CHANGES = "threads-are-removed-after-changes"
"""Names what histories of before do not have: there, a thread was removed beside a change of its state."""


@workflow.defn(name=THREAD_WORKFLOW, sandboxed=False)
class ThreadWorkflow:
    """Starts each run as a child that outlives it, admits the first in line, and looks after it to its end.

    A run that comes to an idle thread is started by its client. The thread's workflow begins with it in line, and
    sleeps, which costs nothing: it keeps the thread for that run. What is asked of it wakes it at once. Else it wakes
    a little later, to start the run if its client has died before that, and to end if the run has ended.

    Before it continues as new it lets what it has begun settle: a child whose start is pending would be lost.
    So from then on it starts nothing, keeps what comes in, and hands it all to its next execution.
    """

    @workflow.init  # the update that starts it is handled before `run` begins
    def __init__(self, thread: ThreadInput) -> None:
        self._state = admission.begin(thread)
        self._supervisor = ThreadSupervisor(thread.thread_id, self._state)
        self._slept = any(run.direct and not run.started for run in self._state.runs)
        """Its start was delayed, because its client has started the run that came with it."""
        self._updates = 0
        self._removed = 0
        """Removals that have found runs or state."""

    # What others ask. Refused is by `ApplicationError` only: any other exception fails the workflow's task, which is
    # tried again and again, and the thread stands still.

    @workflow.update(name=UPDATE_SUBMIT, description="Admit a run to the thread")
    def submit(self, submission: Submission) -> Admission:
        """Never waits: it decides and remembers; the main loop starts the run in the same workflow task."""
        self._check(submission.installation)
        self._updated()
        try:
            return admission.submit(self._state, submission)
        except admission.BusyError as exc:
            self._supervisor.doubt()
            raise ApplicationError(str(exc), exc.run_id, type=ERROR_THREAD_BUSY, non_retryable=True) from exc
        except admission.LineFullError as exc:
            raise ApplicationError(str(exc), exc.limit, type=ERROR_LINE_FULL, non_retryable=True) from exc

    @workflow.update(name=UPDATE_DELETE_THREAD, description="Cancel the thread's runs and remove it")
    async def delete(self, deletion: ThreadDeletion) -> DeletionAnswer:
        """Waits for the end of the runs in line. What is submitted from now on finds a new thread."""
        self._check(deletion.installation)
        self._check_owner(deletion.user_id)
        if deletion.unused_since is not None and admission.in_use(self._state):
            return DeletionAnswer(existed=False)
        admission.delete(self._state, self._supervisor.has_begun, deletion.user_id, deletion.unused_since)
        self._updated()
        before = self._removed
        await workflow.wait_condition(lambda: self._state.delete_up_to is None)
        return DeletionAnswer(existed=self._removed > before)

    @workflow.update(name=UPDATE_STATE, description="Change the state of the thread, which has no run in flight")
    async def update_state(self, change: StateChange) -> StateChanged:
        """Waits until it is done. A run that is submitted meanwhile comes after it."""
        self._check(change.installation)
        state = self._state
        # Not `wait_condition`, which wakes all who wait for it together: the first would not keep the others out.
        await until_free(lambda: not state.changing and state.delete_up_to is None)
        self._check_owner(change.user_id)
        if state.runs:
            self._supervisor.doubt()
            busy = state.runs[0].submission.run_id
            raise ApplicationError(busy, busy, type=ERROR_THREAD_BUSY, non_retryable=True)
        state.changing = True
        self._updated()
        try:
            return await self._supervisor.change_state(change)
        except ActivityError as exc:
            raise ApplicationError(str(exc.cause), type=_refusal(exc)) from exc
        finally:
            state.changing = False
            self._supervisor.changed()

    @workflow.signal(name=SIGNAL_RUN_ENDED, description="From a run that its client has started: it has ended")
    def run_ended(self, *args: Any) -> None:
        admission.told_of_end(self._state, str(args[0]) if args else "")
        self._supervisor.changed()

    def _check_owner(self, user_id: str | None) -> None:
        if admission.is_anothers(self._state, user_id):
            raise ApplicationError("the thread is another user's", type=ERROR_THREAD_GONE)

    def _check(self, installation: str | None) -> None:
        """What another installation asks would be done with stores that do not have it."""
        if not admission.belongs(self._state, installation):
            raise ApplicationError(self._state.installation or "", type=ERROR_OTHER_INSTALLATION, non_retryable=True)

    def _updated(self) -> None:
        self._updates += 1
        self._supervisor.changed()

    @workflow.run
    async def run(self, thread: ThreadInput) -> None:
        await shielded(self._live(thread.thread_id), self._cancelled)

    def _cancelled(self) -> None:
        """`temporal workflow cancel`, of a thread: its runs are cancelled. Without it they could not go on."""
        admission.cancel(self._state, CancelAction.INTERRUPT)
        self._supervisor.changed()

    async def _live(self, thread_id: str) -> None:
        while True:
            # Before anything is begun: what a task begins beside it would be lost, and be carried over as done.
            if self._settled:
                workflow.continue_as_new(admission.carried(thread_id, self._state))
            self._supervisor.look_after_all(draining=self._draining)
            seen = self._supervisor.changes
            if admission.deletion_due(self._state) and not self._is_changed():
                self._removed += await self._supervisor.delete()
            elif not await self._wait_for_change(seen) and self._idle(seen):
                return

    def _is_changed(self) -> bool:
        """What a change of the state writes once the thread is removed would be found in the next one of its id."""
        return self._state.changing and workflow.patched(_AFTER_CHANGES)

    async def _wait_for_change(self, seen: int) -> bool:
        """False when an idle thread has lingered long enough."""
        busy = self._state.runs or self._supervisor.pending
        if not busy and self._slept and self._updates == 0:
            return False
        try:
            await workflow.wait_condition(
                lambda: self._supervisor.changes != seen or self._settled, timeout=None if busy else _LINGER
            )
        except TimeoutError:
            return False
        return True

    def _idle(self, seen: int) -> bool:
        """Looked at again after the timer: a submission may have come in the same workflow task."""
        return self._supervisor.changes == seen and not self._state.runs and workflow.all_handlers_finished()

    @property
    def _settled(self) -> bool:
        return self._draining and self._supervisor.pending == 0 and workflow.all_handlers_finished()

    @property
    def _draining(self) -> bool:
        info = workflow.info()
        long = info.get_current_history_length() >= _MAX_EVENTS
        return long or info.is_continue_as_new_suggested() or self._updates >= _MAX_SUBMISSIONS


def _refusal(failure: ActivityError) -> str:
    gone = isinstance(failure.cause, ApplicationError) and failure.cause.type == ERROR_THREAD_GONE
    return ERROR_THREAD_GONE if gone else ERROR_STATE_REFUSED
