"""From a spec to a run: planned, written as a draft, submitted, and no draft any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

from opentelemetry.trace import SpanKind
from temporalio.client import Client

from ..bridge.contract import Bridge
from ..contracts.errors import InvalidRunError, RunStateError, ThreadBusyError
from ..contracts.limit_errors import LimitError
from ..contracts.settings import Settings
from ..contracts.specs import dump_spec
from ..contracts.telemetry import tracing
from ..contracts.types import RunRecord, RunSpec, RunStatus
from ..contracts.wire_thread import Admission
from ..store.contract import Store
from .lookup import RunLookup
from .planner import ExecutionPlanner, RunPlan
from .retry import when_free
from .served import ServedGraphs
from .streams import Attend, is_attended
from .submission import Submitter
from .translation import AlreadySubmittedError


class Creation:
    """Creates the runs of one facade. Nothing is left of a run that was refused."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        bridge: Bridge,
        temporal: Callable[[], Awaitable[Client]],
        lookup: RunLookup,
        submitter: Submitter,
    ) -> None:
        self._settings = settings
        self._store = store
        self._bridge = bridge
        self._temporal = temporal
        self._lookup = lookup
        self._submitter = submitter
        self._limits = limits = settings.limits
        self._planner = ExecutionPlanner(
            settings.runs,
            settings.webhooks,
            queue_of=settings.queue_of,
            most_queued=limits.queued_runs_per_thread,
        )
        self._served = ServedGraphs(settings, store)

    async def create(self, spec: RunSpec, attend: Attend | None = None) -> RunRecord:
        """The record, once the run's place in its thread is certain. `attend` is called before the submission."""
        if attend is None and is_attended(spec):
            # Nobody's presence holds it, and its record has to say so: a worker gives leases that are lost again.
            spec = spec.model_copy(update={"on_disconnect": "continue"})
        with _traced(spec):
            return await self._create(spec, attend)

    async def check(self, spec: RunSpec) -> None:
        """Refuse what would be refused at each submission. Nothing is written. Raises as `create`."""
        self._planner.plan(spec)
        await self._submitter.wait_for_worker(await self._temporal())
        await self._served.check(spec)

    async def retry(self, run_id: str, new_run_id: str | None) -> RunRecord:
        """A new run with the spec of one that has ended without success."""
        status = (await self._lookup.existing(run_id)).record.status
        if not status.terminal or status is RunStatus.SUCCESS:
            raise RunStateError(run_id, f"only a run that has failed or was stopped is retried (it is {status})")
        again = {"run_id": new_run_id, "follow_up_to_run_id": run_id, "after_seconds": 0.0}
        return await self.create((await self._store.get_spec(run_id)).model_copy(update=again))

    async def _create(self, spec: RunSpec, attend: Attend | None) -> RunRecord:
        plan = self._planner.plan(spec, installation=self._store.installation)
        if self._limits.input_size is not None:
            _check_size(plan.spec, self._limits.input_size)
        client = await self._temporal()
        await self._submitter.wait_for_worker(client)
        await self._served.check(spec)
        if spec.follow_up_to_run_id is not None:
            await self._lookup.existing(spec.follow_up_to_run_id)
        # The record first, then the stream, then Temporal: what is left of a submission that is cut off in between is a
        # draft, which no list shows and which nobody executes.
        stored, created = await self._store.create(
            plan.record, plan.spec, temporal=self._submitter.namespace_id, most_of_user=self._limits.runs_per_user
        )
        _check_same_run(plan, stored.record)
        if stored.record.status.terminal:
            return stored.record
        await self._bridge.create(plan.run_id)
        if attend is not None:
            await attend(plan.run_id)
        if spec.run_id is not None:
            # Before the thread is asked: it knows the ids of its own runs only, and would cancel others for nothing.
            await self._check_not_used_up(plan, created=created)
        return await self._submit(client, plan, created=created)

    async def _submit(self, client: Client, plan: RunPlan, *, created: bool) -> RunRecord:
        try:
            admission = await self._admitted(client, plan)
        except AlreadySubmittedError:
            await self._check_not_used_up(plan, created=created)
            await self._store.mark_submitted(plan.run_id)
        except (ThreadBusyError, InvalidRunError):
            # Unless another caller has taken up the draft: it may have been admitted in this moment.
            if await self._store.discard(plan.run_id, taken_up=plan.record.updated_at):
                await self._bridge.cleanup(plan.run_id)
            raise
        else:
            if admission.known:
                await self._check_not_used_up(plan, created=created)
            await self._store.mark_submitted(plan.run_id, sequence=admission.sequence or None)
        return (await self._lookup.existing(plan.run_id)).record

    async def _check_not_used_up(self, plan: RunPlan, *, created: bool) -> None:
        """Temporal knows the id, but there was no record: its run has been deleted."""
        if not created or not await self._lookup.has_closed(plan.run_id):
            return
        stored = await self._store.get(plan.run_id)
        if stored is None or stored.record.status.terminal:
            return
        await self._store.delete(plan.run_id)
        await self._bridge.cleanup(plan.run_id)
        raise InvalidRunError(f"run_id {plan.run_id!r} stood for a deleted run; choose another", field="run_id")

    async def _admitted(self, client: Client, plan: RunPlan) -> Admission:
        async def submit() -> Admission:
            return await self._submitter.submit(client, plan, await self._store.line(plan.record.thread_id))

        return await when_free(self._settings.temporal, self._store, submit)


@contextmanager
def _traced(spec: RunSpec) -> Generator[None]:
    """The span on which everything that the run does will hang."""
    if not tracing.enabled():
        yield
        return
    about = {"gen_ai.agent.name": spec.assistant_id}
    span = tracing.start(f"create_run {spec.assistant_id}", kind=SpanKind.PRODUCER, attributes=about)
    with tracing.current(span):
        yield


def _check_size(spec: RunSpec, limit: int) -> None:
    """Raises `LimitError`."""
    _, _, payload = dump_spec(spec)
    if len(payload) > limit:
        raise LimitError("input_size", limit, f"the run's input has {len(payload)} bytes", field="input")


def _check_same_run(plan: RunPlan, record: RunRecord) -> None:
    mine = plan.record
    if record.user_id != mine.user_id:
        raise InvalidRunError(f"run_id {plan.run_id!r} is taken; leave it out", field="run_id")
    if (record.thread_id, record.assistant_id) != (mine.thread_id, mine.assistant_id):
        raise InvalidRunError(
            f"run_id {plan.run_id!r} stands for a run of graph {record.assistant_id!r} on thread {record.thread_id!r}; "
            "leave it out to start another run",
            field="run_id",
        )
