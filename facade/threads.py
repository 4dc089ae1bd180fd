"""Threads, for a reader: their records, and their state at each checkpoint."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import TypeAdapter, ValidationError

from ..contracts.actor import AUTO, UserId, resolve_user_id
from ..contracts.errors import InvalidRunError, ThreadExistsError, ThreadNotFoundError, UnknownGraphError
from ..contracts.identifiers import Identifier
from ..contracts.settings import TemporalSettings
from ..contracts.specs import dump_value
from ..contracts.threads import ThreadDetails, ThreadOrder, ThreadPage, ThreadRecord, ThreadSnapshot, ThreadStatus
from ..contracts.wire_thread import GraphView, StateChange
from ..contracts.workers import served_graphs
from ..store.contract import Store
from ..store.exchange import StateUpdate
from ..store.thread_filter import ThreadSort
from .choices import chosen
from .retry import when_free
from .thread_copy import copy_thread
from .thread_filters import thread_filter

if TYPE_CHECKING:
    from temporalio.client import Client

    from .states import GraphStates
    from .submission import Submitter

_Scalar = str | int | float | bool


class StateReader(Protocol):
    """Reads what the checkpointer holds, without graphs.

    Raises `UnavailableError`, and `ConfigError` where only a worker can read it.
    """

    async def snapshot(self, thread_id: str, checkpoint_id: str | None) -> ThreadSnapshot | None: ...

    def history(
        self, thread_id: str, *, limit: int, before: str | None, nested: bool = False
    ) -> AsyncIterator[ThreadSnapshot]: ...


class Threads:
    """What `RunsFacade` offers of threads. Another user's thread is not found."""

    def __init__(
        self,
        settings: TemporalSettings,
        queues: Sequence[str],
        store: Store,
        stored: StateReader,
        temporal: Callable[[], Awaitable[Client]],
        submitter: Callable[[], Submitter],
    ) -> None:
        self._settings = settings
        self._queues = queues
        """The common task queue, and those that graphs have of their own."""
        self._store = store
        self._stored = stored
        self._temporal = temporal
        self._submitter = submitter

    @cached_property
    def _states(self) -> GraphStates:
        from .states import GraphStates  # speaks with Temporal, which a record or a stored state does not need

        return GraphStates(self._settings, self._store, self._temporal, self._submitter())

    async def get(self, thread_id: str) -> ThreadRecord | None:
        """The thread's record, `None` for an unknown one."""
        found = await self._store.threads.get(thread_id)
        user_id = resolve_user_id()
        return None if found is None or user_id not in (None, found.user_id) else found

    async def list(
        self,
        *,
        status: ThreadStatus | str | None,
        metadata: Mapping[str, Any] | None,
        user_id: UserId,
        limit: int,
        before: str | None,
    ) -> list[ThreadRecord]:
        """The last created first, those that have all of this."""
        if limit < 1:
            raise InvalidRunError(f"limit must be 1 or more, not {limit}", field="limit")
        return await self._store.threads.list(
            status=None if status is None else chosen(ThreadStatus, status, "thread status", field="status"),
            metadata=_metadata(metadata or {}),
            user_id=_of_whom(user_id),
            limit=limit,
            before=before,
        )

    async def create(
        self,
        thread_id: str | None,
        metadata: Mapping[str, Any] | None,
        assistant_id: str | None,
        *,
        if_exists: Literal["raise", "do_nothing"],
    ) -> ThreadRecord:
        """The thread, which is new unless it may be there already."""
        now = datetime.now(UTC)
        wanted = ThreadRecord(
            thread_id=_checked_id(thread_id) if thread_id is not None else str(uuid.uuid4()),
            metadata=dict(metadata or {}),
            assistant_id=assistant_id,
            user_id=resolve_user_id(),
            created_at=now,
            updated_at=now,
        )
        thread, created = await self._store.threads.create(wanted)
        if not created and if_exists == "raise":
            raise ThreadExistsError(wanted.thread_id)
        return thread

    async def add_metadata(self, thread_id: str, metadata: Mapping[str, Any]) -> ThreadRecord:
        """The thread as it is then."""
        await self.existing(thread_id)
        return await self._store.threads.add_metadata(thread_id, metadata)

    async def copy(self, thread_id: str) -> ThreadDetails:
        """The copy of a thread, which is the caller's."""
        source = await self.details(thread_id)
        if source is None:
            raise ThreadNotFoundError(thread_id)
        copy_id = await copy_thread(self._store.threads, self._copy_state, source)
        copy = await self.details(copy_id)
        if copy is None:
            raise ThreadNotFoundError(copy_id)
        return copy

    async def _copy_state(self, thread: ThreadRecord, copy_id: str) -> ThreadSnapshot | None:
        return await self._states.copied(thread, copy_id)

    async def details(self, thread_id: str) -> ThreadDetails | None:
        """`None` for an unknown one."""
        found = await self._store.threads.details(thread_id)
        user_id = resolve_user_id()
        return None if found is None or user_id not in (None, found.user_id) else found

    async def search(
        self,
        *,
        sort_by: ThreadOrder,
        descending: bool,
        limit: int,
        offset: int,
        with_values: bool,
        **wanted: Any,
    ) -> ThreadPage:
        """Some of those that have all of it."""
        if limit < 1 or offset < 0:
            raise InvalidRunError(f"limit must be 1 or more, and offset 0 or more, not {limit} and {offset}")
        sort = ThreadSort(sort_by, descending)
        which = thread_filter(**wanted)
        return await self._store.threads.search(which, sort, limit=limit, offset=offset, values=with_values)

    async def count(self, **wanted: Any) -> int:
        """How many have all of it."""
        return await self._store.threads.count(thread_filter(**wanted))

    async def graphs(self, *, gone: bool = False) -> list[str]:
        """Those that are served now, or were."""
        lists = await asyncio.gather(*(self._store.workers.list(queue) for queue in self._queues))
        workers = [worker for listed in lists for worker in listed]
        if gone:
            return sorted({name for worker in workers for name in worker.graphs})
        return served_graphs(workers, datetime.now(UTC))

    async def describe(self, graph: str, view: GraphView, *, namespace: str | None, **wanted: Any) -> dict[str, Any]:
        """As its worker describes it."""
        if graph not in (served := await self.graphs()):
            raise UnknownGraphError(graph, served)
        return await self._states.describe(graph, view, below=namespace, **wanted)

    async def state(self, thread_id: str, checkpoint_id: str | None, *, stored: bool) -> ThreadSnapshot | None:
        """The state at a checkpoint, the newest by default; `None` when there is none."""
        thread = await self.existing(thread_id)
        if stored:
            found = await self._stored.snapshot(thread_id, checkpoint_id)
        else:
            found = await self._states.snapshot(thread, checkpoint_id)
        await self._check_still(thread)
        return found

    async def history(
        self, thread_id: str, *, limit: int, before: str | None, stored: bool, nested: bool = False
    ) -> list[ThreadSnapshot]:
        """The states, the newest first; `nested`: with those of graphs within it, of what is stored."""
        if limit < 1:
            raise InvalidRunError(f"limit must be 1 or more, not {limit}", field="limit")
        thread = await self.existing(thread_id)
        if stored:
            saved = self._stored.history(thread_id, limit=limit, before=before, nested=nested)
            found = [snapshot async for snapshot in saved]
        else:
            found = await self._states.history(thread, limit=limit, before=before)
        await self._check_still(thread)
        return found

    async def update(
        self, thread_id: str, values: Any, *, as_node: str | None, checkpoint_id: str | None
    ) -> ThreadSnapshot | None:
        """The state that the change has made."""
        thread = await self.existing(thread_id)
        if thread.assistant_id is None:
            raise InvalidRunError(f"thread {thread_id!r} has no graph that could take the values", field="thread_id")
        update_id = str(uuid.uuid4())
        wanted = {"as_node": as_node, "checkpoint_id": checkpoint_id}
        made = await self._changed(thread, update_id, StateUpdate(*dump_value(values, "values")), **wanted)
        changed = await self._states.changed(thread, update_id, made)
        await self._check_still(thread)
        return changed

    async def prune(self, thread_id: str) -> bool:
        """Whether there is such a thread."""
        thread = await self.get(thread_id)
        if thread is None:
            return False
        if thread.assistant_id is not None:  # else it has no state
            await self._changed(thread, str(uuid.uuid4()), StateUpdate("prune", b""), prune=True)
        return True

    async def _changed(self, thread: ThreadRecord, update_id: str, kept: StateUpdate, **wanted: Any) -> str:
        """The checkpoint that it has made."""
        change = StateChange(
            installation=self._store.installation,
            update_id=update_id,
            assistant_id=str(thread.assistant_id),
            user_id=resolve_user_id(),
            **wanted,
        )
        await self._store.threads.put_update(update_id, kept)
        try:
            return await when_free(self._settings, self._store, lambda: self._change(thread.thread_id, change))
        finally:
            await self._store.threads.drop_update(update_id)

    async def delete(self, thread_id: str) -> bool:
        """Whether there was anything to remove."""
        user_id = resolve_user_id()
        if user_id is not None and await self.get(thread_id) is None:
            return False
        client = await self._temporal()
        await self._submitter().wait_for_worker(client)
        line = await self._store.line(thread_id)
        try:
            return await self._submitter().delete_thread(client, thread_id, line, user_id=user_id)
        except ThreadNotFoundError:
            return False

    async def _change(self, thread_id: str, change: StateChange) -> str:
        client, line = await self._temporal(), await self._store.line(thread_id)
        return await self._submitter().change_state(client, thread_id, line, change)

    async def _check_still(self, thread: ThreadRecord) -> None:
        """After a read: the thread may have been removed since it was found, and its id be another user's now."""
        if resolve_user_id() is not None and (await self.existing(thread.thread_id)).created_at != thread.created_at:
            raise ThreadNotFoundError(thread.thread_id)

    async def existing(self, thread_id: str) -> ThreadRecord:
        """Raises `ThreadNotFoundError`."""
        found = await self.get(thread_id)
        if found is None:
            raise ThreadNotFoundError(thread_id)
        return found


def _of_whom(user_id: UserId) -> str | None:
    """Whose threads: the bound actor sees no others, whatever is asked for."""
    actor = resolve_user_id()
    wanted = actor if user_id is AUTO else user_id
    if actor is not None and wanted != actor:
        raise InvalidRunError("user_id: an actor sees only threads of its own", field="user_id")
    return wanted


_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)


def _checked_id(thread_id: str) -> str:
    try:
        return _IDENTIFIER.validate_python(thread_id)
    except ValidationError as exc:
        raise InvalidRunError(f"thread_id {thread_id!r}: {exc.errors()[0]['msg']}", field="thread_id") from exc


def _metadata(metadata: Mapping[str, Any]) -> dict[str, _Scalar]:
    for key, value in metadata.items():
        if '"' in key or not isinstance(value, _Scalar):
            raise InvalidRunError(
                f"metadata[{key!r}]: threads are found by texts, numbers and booleans at the top of their metadata",
                field="metadata",
            )
    return dict(metadata)
