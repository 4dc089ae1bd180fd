"""What is said to a run that goes: stop, stop at the next boundary, here is your answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowUpdateStage

from ..contracts.errors import (
    NoWorkerError,
    RunNotFoundError,
    RunStateError,
    UnavailableError,
)
from ..contracts.settings import TemporalSettings
from ..contracts.types import CancelAction, RunRecord, RunStatus
from ..contracts.wire import (
    SIGNAL_CANCEL,
    SIGNAL_INTERRUPT,
    UPDATE_ANSWER,
    UPDATE_STOP,
    Answer,
)
from ..contracts.wire_steering import StopAnswer, StopRequest
from ..contracts.workers import takers, those_there
from ..store.contract import Store
from .answers import FacadeAnswer
from .lookup import RunLookup
from .retry import PAUSE, NotYetError, patiently
from .translation import NotCheckedError, answered, translated

_DECISION = 5.0
"""Seconds for which a cancel waits for a worker to take it."""

_LOOK = 0.2
"""Seconds between two looks at who is there."""
_LEFT = "the answer may be taken when one starts: look at the run before you answer again"

_CANCELLED = (RunStatus.INTERRUPTED, RunStatus.ROLLED_BACK)

Workflow = WorkflowHandle[Any, Any]


class Steering:
    """Talks to the workflows of runs. Each call raises `RunNotFoundError` for an unknown run."""

    def __init__(self, settings: TemporalSettings, lookup: RunLookup, store: Store) -> None:
        self._settings = settings
        self._lookup = lookup
        self._store = store

    async def cancel(self, run_id: str, action: CancelAction) -> bool:
        """Whether the run ends as cancelled; False when its end had been decided."""
        record = (await self._lookup.existing(run_id)).record
        try:
            accepted = await self._call(run_id, lambda workflow: self._stop(run_id, workflow, action))
        except NoWorkerError:
            return await self._leave_word(run_id, action)
        if accepted and record.status is RunStatus.AWAITING_INPUT:
            await self._until_moved(record)
        return accepted

    async def _stop(self, run_id: str, workflow: Workflow, action: CancelAction) -> bool:
        async with answered(self._settings, _DECISION, run_id=run_id):
            update = await workflow.start_update(
                UPDATE_STOP,
                StopRequest(action=action),
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
                result_type=StopAnswer,
            )
        # What the graph takes to stop, at most: its last slice may be ending the run.
        async with answered(self._settings, self._settings.submit_timeout, run_id=run_id):
            return (await update.result()).accepted

    async def _leave_word(self, run_id: str, action: CancelAction) -> bool:
        """Nobody decides now. A signal waits for the worker that will, unless another one has decided and gone."""
        if not await self._signal(run_id, SIGNAL_CANCEL, {"action": action}):
            return (await self._lookup.existing(run_id)).record.status in _CANCELLED
        shown = await self._lookup.shown_status(run_id)
        return shown is None or not shown.terminal or shown in _CANCELLED

    async def interrupt(self, run_id: str) -> bool:
        """False when the run has ended."""
        return await self._signal(run_id, SIGNAL_INTERRUPT, None)

    async def _signal(self, run_id: str, name: str, payload: Any) -> bool:
        async def signal(workflow: Workflow) -> bool:
            await workflow.signal(name, payload)
            return True

        return await self._call(run_id, signal)

    async def _call(self, run_id: str, call: Callable[[Workflow], Awaitable[bool]]) -> bool:
        """What the call to the workflow of a run answers; False for a run that has ended."""

        async def once() -> bool:
            if (await self._lookup.existing(run_id)).record.status.terminal:
                return False
            workflow = await self._lookup.workflow(run_id)
            try:
                with translated(self._settings, run_id=run_id):
                    return await call(workflow)
            except RunNotFoundError as exc:  # its workflow is about to start, or has just ended
                why = f"run {run_id!r} cannot be reached: its workflow has not started; try again"
                raise NotYetError(UnavailableError(why)) from exc

        return await patiently(self._settings, once)

    async def resume(self, run_id: str, value: Any) -> None:
        """Raises `InvalidRunError`, or `RunStateError` when the run does not wait or the answer fits no question."""
        answer = FacadeAnswer(self._store, run_id, value)
        record = (await self._lookup.existing(run_id)).record
        if record.status.terminal:
            raise RunStateError(run_id, f"the run does not wait for an answer (it is {record.status})")
        await self._wait_for_worker()
        async with answer.sendable() as small:
            try:
                await self._send(run_id, small)
            except NotCheckedError:
                await self._send(run_id, await answer.checked(small))
        await self._until_moved(record)

    async def _wait_for_worker(self) -> None:
        """Nothing is sent while it is known that nobody is there: an answer cannot be taken back."""
        queue, limit = self._settings.task_queue, self._settings.submit_timeout
        until = time.monotonic() + limit
        while not those_there(takers(await self._store.workers.list(queue)), datetime.now(UTC)):
            if time.monotonic() > until:
                raise NoWorkerError(queue, limit, "the answer was not sent: the run asks still")
            await asyncio.sleep(_LOOK)

    async def _send(self, run_id: str, answer: Answer) -> None:
        await patiently(self._settings, lambda: self._send_once(run_id, answer))

    async def _send_once(self, run_id: str, answer: Answer) -> None:
        workflow = await self._lookup.workflow(run_id)
        try:
            async with answered(self._settings, self._settings.submit_timeout, run_id=run_id, then=_LEFT):
                await workflow.execute_update(UPDATE_ANSWER, answer)
        except RunNotFoundError:  # its workflow has just ended, or has not begun
            status = (await self._lookup.existing(run_id)).record.status
            why = "its workflow has ended" if status is RunStatus.AWAITING_INPUT else f"it is {status}"
            raise RunStateError(run_id, f"the run does not wait for an answer ({why})") from None

    async def _until_moved(self, record: RunRecord) -> None:
        """The record follows when a worker goes on; until then it would still show the question."""
        until = time.monotonic() + self._settings.submit_timeout
        while time.monotonic() < until:
            stored = await self._lookup.find(record.run_id)
            if stored is None or stored.record.updated_at != record.updated_at:
                return
            await asyncio.sleep(PAUSE)
