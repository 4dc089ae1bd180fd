"""The state of threads, read by a worker that has their graphs."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, cast

from pydantic import TypeAdapter
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from ..contracts.actor import resolve_user_id
from ..contracts.advice import STORED_INSTEAD
from ..contracts.errors import (
    NoWorkerError,
    StateUnreadableError,
    ThreadNotFoundError,
    UnavailableError,
)
from ..contracts.serialization.serializer import from_json
from ..contracts.settings import TemporalSettings
from ..contracts.threads import ThreadRecord, ThreadSnapshot
from ..contracts.wire import STATE_WORKFLOW, state_workflow_id
from ..contracts.wire_thread import WORKFLOW_TASK_TIMEOUT, GraphView, StateAnswer, StateQuery
from ..store.contract import Store
from .submission import Submitter
from .translation import translated

_WAIT = 3.0
"""Seconds to wait for a worker: who reads is there to see it, and may have the stored form instead."""
_NOT_BEGUN = 2
"""Events of a workflow of which no worker has taken a task: it was started, and a task is there to be taken."""
_GRACE = 5.0
"""Seconds beyond the end that Temporal sets to a read; without Temporal nobody would say that it has come."""
_PART = 100
"""States of a history that a worker reads at once."""

_Reading = WorkflowHandle[Any, StateAnswer]
_SNAPSHOTS = TypeAdapter(list[ThreadSnapshot])


class GraphStates:
    """Has states read. Each read is a short workflow, whose answer comes by way of the store."""

    def __init__(
        self,
        settings: TemporalSettings,
        store: Store,
        temporal: Callable[[], Awaitable[Client]],
        submitter: Submitter,
    ) -> None:
        self._settings = settings
        self._store = store
        self._temporal = temporal
        self._submitter = submitter

    async def snapshot(self, thread: ThreadRecord, checkpoint_id: str | None) -> ThreadSnapshot | None:
        """The state at a checkpoint, or now. Raises `StateUnreadableError`, `NoWorkerError`, `UnavailableError`."""
        found, _ = await self._read(thread, checkpoint_id=checkpoint_id)
        return found[0] if found else None

    async def history(self, thread: ThreadRecord, *, limit: int, before: str | None) -> list[ThreadSnapshot]:
        """The states, the newest first. Raises as `snapshot`."""
        found: list[ThreadSnapshot] = []
        while len(found) < limit:
            wanted = min(limit - len(found), _PART)
            part, more = await self._read(thread, limit=wanted, before=before)
            found += part
            if not part or (len(part) < wanted and not more):
                break
            before = part[-1].checkpoint_id
        return found

    async def copied(self, thread: ThreadRecord, copy_id: str) -> ThreadSnapshot | None:
        """Copy a thread to one that nobody knows yet; its state. Raises `ThreadNotFoundError`, and as `snapshot`."""
        wanted = {"thread_id": thread.thread_id, "copy_to": copy_id, "user_id": resolve_user_id()}
        query = self._query(assistant_id=thread.assistant_id, **wanted)
        answer = await self._ask(query)
        if answer.gone:
            raise ThreadNotFoundError(thread.thread_id)
        if answer.failure is None and not answer.copied:
            raise UnavailableError("the worker is of an older version, which copies no threads")
        found = _SNAPSHOTS.validate_json(await self._kept(query, answer))
        return found[0] if found else None

    async def changed(self, thread: ThreadRecord, update_id: str, checkpoint_id: str) -> ThreadSnapshot | None:
        """The state that an update has made: its worker has read it, unless it could not."""
        answer = await self._store.threads.take_answer(update_id)
        if answer is None:
            return await self.snapshot(thread, checkpoint_id)
        found = _SNAPSHOTS.validate_json(answer)
        return found[0] if found else None

    async def describe(self, graph: str, view: GraphView, **wanted: Any) -> dict[str, Any]:
        """A view of a graph itself. Raises as `snapshot`."""
        found, _ = await self._taken("", graph, view=view, **wanted)
        return cast("dict[str, Any]", from_json(found)[0])

    async def _read(self, thread: ThreadRecord, **wanted: Any) -> tuple[list[ThreadSnapshot], bool]:
        if thread.assistant_id is None:
            raise StateUnreadableError(thread.thread_id, "it has none")
        found, more = await self._taken(thread.thread_id, thread.assistant_id, **wanted)
        return _SNAPSHOTS.validate_json(found), more

    async def _taken(self, thread_id: str, graph: str, **wanted: Any) -> tuple[bytes, bool]:
        query = self._query(thread_id=thread_id, assistant_id=graph, **wanted)
        answer = await self._ask(query)
        return await self._kept(query, answer), answer.more

    def _query(self, **wanted: Any) -> StateQuery:
        return StateQuery(installation=self._store.installation, read_id=str(uuid.uuid4()), **wanted)

    async def _kept(self, query: StateQuery, answer: StateAnswer) -> bytes:
        if answer.failure is not None:
            raise StateUnreadableError(query.thread_id or query.assistant_id, answer.failure)
        found = await self._store.threads.take_answer(query.read_id)
        if found is None:
            raise UnavailableError(f"the state of thread {query.thread_id!r} was read, but is not in the store")
        return found

    async def _ask(self, query: StateQuery) -> StateAnswer:
        client, limit = await self._temporal(), self._settings.submit_timeout
        try:
            await self._submitter.wait_for_worker(client, limit=self._wait)
        except NoWorkerError as exc:
            raise self._no_worker() from exc
        try:
            with translated(self._settings, run_id="", thread_id=query.thread_id):
                async with asyncio.timeout(limit + _GRACE):
                    return await self._result(await self._start(client, query, timedelta(seconds=limit)))
        except (WorkflowFailureError, TimeoutError) as exc:
            raise UnavailableError(
                f"the state of thread {query.thread_id!r} was not read within {limit:g} s: the workers of the task "
                f"queue {self._settings.task_queue!r} have gone, or their checkpointer does not answer; "
                f"{STORED_INSTEAD}"
            ) from exc

    @property
    def _wait(self) -> float:
        return min(_WAIT, self._settings.submit_timeout)

    def _no_worker(self) -> NoWorkerError:
        return NoWorkerError(self._settings.task_queue, self._wait, STORED_INSTEAD)

    async def _start(self, client: Client, query: StateQuery, limit: timedelta) -> _Reading:
        return await client.start_workflow(
            STATE_WORKFLOW,
            query,
            id=state_workflow_id(query.read_id),
            task_queue=self._settings.task_queue,
            result_type=StateAnswer,
            execution_timeout=limit,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            rpc_timeout=limit,
            static_summary=f"reads the state of thread {query.thread_id}",
        )

    async def _result(self, reading: _Reading) -> StateAnswer:
        """A worker that has gone counts as one that polls for a while: then nobody begins."""
        result = asyncio.create_task(reading.result())
        try:
            await asyncio.wait({result}, timeout=self._wait)
            if not result.done() and await _not_begun(reading) and await _given_up(reading):
                raise self._no_worker()
            return await result
        finally:
            result.cancel()


async def _not_begun(reading: _Reading) -> bool:
    return (await reading.describe()).history_length <= _NOT_BEGUN


async def _given_up(reading: _Reading) -> bool:
    """False when it has ended just now."""
    try:
        await reading.terminate("nobody has begun to read, and its client waits no longer")
    except RPCError as exc:
        if exc.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True
