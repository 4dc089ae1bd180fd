"""How a run reaches Temporal: through its thread's workflow, or directly when it has its thread to itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypedDict, TypeVar

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import TypedSearchAttributes, WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from ..contracts.advice import SUBMIT_AGAIN
from ..contracts.errors import NoWorkerError
from ..contracts.retry import Retry, retried
from ..contracts.run_start import run_start
from ..contracts.search_attributes import thread_attributes
from ..contracts.settings import TemporalSettings
from ..contracts.shown_users import ShowUser
from ..contracts.wire import (
    RUN_WORKFLOW,
    THREAD_WORKFLOW,
    UPDATE_DELETE_THREAD,
    UPDATE_STATE,
    UPDATE_SUBMIT,
    RunInput,
    thread_workflow_id,
)
from ..contracts.wire_thread import (
    WORKFLOW_TASK_TIMEOUT,
    Admission,
    DeletionAnswer,
    StateChange,
    StateChanged,
    Submission,
    ThreadDeletion,
    ThreadInput,
    ThreadRun,
    ThreadState,
)
from ..store.contract import ThreadLine
from .planner import RunPlan
from .translation import answered, translated

T = TypeVar("T")
Request = Submission | StateChange | ThreadDeletion

_POLLERS_KNOWN_FOR = 60.0
"""Seconds for which a worker that was seen is taken to be there still. If it has gone, the submission waits."""

SLEEP = timedelta(seconds=15)
"""Of a thread whose run was started by its client, unless somebody asks something of it."""
_PAUSE = 0.1
"""Seconds before an update that the thread could not take is given again: it is busy for a workflow task."""
_DESCRIPTION = timedelta(seconds=5)
"""For a look at a thread's workflow, of which only its task queue is wanted."""
_PASSING = (RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.RESOURCE_EXHAUSTED, RPCStatusCode.ABORTED)
"""The SDK repeats the last two by itself, for a while. One of 600 submissions to a thread that was just going on in its
next execution came back with the first, and had executed nothing."""


class _ThreadStart(TypedDict):
    """Options of Temporal's, which two calls know by the same names."""

    id: str
    task_queue: str
    search_attributes: TypedSearchAttributes
    task_timeout: timedelta
    static_summary: str


@dataclass(frozen=True, slots=True)
class Polling:
    """Who has polled a task queue lately."""

    ours: bool
    """A worker of this installation, or one of a version that does not say whose it is."""
    others: tuple[str, ...] = ()
    """Workers of other installations."""
    namespace_id: str | None = None
    """Of the namespace that was asked."""


PollersCheck = Callable[[Client, str], Awaitable[Polling]]


class Submitter:
    """Submits runs of one facade."""

    def __init__(
        self,
        settings: TemporalSettings,
        workers_polling: PollersCheck,
        installation: str,
        show_user: ShowUser,
    ) -> None:
        self._settings = settings
        self._installation = installation
        self._workers_polling = workers_polling
        self._show_user = show_user
        self._seen = float("-inf")
        self.namespace_id: str | None = None
        """Of the namespace to which is submitted, once a worker was seen."""

    async def wait_for_worker(self, client: Client, *, limit: float | None = None) -> None:
        """Return once a worker polls the task queue. Raises `NoWorkerError` after `limit` or `submit_timeout`."""
        began = time.monotonic()
        limit = self._settings.submit_timeout if limit is None else limit
        while time.monotonic() - self._seen > _POLLERS_KNOWN_FOR:
            polling = await self._workers_polling(client, self._settings.task_queue)
            self.namespace_id = polling.namespace_id
            if polling.ours:
                self._seen = time.monotonic()
            elif time.monotonic() - began > limit:
                raise NoWorkerError(self._settings.task_queue, limit, others=polling.others)
            else:
                await asyncio.sleep(0.2)

    async def submit(self, client: Client, plan: RunPlan, line: ThreadLine) -> Admission:
        """Raises `ThreadBusyError`, `NoWorkerError` or another `UnavailableError`; safe to repeat after the latter."""
        thread_id, plan = plan.record.thread_id, plan.shown_as(self._show_user)
        if plan.alone:
            with translated(self._settings, run_id=plan.run_id, thread_id=thread_id):
                return await self.start_run(client, plan, plan.as_input())
        async with self._asking(client, thread_id, run_id=plan.run_id):
            if not line.in_flight and await self.reserve(client, plan, line):
                run = plan.as_input(sequence=line.last_sequence + 1, tells_thread=True)
                return await self.start_run(client, plan, run)
            return await self._update(client, thread_id, line, UPDATE_SUBMIT, plan.submission, Admission)

    async def delete_thread(
        self,
        client: Client,
        thread_id: str,
        line: ThreadLine,
        *,
        user_id: str | None = None,
        unused_since: datetime | None = None,
    ) -> bool:
        """Have the thread's workflow cancel its runs and remove it; whether there was anything to remove.

        `user_id`: whose it has to be. `unused_since`: one that was used since, or is in use, stays.
        Raises `ThreadNotFoundError`, or `UnavailableError`; safe to repeat.
        """
        request = ThreadDeletion(installation=self._installation, user_id=user_id, unused_since=unused_since)
        async with self._asking(client, thread_id, then="it is safe to delete again"):
            answer = await self._update(client, thread_id, line, UPDATE_DELETE_THREAD, request, DeletionAnswer)
        return answer.existed

    async def change_state(self, client: Client, thread_id: str, line: ThreadLine, change: StateChange) -> str:
        """Have the thread's workflow change its state; the checkpoint that this has made.

        Raises `ThreadBusyError`, `InvalidRunError`, or `UnavailableError`; safe to repeat after the latter.
        """
        later = "the state may be changed when one starts: read it before you change it again"
        async with self._asking(client, thread_id, then=later):
            answer = await self._update(client, thread_id, line, UPDATE_STATE, change, StateChanged)
        return answer.checkpoint_id

    @asynccontextmanager
    async def _asking(
        self, client: Client, thread_id: str, *, run_id: str = "", then: str = SUBMIT_AGAIN
    ) -> AsyncGenerator[None]:
        """`answered`; the error names the task queue on which the thread's workflow goes on, which may be another."""
        limit = self._settings.submit_timeout
        try:
            async with answered(self._settings, limit, run_id=run_id, thread_id=thread_id, then=then):
                yield
        except NoWorkerError as exc:
            queue = await _task_queue(client, thread_workflow_id(thread_id))
            if queue in (None, self._settings.task_queue):
                raise
            raise NoWorkerError(queue, limit, then, workflow=thread_workflow_id(thread_id)) from exc

    async def _update(
        self, client: Client, thread_id: str, line: ThreadLine, update: str, request: Request, answer: type[T]
    ) -> T:
        until = time.monotonic() + self._settings.submit_timeout - _PAUSE
        return await retried(
            lambda: self._update_once(client, thread_id, line, update, request, answer),
            Retry(when=_may_pass, until=until, pause=_PAUSE),
        )

    async def _update_once(
        self, client: Client, thread_id: str, line: ThreadLine, update: str, request: Request, answer: type[T]
    ) -> T:
        # Each call is an update with an id of its own, which is left to the client: a refusal must not be remembered
        # for the next try, and a run that was admitted is known to its thread by its own id.
        if line.in_flight:  # then the workflow goes on, unless somebody has ended it; a long line need not travel
            thread = client.get_workflow_handle(thread_workflow_id(thread_id))
            try:
                return await thread.execute_update(update, request, result_type=answer)
            except RPCError as exc:
                if exc.status is not RPCStatusCode.NOT_FOUND:
                    raise
        # Made for each call, because it can be used only once.
        start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            THREAD_WORKFLOW,
            ThreadInput(
                installation=self._installation,
                thread_id=thread_id,
                in_flight=list(line.in_flight),
                last_sequence=line.last_sequence,
            ),
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            **self._thread_start(thread_id, request.user_id),
        )
        try:
            return await client.execute_update_with_start_workflow(
                update, request, start_workflow_operation=start, result_type=answer
            )
        except (RPCError, WorkflowUpdateRPCTimeoutOrCancelledError):
            # The operation has the error, too, and asyncio would report that nobody has asked for it.
            with suppress(RPCError, asyncio.CancelledError):
                await start.workflow_handle()
            raise

    async def reserve(self, client: Client, plan: RunPlan, line: ThreadLine) -> bool:
        """Whether the thread was idle, and is kept for this run, which its client may start by itself.

        Its workflow begins with the run in line, and sleeps. Whatever is asked of it wakes it; when nobody does, it
        looks after the run should its client have died, or after nothing if the run has ended.
        """
        thread_id, submission = plan.record.thread_id, plan.submission
        run = ThreadRun(submission=submission, sequence=line.last_sequence + 1, direct=True)
        state = ThreadState(
            installation=self._installation, sequence=run.sequence, runs=[run], user_id=submission.user_id
        )
        try:
            await client.start_workflow(
                THREAD_WORKFLOW,
                ThreadInput(thread_id=thread_id, state=state),
                start_delay=SLEEP,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                **self._thread_start(thread_id, submission.user_id),
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    def _thread_start(self, thread_id: str, user_id: str | None) -> _ThreadStart:
        return {
            "id": thread_workflow_id(thread_id),
            "task_queue": self._settings.task_queue,
            "search_attributes": thread_attributes(thread_id, self._show_user(user_id)),
            "task_timeout": WORKFLOW_TASK_TIMEOUT,
            "static_summary": f"thread {thread_id}",
        }

    async def start_run(self, client: Client, plan: RunPlan, run: RunInput) -> Admission:
        await client.start_workflow(
            RUN_WORKFLOW,
            run,
            task_queue=self._settings.task_queue,
            **run_start(run, plan.submission),
        )
        return Admission(run_id=run.run_id, sequence=run.sequence)


async def _task_queue(client: Client, workflow_id: str) -> str | None:
    """Of a workflow that goes on; `None`: there is none, or nobody can say."""
    try:
        found = await client.get_workflow_handle(workflow_id).describe(rpc_timeout=_DESCRIPTION)
    except RPCError:
        return None
    return found.task_queue if found.status is WorkflowExecutionStatus.RUNNING else None


def _may_pass(error: Exception) -> bool:
    """Whether a thread could not take an update just now: it has ten under way, or goes on in its next execution."""
    return isinstance(error, RPCError) and (error.status in _PASSING or "update was aborted" in error.message)
