"""From a running graph to the bridge, in an order with its checkpoints that a crash cannot break.

A crash may fall between any two writes. What was reported and what was saved agree after it, because
1. what a task emitted while it ran (tokens) is in the bridge before the task's writes are saved: they would not
   come again, since a finished task never runs again;
2. what a finished task reports (its update) is published after its writes are saved: until then the task may run
   again and end differently;
3. all of it is in the bridge before the checkpoint of the superstep is saved: the next superstep reports only
   itself;
4. what reports a checkpoint, or a task that follows it, is published after it is saved: until then there may come
   another one in its place;
5. what a graph says is not heard any more once it is cancelled, so from then on nothing is saved that it would have
   to say.
A save that the graph gives up by itself, since a task beside it fails or a value cannot be saved, is over, and what
reports it is published: LangGraph has said it, and the graph fails, or goes on without.
What comes after a save (2 and 4) is reported again by the graph that is picked up, and its key lets it through once.

LangGraph tells of a failure that an error handler takes over only when it is saved, whatever the failed task said last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.base import CheckpointTuple

from ...bridge.contract import Bridge, NewEvent
from ...checkpoints.addresses import checkpoint_namespace
from ...contracts.langgraph_names import ERROR, HANDED_ON, RESUME, START
from ...contracts.limit_settings import LimitSettings
from ...contracts.recent import Recent
from ...contracts.serialization.serializer import to_json
from ..attempt.heartbeat import Say
from .outbox import Hold, Outbox, OutboxClosed
from .outgoing import Outgoing, namespace_of

_REPORT_TIMEOUT = 0.1
"""Seconds that a save waits for its task's report. It comes within a turn of the event loop, but hidden tasks and
graphs that are not streamed report nothing."""
_SILENT_CHANNELS = {ERROR, RESUME}
"""Writes to LangGraph's special channels that no report follows. Nor does one follow a graph's hidden start."""


class UnheardError(Exception):
    """A save is refused: what comes before it could not be said."""


@dataclass(slots=True)
class _Save(Hold):
    """Of a task's writes or of a checkpoint, from its report or its beginning on, whichever comes first, to its end."""

    namespace: str = ""
    """The graph's."""
    is_checkpoint: bool = False
    reported: int | None = None
    """The number of events that came before its report."""
    under_way: int = 0
    """A task may save answers that it has taken, and what it wrote, at the same time."""
    refused: bool = False
    awaited: bool = False
    """It had not begun when its task reported."""

    def is_checkpoint_of(self, namespace: str) -> bool:
        return self.is_checkpoint and self.namespace == namespace


class Publisher:
    """The events of one live graph, on their way to the bridge; the hooks of its saver."""

    def __init__(
        self,
        bridge: Bridge,
        run_id: str,
        *,
        fence: int,
        on_loaded: Callable[[CheckpointTuple], None],
        say: Say = lambda _: None,
        ordered: bool = True,
        limits: LimitSettings | None = None,
    ) -> None:
        self._on_loaded = on_loaded
        self._ordered = ordered
        """False where nothing is saved before the graph ends (LangGraph's durability `exit`)."""
        self._outbox = Outbox(bridge, run_id, fence=fence, say=say, limits=limits or LimitSettings())
        self._listening = True
        self.is_held: Callable[[], bool] = lambda: False
        """Whether the graph is held between two slices. `go_on` tells that it is not any more."""
        self.ahead = False
        """The graph does not wait for its saves (LangGraph's durability `async`)."""
        self._saves: dict[str, _Save] = {}
        """Those that are not over, by the id of the task or checkpoint."""
        self._settled = Recent[str]()
        """Checkpoints that are saved, or are not saved here."""
        self._writing = Recent[str]()
        """Tasks whose own writes are being saved, or have been."""
        self._saving = Recent[str]()
        """Namespaces of the graphs that save here."""
        self._unheard: set[str] = set()
        """Namespaces of the graphs of which a save was refused."""
        self._idle: set[str] = set()
        """Tasks that had reported when the root's last checkpoint was saved, and of which nothing was being saved."""
        self.room = self._outbox.room
        self.go_on = self._outbox.move
        self.flush = self._outbox.flush
        self.failed = self._outbox.failed
        """Set when nothing more can be published: the slice must end."""

    @property
    def failure(self) -> Exception | None:
        """The bridge's, which is not the graph's."""
        return self._outbox.failure

    async def __aenter__(self) -> Publisher:
        await self._outbox.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._outbox.__aexit__()

    def put(self, outgoing: Outgoing) -> None:
        """Accept an event. It is sent at once, or when what it reports is saved."""
        event = NewEvent(outgoing.event, to_json(outgoing.payload), outgoing.key)
        self._outbox.put(event, list(self._saves_of(outgoing)))
        if outgoing.before_writes and outgoing.task is not None:
            self.report(outgoing.task)

    def report(self, task_id: str) -> None:
        """A finished task reports; its events follow. (LangGraph begins to save its writes before.)"""
        if self._ordered:
            self._saves.setdefault(task_id, _Save()).reported = self._outbox.accepted
            self._outbox.move()

    def stop_listening(self) -> None:
        """The graph is about to be cancelled, so what it still reports is not heard: none of that may be saved.

        It happens again, and is heard, when the thread goes on from there.
        """
        self._listening = False
        self._outbox.move()

    def _saves_of(self, outgoing: Outgoing) -> Iterator[_Save]:
        """What must be saved before the event may go."""
        task, checkpoint = outgoing.task, outgoing.checkpoint
        if task is not None and not outgoing.before_writes:
            save = self._saves.get(task)
            if save is not None and (save.under_way or self._is_due(task, namespace_of(outgoing.event), save)):
                yield save
        if checkpoint is not None and self._ordered and checkpoint not in self._settled:
            save = self._saves.get(checkpoint) or self._await_save(checkpoint, namespace_of(outgoing.event))
            if save.reported is None:
                save.reported = self._outbox.accepted
                self._outbox.move()
            yield save

    def _is_due(self, task: str, namespace: str, save: _Save) -> bool:
        """Whether the writes of a task that has reported are about to be saved: the report may be a turn ahead.

        With `max_concurrency` the save may be held up, and waiting for it could then wait for ever.
        """
        due = self._ordered and task not in self._writing and namespace in self._saving
        if due and not save.awaited:
            save.awaited = True
            asyncio.get_running_loop().call_later(_REPORT_TIMEOUT, self._let_go, task, save)
        return due

    def _let_go(self, task: str, save: _Save) -> None:
        if not save.under_way and not save.over:
            self._saves[task] = _Save(reported=save.reported)
            save.over = True
            self._outbox.move()

    def _await_save(self, checkpoint: str, namespace: str) -> _Save:
        """A checkpoint may be reported before its save begins. One that never does is of a graph with its own saver."""
        ahead = [one for one in self._saves.values() if one.is_checkpoint and one.namespace == namespace]
        save = _Save(namespace=namespace, is_checkpoint=True, reported=self._outbox.accepted)
        self._saves[checkpoint] = save
        self._give_up_later(checkpoint, save, ahead)
        return save

    def _give_up_later(self, checkpoint: str, save: _Save, ahead: list[_Save]) -> None:
        asyncio.get_running_loop().call_later(_REPORT_TIMEOUT, self._give_up, checkpoint, save, ahead)

    def _give_up(self, checkpoint: str, save: _Save, ahead: list[_Save]) -> None:
        if save.under_way or save.over:
            return
        if ahead:  # with durability `async` it begins only when they are over
            self._give_up_later(checkpoint, save, [one for one in ahead if not one.over])
        else:
            self._settled.add(checkpoint)
            self._end(checkpoint, save)

    # What the saver calls.

    async def before_writes(
        self, task_id: str, task_path: str, writes: Sequence[tuple[str, Any]], *, namespace: str
    ) -> None:
        if not self._ordered:
            return
        save = self._begin(task_id, namespace)
        channels = {channel for channel, _ in writes}
        if channels != {RESUME}:
            self._writing.add(task_id)
        if channels <= _SILENT_CHANNELS or task_path.endswith(START):
            if ERROR in channels and not self._listening:  # it was cut off, which is no failure of its own
                self._refuse(save)
            return
        if HANDED_ON not in channels:  # the stream stands still until such a failure is saved
            await self._until_heard(save)
        if save.reported is None and not self._listening:
            self._refuse(save)
        await self.flush(save.reported)

    async def _until_heard(self, save: _Save) -> None:
        while not await self._is_heard(save):
            await self._outbox.until(lambda: not (self._stands_still and self._listening))

    async def _is_heard(self, save: _Save) -> bool:
        """Whether it need not be waited for (any more). A stream that stands still tells nothing, however long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_REPORT_TIMEOUT):
                await self._outbox.until(lambda: save.reported is not None or not self._listening)
        return not self._listening or save.reported is not None or not self._stands_still

    @property
    def _stands_still(self) -> bool:
        return self._outbox.crowded or self.is_held()

    def after_writes(self, task_id: str, *, saved: bool, given_up: bool = False) -> None:
        self._after_save(task_id, lost=not (saved or (given_up and self._listening)))

    async def before_checkpoint(self, checkpoint_id: str, *, namespace: str) -> None:
        if not self._ordered:
            return
        save = self._begin(checkpoint_id, namespace, is_checkpoint=True)
        # Without its report to go by, a task might be one of the next superstep, which the graph may have begun.
        limit = _REPORT_TIMEOUT if self.ahead and save.reported is None else None
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self._outbox.until(lambda: not self._own_tasks(save))
        if save.reported is None and namespace in self._unheard:
            self._refuse(save)
        # Not what has come since its report: with durability `async` that may itself wait for this checkpoint. One that
        # nothing reports (an empty input's) waits for nothing that waits for a later one: they are saved in order.
        if save.reported is None:
            await self._outbox.flush_before(lambda hold: isinstance(hold, _Save) and hold.is_checkpoint_of(namespace))
        else:
            await self.flush(save.reported)

    def _own_tasks(self, save: _Save) -> list[_Save]:
        """Tasks of its own graph, whose reports come before its own: one of another graph may come behind it."""
        own = [
            one
            for one in self._saves.values()
            if one.under_way and not one.is_checkpoint and one.namespace == save.namespace
        ]
        limit = save.reported
        return own if limit is None else [one for one in own if one.reported is not None and one.reported <= limit]

    def after_checkpoint(self, checkpoint_id: str, *, saved: bool, given_up: bool = False) -> None:
        self._settled.add(checkpoint_id)
        save = self._saves.get(checkpoint_id)
        self._after_save(checkpoint_id, lost=not (saved or (given_up and self._listening)))
        if save is not None and not save.namespace:
            self._forget_unsaved()

    def _forget_unsaved(self) -> None:
        """Tasks of a graph that keeps no checkpoints report, too. Two supersteps of the root later, none saves."""
        idle = {id for id, one in self._saves.items() if not (one.under_way or one.is_checkpoint or one.awaited)}
        for id in idle & self._idle:
            del self._saves[id]
        self._idle = idle - self._idle

    def loaded(self, found: CheckpointTuple) -> None:
        self._settled.add(found.checkpoint["id"])
        self._saving.add(checkpoint_namespace(found.config))
        self._on_loaded(found)

    def _begin(self, id: str, namespace: str, *, is_checkpoint: bool = False) -> _Save:
        self._saving.add(namespace)
        save = self._saves.setdefault(id, _Save())
        save.namespace, save.is_checkpoint = namespace, is_checkpoint
        save.under_way += 1
        return save

    def _refuse(self, save: _Save) -> None:
        save.refused = True
        self._unheard.add(save.namespace)
        raise UnheardError

    def _after_save(self, id: str, *, lost: bool) -> None:
        """`lost`: to the machine, or to a cut. What a failing graph gives up is over, and all that it said is told."""
        save = self._saves.get(id)
        if save is None or not save.under_way:
            return
        save.under_way -= 1
        if lost and not save.refused:  # what reports it must not come out; why it failed is for the saver to say
            self._outbox.close(OutboxClosed())
        if not save.under_way:
            self._end(id, save)

    def _end(self, id: str, save: _Save) -> None:
        del self._saves[id]
        save.over = True
        self._outbox.move()
