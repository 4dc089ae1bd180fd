"""What `RunsFacade` offers of threads and of graphs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ..contracts.actor import AUTO, UserId
from ..contracts.filters import Filter
from ..contracts.threads import (
    ThreadDetails,
    ThreadOrder,
    ThreadPage,
    ThreadRecord,
    ThreadSnapshot,
    ThreadStatus,
)
from ..contracts.wire_thread import GraphView
from .threads import Threads


class ThreadCalls:
    """The half of a facade that needs no run."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    async def create_thread(
        self,
        thread_id: str | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        assistant_id: str | None = None,
        if_exists: Literal["raise", "do_nothing"] = "raise",
    ) -> ThreadRecord:
        """A thread without runs. With `if_exists="do_nothing"` the one that is there already, as it is.

        `assistant_id`: the graph that shows and takes its state until it has a run. Raises `ThreadExistsError`, and
        `ThreadTakenError` for another user's.
        """
        return await self._threads.create(thread_id, metadata, assistant_id, if_exists=if_exists)

    async def update_thread(self, thread_id: str, metadata: Mapping[str, Any]) -> ThreadRecord:
        """Merge this into the metadata of a thread. Raises `ThreadNotFoundError`."""
        return await self._threads.add_metadata(thread_id, metadata)

    async def copy_thread(self, thread_id: str) -> ThreadDetails:
        """A new thread with the metadata and all checkpoints of this one, as it is now; its runs stay where they are.

        It is the caller's. A worker copies, which has to serve the graph. Raises `ThreadNotFoundError`,
        `NoWorkerError`, `StateUnreadableError` and other `UnavailableError`s, with no thread left.
        """
        return await self._threads.copy(thread_id)

    async def get_thread_details(self, thread_id: str) -> ThreadDetails | None:
        """The thread's record, and its values, questions and error as it was left; `None` for an unknown one."""
        return await self._threads.details(thread_id)

    async def search_threads(
        self,
        *,
        ids: list[str] | None = None,
        status: ThreadStatus | str | list[ThreadStatus] | None = None,
        metadata: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
        matching: Filter | None = None,
        sort_by: ThreadOrder = "created_at",
        descending: bool = True,
        limit: int = 100,
        offset: int = 0,
        with_values: bool = True,
    ) -> ThreadPage:
        """Threads that have all of this, and how many there are in all. Those of stateless runs are left out.

        `metadata` and `values`: objects of texts, numbers, booleans and nulls; each has to be there at the same depth.
        `matching`: what the metadata have to be besides.
        Raises `InvalidRunError`.
        """
        return await self._threads.search(
            ids=ids,
            status=status,
            metadata=metadata,
            values=values,
            matching=matching,
            sort_by=sort_by,
            descending=descending,
            limit=limit,
            offset=offset,
            with_values=with_values,
        )

    async def count_threads(
        self,
        *,
        status: ThreadStatus | str | list[ThreadStatus] | None = None,
        metadata: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
        matching: Filter | None = None,
    ) -> int:
        """How many threads have all of this. Raises `InvalidRunError`."""
        return await self._threads.count(status=status, metadata=metadata, values=values, matching=matching)

    async def prune_thread(self, thread_id: str) -> bool:
        """Forget the history of a thread; its newest state, with its questions, stays as it is. False if unknown.

        Of each graph within it the newest checkpoint stays, too. A worker does it, while the thread has no run in
        flight. Raises `ThreadBusyError`, `NoWorkerError` and other `UnavailableError`s; safe to repeat.
        """
        return await self._threads.prune(thread_id)

    async def delete_thread(self, thread_id: str) -> bool:
        """Remove a thread: its runs, which are cancelled and have stopped before, and its state. False if unknown.

        A run that is submitted later finds a new thread. Raises `UnavailableError`; safe to repeat.
        """
        return await self._threads.delete(thread_id)

    async def get_thread(self, thread_id: str) -> ThreadRecord | None:
        """The thread's record, `None` for an unknown one."""
        return await self._threads.get(thread_id)

    async def list_threads(
        self,
        *,
        status: ThreadStatus | str | None = None,
        metadata: Mapping[str, Any] | None = None,
        user_id: UserId = AUTO,
        limit: int = 100,
        before: str | None = None,
    ) -> list[ThreadRecord]:
        """Threads, the last created first, that have this status and all of this metadata (texts, numbers, booleans).

        `before`: the thread id at which the last page ended. Raises `InvalidRunError`, `ThreadNotFoundError`.
        """
        return await self._threads.list(status=status, metadata=metadata, user_id=user_id, limit=limit, before=before)

    async def get_state(
        self, thread_id: str, checkpoint_id: str | None = None, *, stored: bool = False
    ) -> ThreadSnapshot | None:
        """The state of a thread as its graph shows it, on a worker: now, or at a checkpoint; `None` when it has none.

        `stored`: as the checkpointer holds it instead, without graph or worker (`ThreadSnapshot.source`). Raises
        `ThreadNotFoundError`, `NoWorkerError` after 3 s, `StateUnreadableError` when no worker serves the graph.
        """
        return await self._threads.state(thread_id, checkpoint_id, stored=stored)

    async def history(
        self, thread_id: str, *, limit: int = 100, before: str | None = None, stored: bool = False
    ) -> list[ThreadSnapshot]:
        """The states of a thread, the newest first; `before` a checkpoint id (for paging). Otherwise as `get_state`."""
        return await self._threads.history(thread_id, limit=limit, before=before, stored=stored)

    async def update_state(
        self, thread_id: str, values: Any, *, as_node: str | None = None, checkpoint_id: str | None = None
    ) -> ThreadSnapshot | None:
        """Write `values` into the state of a thread, through its graph's reducers; the state that this makes.

        `as_node`: the node in whose name they are written, which decides what is next; without it LangGraph finds one.
        Raises `ThreadNotFoundError`, `ThreadBusyError` while a run is in flight, `InvalidRunError` for what the graph
        refuses, and `UnavailableError`.
        """
        return await self._threads.update(thread_id, values, as_node=as_node, checkpoint_id=checkpoint_id)

    # Graphs.

    async def list_graphs(self, *, gone: bool = False) -> list[str]:
        """The names of the graphs that the workers serve now; with `gone` also those that they did within a day."""
        return await self._threads.graphs(gone=gone)

    async def describe_graph(
        self,
        name: str,
        view: GraphView,
        *,
        xray: bool | int = False,
        namespace: str | None = None,
        recurse: bool = False,
    ) -> dict[str, Any]:
        """A graph as LangGraph describes it, read by a worker.

        `graph`: its nodes and edges, down to `xray` levels of subgraphs. `schemas`: of input, output, state and
        context; `None` for one that cannot be made. `subgraphs`: the schemas of those below, by namespace. Raises
        `UnknownGraphError`, `NoWorkerError`, `StateUnreadableError`.
        """
        return await self._threads.describe(name, view, xray=xray, namespace=namespace, recurse=recurse)
