"""The store over SQL. Each call is one short transaction, and a single statement where it can be."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection, and_, bindparam, select

from ..blocking import QUICK
from ..contracts.errors import RunNotFoundError, UnavailableError
from ..contracts.keyring import Keyring
from ..contracts.specs import dump_spec, load_spec
from ..contracts.types import RunError, RunInterrupt, RunRecord, RunSpec, RunStatus, RunTrouble, WaitResult
from . import aging, drafts, events, progress, run_list, thread_search, threads, trouble, unended, workers
from .api_keys import SqlApiKeys
from .assistants import SqlAssistants
from .contract import RunEnding, Setback, StoredRun, ThreadLine
from .crons import SqlCrons
from .database import Database
from .lifecycle import SqlLifecycle
from .locks import lock_run
from .migrate import migrate
from .rows import OF_RUN, RESULT_COLUMNS, STORED_RUN, to_result, to_stored
from .run_filter import ALL_RUNS, RunFilter
from .schema import run_specs, run_values, runs
from .stories import SqlStories
from .thread_contract import ThreadLeft
from .usage import usage

_SPEC = select(run_specs.c.fields, run_specs.c.payload_kind, run_specs.c.payload).where(
    run_specs.c.run_id == bindparam("of_run")
)
# Once a question is answered, the values that came with it are out of date.
_WITH_VALUES = tuple(status.value for status in RunStatus if status.terminal or status is RunStatus.AWAITING_INPUT)
_CURRENT = and_(run_values.c.run_id == runs.c.run_id, runs.c.status.in_(_WITH_VALUES))
_RESULT = select(*RESULT_COLUMNS).select_from(runs.outerjoin(run_values, _CURRENT)).where(OF_RUN)


class SqlStore(aging.EndedRuns):
    """A `Store` in a SQL database.

    A call that is cancelled while it waits for its turn does nothing; one that has begun ends first. Every call
    raises `UnavailableError` when the database is locked for longer than `lock_timeout`, full or out of reach, or
    when the store is not started or closed. All of them may be repeated.
    """

    def __init__(
        self,
        url: str,
        *,
        lock_timeout: float = 10.0,
        capture_message_content: bool = True,
        keyring: Keyring | None = None,
    ) -> None:
        """Opens nothing yet. Raises `ConfigError`.

        `lock_timeout`: seconds to wait while others write. `capture_message_content`: whether run events have contents.
        `keyring`: seals what the tables hold of users' data.
        """
        self._database = Database(url, lock_timeout=lock_timeout, keyring=keyring)
        self._capture = capture_message_content
        self.events = events.SqlRunEvents(self._database, capture=capture_message_content)
        self.lifecycle = SqlLifecycle(self._database)
        self.stories = SqlStories(self._database)
        self.api_keys = SqlApiKeys(self._database)
        self.assistants = SqlAssistants(self._database)
        self.crons = SqlCrons(self._database)
        self.threads = threads.SqlThreads(self._database)
        self.workers = workers.SqlWorkers(self._database)
        self._installation: str | None = None

    async def start(self) -> None:
        """Connect, and bring the tables to the newest revision. What is missing is created. Idempotent.

        Raises `UnavailableError`, or `ConfigError` for tables of a newer version of Perdure.
        """
        try:
            await self._database.open()
            await migrate(self._database)
            self._installation = await workers.installation_id(self._database)
        except BaseException:
            await self._database.close()
            raise

    async def close(self) -> None:
        """Calls under way end first, later ones raise `UnavailableError`. Idempotent."""
        await self._database.close()

    @property
    def installation(self) -> str:
        """The identity of all that uses this store."""
        if self._installation is None:
            raise UnavailableError(f"the store {self._database} is not open: it was not started yet")
        return self._installation

    async def meet_temporal(self, namespace_id: str, place: str) -> None:
        """Note the Temporal that is at a place of the installation's own."""
        await workers.meet(self._database, namespace_id, place)

    async def abandon_temporal(self, namespace_id: str) -> None:
        """The Temporal is gone for good."""
        await workers.abandon(self._database, namespace_id)

    async def is_gone(self, namespace_id: str) -> bool:
        """Whether another Temporal has taken the place of this one."""
        return await workers.is_gone(self._database, namespace_id)

    async def create(
        self, record: RunRecord, spec: RunSpec, *, temporal: str | None = None, most_of_user: int | None = None
    ) -> tuple[StoredRun, bool]:
        """Write a draft and its spec. Raises `InvalidRunError`, `ThreadTakenError` and `LimitError`."""
        spec_row = dump_spec(spec)
        work = partial(drafts.create, record=record, spec=spec_row, temporal=temporal, most_of_user=most_of_user)
        return await self._database.write(work, quick=len(spec_row[2]) < QUICK)

    async def mark_submitted(self, run_id: str, *, sequence: int | None = None) -> None:
        """The run is no draft any more; a sequence that it has stays. An absent run is ignored.

        Also on a terminal record, for a fast run ends before its submission is acknowledged. It leaves
        `updated_at` alone, which tells when the run itself moved.
        """
        await self._database.write(lambda connection: drafts.mark_submitted(connection, run_id, sequence), quick=True)

    async def discard(self, run_id: str, *, taken_up: datetime) -> bool:
        """Remove a draft that nobody has taken up since; whether there was one."""
        draft = (runs.c.run_id == run_id, runs.c.submitted.is_(False), runs.c.updated_at == taken_up)
        return await self._database.write(lambda connection: drafts.remove(connection, *draft))

    async def line(self, thread_id: str) -> ThreadLine:
        """The thread's runs in flight, and its last sequence."""
        return await self._database.read(lambda connection: unended.line(connection, thread_id), quick=True)

    async def delete(self, run_id: str) -> bool:
        """Remove record, spec and values; whether there was a record."""
        return await self._database.write(lambda connection: drafts.remove(connection, runs.c.run_id == run_id))

    async def get(self, run_id: str) -> StoredRun | None:
        """The run, or `None`."""
        row = await self._database.find(STORED_RUN, of_run=run_id)
        return None if row is None else to_stored(row)

    async def list(
        self,
        thread_id: str | None = None,
        *,
        user_id: str | None = None,
        limit: int = 100,
        before: str | None = None,
        which: RunFilter = ALL_RUNS,
    ) -> builtins.list[StoredRun]:
        """The runs of a thread and a user (`None`: of all), the last created first, at most `limit` of them.

        `before` is the last run of the page before. Raises `RunNotFoundError` when that one is not in this listing
        (any more), and `ValueError` for a negative limit.
        """
        return await run_list.page(self._database, thread_id, user_id, limit, before, which)

    async def unended(self, *, limit: int = 100, after: RunRecord | None = None) -> builtins.list[RunRecord]:
        """Runs that have no end, some at a time."""
        return [*await self._database.read(lambda connection: unended.page(connection, limit, after))]

    async def lease(self, name: str, holder: str, seconds: float) -> bool:
        """Whether `holder` alone has it now."""
        return await self._database.write(lambda connection: unended.take_lease(connection, name, holder, seconds))

    async def get_spec(self, run_id: str) -> RunSpec:
        """The spec as it was submitted, Python values included. Raises `RunNotFoundError`."""
        rows = await self._database.fetch(_SPEC, of_run=run_id)
        if not rows:
            raise RunNotFoundError(run_id)
        return load_spec(*rows[0].values())

    async def get_result(self, run_id: str) -> WaitResult:
        """How the run stands, with its values at the end or at a question. Raises `RunNotFoundError`."""
        rows = await self._database.fetch(_RESULT, of_run=run_id)
        if not rows:
            raise RunNotFoundError(run_id)
        return to_result(rows[0])

    async def mark_running(
        self,
        run_id: str,
        *,
        fence: int,
        attempt: int,
        sequence: int | None = None,
        human_message: object = None,
        setback: Setback | None = None,
        worker: str | None = None,
    ) -> RunRecord:
        """Take the fence; `running`, with no question open. Raises `RunNotFoundError` or `FencedError`."""
        changes: dict[str, object] = {
            "status": RunStatus.RUNNING.value,
            "moment": datetime.now(UTC),
            "number": attempt,
            "interrupts": None,
            "error": None,
            "place": sequence,
        }

        def work(connection: Connection) -> RunRecord:
            troubled = trouble.after(connection, run_id, setback)
            record, moved = progress.advance(
                connection,
                run_id,
                progress.TO_WORK,
                {**changes, **troubled},
                fence=fence,
                capture=self._capture,
                human_message=human_message,
                attempt=trouble.told(setback, worker),
            )
            if moved:
                events.supersede(connection, run_id, fence=fence)
            return record

        return await self._database.write(work, quick=True)

    async def begin_turn(self, run_id: str, *, fence: int) -> None:
        """The run does not wait any more."""
        await self._database.write(lambda connection: trouble.begin_turn(connection, run_id, fence), quick=True)

    async def note_steps(self, run_id: str, steps: int, *, fence: int) -> None:
        """How far a run has come. Ignored for an older fence, after the end, and where it is not further."""
        await self._database.write(lambda connection: progress.note_steps(connection, run_id, steps, fence), quick=True)

    async def note_trouble(self, run_id: str, setback: Setback, *, fence: int) -> RunTrouble | None:
        """Work for a run was tried in vain; its trouble, if it is its own and has not ended."""
        return await self._database.write(lambda connection: trouble.note(connection, run_id, setback, fence))

    async def note_waiting(self, run_id: str, found: RunTrouble) -> None:
        """Why the run does not get on. An ended or absent run is ignored."""
        await self._database.write(lambda connection: trouble.note_waiting(connection, run_id, found))

    async def clear_trouble(self, run_id: str, *, fence: int) -> None:
        """The run has got on."""
        await self._database.write(lambda connection: trouble.clear(connection, run_id, fence), quick=True)

    async def mark_awaiting(
        self,
        run_id: str,
        *,
        fence: int,
        steps: int,
        interrupts: Sequence[RunInterrupt],
        values: bytes | None,
        title: str | None = None,
        error: RunError | None = None,
    ) -> RunRecord:
        """`awaiting_input`, with the questions and the values so far. Raises `RunNotFoundError` or `FencedError`."""
        changes = {
            "status": RunStatus.AWAITING_INPUT.value,
            "moment": datetime.now(UTC),
            "count": steps,
            "error": error,
            "interrupts": [*interrupts],
            "place": None,
        }
        left = ThreadLeft(values, interrupts)
        return await self._come_to_rest(run_id, changes, values, interrupts, title, fence, left)

    async def finish(self, run_id: str, ending: RunEnding, *, fence: int) -> RunRecord:
        """Write how the run ended. Raises `RunNotFoundError`, `FencedError`, or `ValueError` if that is no ending."""
        if not ending.status.terminal:
            raise ValueError(f"run {run_id!r} cannot finish as {ending.status.value!r}, which is no terminal status")
        now = datetime.now(UTC)
        changes = {
            "status": ending.status.value,
            "ended_at": now,
            "moment": now,
            "count": ending.steps,
            "error": ending.error,
            "cancel_action": ending.cancel_action and ending.cancel_action.value,
            "interrupts": [*ending.interrupts],
            "place": ending.sequence,
        }
        values, asked = ending.values, ending.interrupts
        return await self._come_to_rest(run_id, changes, values, asked, ending.title, fence, ending.left)

    async def _come_to_rest(
        self,
        run_id: str,
        changes: Mapping[str, object],
        values: bytes | None,
        interrupts: Sequence[RunInterrupt],
        title: str | None,
        fence: int,
        left: ThreadLeft | None,
    ) -> RunRecord:
        def work(connection: Connection) -> RunRecord:
            lock_run(connection, run_id)  # what its events say is counted, so none may follow
            counted = {"usage": usage(connection, run_id), "name": events.title(connection, run_id) or title}
            record, moved = progress.advance(
                connection,
                run_id,
                progress.TO_REST,
                {**changes, **counted, **trouble.NONE},
                fence=fence,
                capture=self._capture,
                interrupts=interrupts,
            )
            if moved:
                progress.replace_values(connection, run_id, values)
                if left is not None:
                    thread_search.leave(connection, record.thread_id, left)
                if record.title is not None:
                    threads.name(connection, record)
                if record.status.terminal:
                    events.settle(connection, run_id)
                    threads.drop_answers(connection, run_id)
            return record

        return await self._database.write(work, quick=len(values or b"") < QUICK)
