"""`RunsFacade`: runs, from any process that reaches Temporal, the store and the bridge.

What speaks with Temporal is made when it is first needed: its client takes as long to load as all the rest, and a
program that reads records or follows a stream needs none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from ..bridge.contract import Bridge, parse_event_id
from ..contracts.errors import RunNotFoundError
from ..contracts.events import EventCategory, RunEvent
from ..contracts.lifecycle import Delivery
from ..contracts.settings import Settings
from ..contracts.shown_users import ShowUser
from ..contracts.types import CancelAction, RunPage, RunRecord, RunSpec, RunStatus, WaitResult
from ..store.contract import Store
from .api_keys import ApiKeys
from .assistants import Assistants
from .choices import chosen
from .events import Events
from .lasting_streams import LastingStreams
from .listing import RunListing
from .lookup import RunLookup
from .overview import Overview
from .run_stream import RunStream
from .streams import create_attended, is_attended, join_attended
from .thread_calls import ThreadCalls
from .threads import StateReader, Threads
from .wait import wait_for_run
from .waiting import WaitingRuns

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore
    from temporalio.client import Client

    from .creation import Creation
    from .crons import Crons
    from .steering import Steering
    from .submission import PollersCheck, Submitter


class RunsFacade(ThreadCalls):
    """Creates, follows, stops and lists runs, and looks after threads. Made by `perdure.connect`."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store,
        bridge: Bridge,
        stored: StateReader,
        node_store: Callable[[], BaseStore],
        temporal: Callable[[], Awaitable[Client]],
        workers_polling: PollersCheck,
        show_user: ShowUser,
    ) -> None:
        self._settings = settings
        self._store = store
        self._lookup = RunLookup(settings.temporal, store, temporal)
        self._events = Events(store, self._lookup)
        self._waiting = WaitingRuns(settings, store.workers)
        self._listing = RunListing(store, self._lookup)
        self._bridge = LastingStreams(bridge, store)
        self._node_store = node_store
        self._temporal = temporal
        self._workers_polling = workers_polling
        self._show_user = show_user
        queues = (settings.temporal.task_queue, *settings.task_queues)
        super().__init__(Threads(settings.temporal, queues, store, stored, temporal, lambda: self._submitter))

    @cached_property
    def _submitter(self) -> Submitter:
        from .submission import Submitter

        temporal = self._settings.temporal
        return Submitter(temporal, self._workers_polling, self._store.installation, self._show_user)

    @cached_property
    def _steering(self) -> Steering:
        from .steering import Steering

        return Steering(self._settings.temporal, self._lookup, self._store)

    @cached_property
    def _creation(self) -> Creation:
        from .creation import Creation

        return Creation(self._settings, self._store, self._bridge, self._temporal, self._lookup, self._submitter)

    @cached_property
    def crons(self) -> Crons:
        """Runs at the times of a cron expression (`docs/crons.md`)."""
        from .crons import Crons

        return Crons(self._settings.temporal, self._store, self._temporal, lambda: self._creation)

    @cached_property
    def assistants(self) -> Assistants:
        """Graphs with a config and a context of their own (`docs/langgraph-api.md`)."""
        return Assistants(self._store.assistants, self.list_graphs)

    @cached_property
    def api_keys(self) -> ApiKeys:
        """Who may call the gateway (`docs/serve.md`)."""
        return ApiKeys(self._store)

    @cached_property
    def overview(self) -> Overview:
        """Why runs stand still, and the story of one (`docs/page.md`)."""
        return Overview(self._store, self._lookup, self._listing, self._waiting, self._threads)

    @property
    def store(self) -> BaseStore:
        """LangGraph's store, the one that nodes have: what they remember beyond their thread.

        It knows no users: what is whose is said by its namespaces. Opened by its first call, until the facade is
        closed. Raises `ConfigError` and `GraphLoadError` (the key `store` of `langgraph.json`).
        """
        return self._node_store()

    # Creating.

    async def create_background(self, spec: RunSpec) -> RunRecord:
        """Submit a run and return its record as soon as its place in the thread is certain.

        A `run_id` that was submitted before is the same run: its record, and no second execution. Raises
        `InvalidRunError` (also `UnknownGraphError`), `ThreadBusyError`, and, safe to repeat with the same `run_id`,
        `NoWorkerError` and other `UnavailableError`s. Nothing is left of a run that was refused.
        """
        return await self._creation.create(spec)

    async def create_and_stream(
        self, spec: RunSpec, *, heartbeat_interval: float | None = None
    ) -> tuple[RunRecord, RunStream]:
        """Submit a run and follow its stream from the first event. Raises as `create_background`.

        Who leaves the stream before its end closes it: `async with stream:`, or `aclose`.
        With `on_disconnect="cancel"` the run is cancelled when its stream is closed or dropped before its end, and,
        within a minute, when this process dies. A reader that is slow, or that joins later, changes nothing.
        """
        if is_attended(spec):
            create = partial(self._creation.create, spec)
            return await create_attended(self._bridge, create, self.cancel, heartbeat_interval=heartbeat_interval)
        record = await self.create_background(spec)
        return record, RunStream(self._bridge.subscribe(record.run_id, heartbeat_interval=heartbeat_interval))

    async def create_and_wait(self, spec: RunSpec) -> tuple[RunRecord, WaitResult]:
        """Submit a run and wait until it ends or asks. The record is as it is then."""
        run_id = (await self.create_background(spec)).run_id
        result = await wait_for_run(self._store, self._bridge, run_id)
        return (await self._lookup.existing(run_id)).record, result

    async def retry(self, run_id: str, *, new_run_id: str | None = None) -> RunRecord:
        """Submit a new run with the spec of one that has failed or was stopped, on the same thread; its record.

        It is given the same input, and begins where the thread stands now (or at the spec's checkpoint).
        `follow_up_to_run_id` names the old run, `new_run_id` is the idempotency key. Raises `RunStateError` for a run
        that is in flight or has succeeded, `RunNotFoundError`, and as `create_background`.
        """
        return await self._creation.retry(run_id, new_run_id)

    # Following.

    async def join_stream(
        self,
        run_id: str,
        *,
        last_event_id: str | int | None = None,
        heartbeat_interval: float | None = None,
        holds: bool = False,
    ) -> RunStream:
        """The run's events after `last_event_id` (all of them by default), live, up to its terminal event.

        `heartbeat_interval`: seconds of silence after which a `heartbeat` event is yielded. `holds`: the run goes on
        only as long as this reader is there, as with `on_disconnect="cancel"`. Raises `RunNotFoundError` and
        `InvalidEventIdError`, at once.
        """
        after = parse_event_id(last_event_id)
        ended = (await self._lookup.existing(run_id)).record.status.terminal
        events = self._bridge.subscribe(run_id, last_event_id=after, heartbeat_interval=heartbeat_interval)
        return (
            await join_attended(self._bridge, run_id, self.cancel, events) if holds and not ended else RunStream(events)
        )

    async def join_wait(self, run_id: str, *, last_event_id: str | int | None = None) -> WaitResult:
        """Wait until the run ends or asks; a run that has ended answers at once. Raises `RunNotFoundError`."""
        parse_event_id(last_event_id)
        await self._lookup.existing(run_id)
        return await wait_for_run(self._store, self._bridge, run_id, last_event_id=last_event_id)

    # Stopping and answering.

    async def cancel(self, run_id: str, *, action: CancelAction | str = CancelAction.INTERRUPT) -> bool:
        """Stop a run at once; a queued one never starts. The first action wins.

        `action`: `interrupt` keeps what the run has done, `rollback` gives its thread back as it was before the run.
        True: it ends as cancelled. False: it had ended, or its end had been decided.
        """
        checked = chosen(CancelAction, action, "cancel action")
        if await self._has_ended(run_id):  # then nobody has to be told, and Temporal's client is not even loaded
            return False
        return await self._steering.cancel(run_id, checked)

    async def interrupt(self, run_id: str) -> bool:
        """Stop a run at its next superstep boundary and keep everything. False when it has ended already."""
        return not await self._has_ended(run_id) and await self._steering.interrupt(run_id)

    async def _has_ended(self, run_id: str) -> bool:
        return (await self._lookup.existing(run_id)).record.status.terminal

    async def resume(self, run_id: str, value: Any) -> None:
        """Answer the question of a run that awaits input; several open ones by `{interrupt_id: value}`.

        Raises `RunStateError` when the run does not wait or the answer fits no question, `InvalidRunError` for one that
        has no form in JSON or is larger than 32 MB. `NoWorkerError` says whether the answer was sent: where the last
        worker has just died, it may be taken when the next one starts.
        """
        await self._steering.resume(run_id, value)

    # Records.

    async def get_run(self, run_id: str) -> RunRecord | None:
        """The run's record, `None` for an unknown run."""
        stored = await self._lookup.find(run_id)
        if stored is None or not await self._lookup.exists(stored):
            return None
        return (await self._waiting.told([stored.record]))[0]

    async def get_spec(self, run_id: str) -> RunSpec:
        """What the run was asked to be. Raises `RunNotFoundError`."""
        await self._lookup.existing(run_id)
        return await self._store.get_spec(run_id)

    async def list_runs(
        self, thread_id: str | None = None, *, limit: int = 100, before: str | None = None
    ) -> list[RunRecord]:
        """Records, newest first; of one thread, or of all. `before`: the run id at which the last page ended.

        As many as `limit`, unless there are no more. `page_runs` chooses by more, and says whether there are.
        """
        return [*(await self.page_runs(thread_id, limit=limit, before=before)).runs]

    async def page_runs(
        self,
        thread_id: str | None = None,
        *,
        status: Sequence[RunStatus | str] | RunStatus | str = (),
        assistant_id: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> RunPage:
        """A page of the runs that have one of these statuses, are of this graph, and were created `since` then.

        Newest first, and full unless there are no more; `RunPage.next` is the `before` of the next one. Raises
        `InvalidRunError`, and `RunNotFoundError` for a `before` that is no run (any more).
        """
        return await self.overview.page(
            thread_id, status=status, assistant_id=assistant_id, since=since, limit=limit, before=before
        )

    async def unended_runs(self) -> list[RunRecord]:
        """All runs that have not ended, whatever their thread, in no order that means anything."""
        return [run async for run in self._listing.unended()]

    async def list_deliveries(self, run_id: str) -> list[Delivery]:
        """How far each observer, and the run's webhook, has been told of the run, and what it was not told.

        Those that have been told nothing yet are not in it. Raises `RunNotFoundError`.
        """
        await self._lookup.existing(run_id)
        return await self._store.lifecycle.deliveries(run_id)

    async def list_events(
        self,
        run_id: str | None = None,
        *,
        thread_id: str | None = None,
        categories: Sequence[EventCategory] = (),
        types: Sequence[str] = (),
        after: int | None = None,
        before: int | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> list[RunEvent]:
        """What happened inside of a run, or of the runs of a thread, the oldest first unless `newest_first`.

        At most `limit` of the events with a `seq` above `after` and below `before`, of these `categories` and `types`
        if any are given. Raises `RunNotFoundError`, and `InvalidRunError` for a filter that cannot be.
        """
        return await self._events.list(
            run_id,
            thread_id,
            categories=categories,
            types=types,
            after=after,
            before=before,
            limit=limit,
            newest_first=newest_first,
        )

    async def delete_run(self, run_id: str) -> bool:
        """Remove a run's record and stream. A run in flight is cancelled, and has stopped, before. False if unknown."""
        stored = await self._lookup.find(run_id)
        # A draft is no run. Its submission may be under way, and Temporal about to have a run that no record tells of.
        if stored is None or not await self._lookup.exists(stored):
            return False
        if not stored.record.status.terminal:
            with suppress(RunNotFoundError):  # somebody else deletes it, too, or Temporal has lost it
                await self.cancel(run_id)
                await wait_for_run(self._store, self._bridge, run_id, at_questions=False)
        # The record last: as long as it is there, a repeated deletion finds the rest.
        await self._bridge.cleanup(run_id)
        return await self._store.delete(run_id)
