"""A run whose events are kept, cut before any write of them too, and its rows in a form that can be compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import count
from typing import Any

from graphs.agents import AGENTS
from langchain_core.messages import HumanMessage

from perdure.contracts.events import RunEvent
from perdure.contracts.types import RunRecord, RunScope, RunSpec, RunStatus
from perdure.contracts.wire import RunLimits, SliceInput
from perdure.store import RunEnding, SqlStore
from perdure.store.event_contract import EventBatch, EventFilter, RunEventStore

from ..driving import BackEnds, Fuse, Power, Run, load

_numbers = count(1)


@cache
def _agent(name: str) -> Any:
    return AGENTS[name]()


class CutEvents:
    """Of a store's events what a slice uses, as long as there is power."""

    def __init__(self, inner: RunEventStore, power: Power) -> None:
        self._inner = inner
        self._power = power
        self.list = inner.list
        self.drop = inner.drop

    async def write(self, run_id: str, batch: EventBatch, *, fence: int, attempt: int) -> None:
        self._power.use(run_id)
        await self._inner.write(run_id, batch, fence=fence, attempt=attempt)


@dataclass
class RecordedRun(Run):
    """A run with a record."""

    store: SqlStore | None = None

    @property
    def kept(self) -> SqlStore:
        assert self.store is not None
        return self.store

    def _event_store(self, power: Power) -> RunEventStore:
        return CutEvents(self.kept.events, power)

    async def _begin(self, given: SliceInput, fence: int, number: int) -> None:
        await self.kept.mark_running(self.run_id, fence=fence, attempt=number, human_message="What is it?")
        await super()._begin(given, fence, number)

    async def finished(self) -> RunRecord:
        """To the end, and the record."""
        await self.to_end()
        fence = (self.state.fence + 1) << 20
        return await self.kept.finish(self.run_id, RunEnding(RunStatus.SUCCESS, 1), fence=fence)

    async def rows(self) -> list[RunEvent]:
        return await self.kept.events.list(EventFilter(run_id=self.run_id), limit=10_000)


async def recorded(
    ends: BackEnds,
    store: SqlStore,
    name: str,
    *,
    budget: float = 0.0,
    fuse: Fuse | None = None,
    cancels: Iterable[float | int | None] = (),
    **spec: Any,
) -> RecordedRun:
    """A run of an agent, with ids of its own."""
    number = next(_numbers)
    run_id, thread_id = f"recorded-{number}", f"recorded-thread-{number}"
    given = RunSpec(
        assistant_id="graph",
        scope=RunScope(thread_id=thread_id),
        input={"messages": [HumanMessage("What is it?", id="question")]},
        **spec,
    )
    now = datetime.now(UTC)
    await store.create(
        RunRecord(run_id=run_id, thread_id=thread_id, assistant_id="graph", created_at=now, updated_at=now), given
    )
    return RecordedRun(
        ends,
        await load(_agent(name)),
        given,
        run_id=run_id,
        thread_id=thread_id,
        limits=RunLimits(slice_budget=budget),
        fuse=fuse or Fuse(),
        cancels=iter(cancels),
        answer=lambda asked: {question.id: "yes" for question in asked},
        store=store,
    )
