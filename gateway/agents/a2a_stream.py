"""The events of a run as those of a task."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

from a2a.types import Task, TaskArtifactUpdateEvent, TaskState, TaskStatus, TaskStatusUpdateEvent

from ...contracts.types import METADATA_EVENT, RunRecord, StreamEvent, WaitResult
from ...facade.runs import RunsFacade
from ..streams import is_open_question
from .a2a_tasks import STATE, artifact, artifacts_of, first_message, is_at_rest, status_of, task_id_of, task_of
from .conversations import id_of, text_of

Update = TaskStatusUpdateEvent | TaskArtifactUpdateEvent


async def told(runs: RunsFacade, run: RunRecord, history: int | None) -> AsyncGenerator[Task | Update]:
    """The task as `run` says that it stands, and what follows: states never go back.

    Of a task that rests already there is nothing to follow: all that it has said is in it.
    """
    yield await task_of(runs, run, history)
    if is_at_rest(run):
        yield await _last(runs, run, _Telling(run), await runs.join_wait(run.run_id))
        return
    async for update in _followed(runs, run):
        yield update


async def _followed(runs: RunsFacade, run: RunRecord) -> AsyncGenerator[Update]:
    """From its beginning to its end, or to an open question."""
    telling = _Telling(run)
    async with await runs.join_stream(run.run_id) as stream:
        async for event in stream:
            if await is_open_question(runs, event):
                break
            for update in telling.of(event):
                yield update
    result = await runs.join_wait(run.run_id)
    for update in telling.rest(result.values, await first_message(runs, run)):
        yield update
    yield await _last(runs, run, telling, result)


async def _last(runs: RunsFacade, run: RunRecord, telling: _Telling, result: WaitResult) -> Update:
    ended = await runs.get_run(run.run_id)
    return telling.status(status_of(ended or run, result))


class _Telling:
    """Of one reader of one run: each message of the agent is an artifact, which grows."""

    def __init__(self, run: RunRecord) -> None:
        self._ids: dict[str, Any] = {"task_id": task_id_of(run), "context_id": run.thread_id}
        self._open: dict[str, bool] = {}
        """The artifacts that were told of, and whether there is more to come."""
        self._is_at_work = False

    def status(self, status: TaskStatus) -> TaskStatusUpdateEvent:
        return TaskStatusUpdateEvent(status=status, **self._ids)

    def of(self, event: StreamEvent) -> Iterator[Update]:
        if not self._is_at_work:
            self._is_at_work = True
            yield self.status(TaskStatus(state=TaskState.TASK_STATE_WORKING))
        if event.event == METADATA_EVENT:
            yield from self._void()
        elif event.event == "messages":
            yield from self._said(event.data[0])

    def _void(self) -> Iterator[Update]:
        """Another attempt begins: what the last one was about to say will be said anew, under another id."""
        for id in [id for id, is_open in self._open.items() if is_open]:
            self._open[id] = False
            yield self._artifact(id, "", append=False, last=True)

    def _said(self, message: Mapping[str, Any]) -> Iterator[Update]:
        kind, id, text = str(message.get("type")), id_of(message), text_of(message)
        if kind == "AIMessageChunk":
            is_last = message.get("chunk_position") == "last"
            if text or (is_last and id in self._open):
                yield self._artifact(id, text, append=id in self._open, last=is_last)
                self._open[id] = not is_last
        elif kind == "ai" and text:
            self._open[id] = False
            yield self._artifact(id, text, append=False, last=True)

    def rest(self, values: Any, since: str) -> Iterator[Update]:
        """What was not told yet: the state, and messages that no stream has had."""
        for found in artifacts_of(values, since):
            if found.artifact_id == STATE or self._open.get(found.artifact_id, True):
                yield TaskArtifactUpdateEvent(artifact=found, append=False, last_chunk=True, **self._ids)

    def _artifact(self, id: str, text: str, *, append: bool, last: bool) -> TaskArtifactUpdateEvent:
        return TaskArtifactUpdateEvent(artifact=artifact(id, text), append=append, last_chunk=last, **self._ids)
