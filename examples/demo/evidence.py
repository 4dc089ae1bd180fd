"""The proof that nothing was lost and nothing done twice, from every place that knows of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from temporalio.client import Client, WorkflowHistory

from examples.demo.facts import Facts
from examples.demo.processes import DemoError
from perdure import RunRecord, RunsFacade, StreamEvent


@dataclass(frozen=True, slots=True)
class Check:
    """A claim, and whether it is true."""

    claim: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """A run at its end: what was streamed, and what others know of it."""

    facts: Facts
    record: RunRecord
    read_again: list[StreamEvent]
    """The stream, read once more from its start after the end."""
    saved: list[int]
    """The superstep of each checkpoint of the thread, as LangGraph's own saver finds them in its database."""
    history: WorkflowHistory
    """Of the run's workflow."""

    @property
    def repeats(self) -> int:
        """Supersteps that were done once more after they were complete: such a one saves, or speaks, again."""
        saved_again = {step for step, times in Counter(self.saved).items() if times > 1}
        return len(saved_again | self.facts.spoke_again)

    @property
    def lost(self) -> timedelta | None:
        """From the kill to the first event of the next attempt."""
        facts = self.facts
        return facts.resumed_at - facts.disturbed_at if facts.resumed_at and facts.disturbed_at else None

    @property
    def stopped_in(self) -> timedelta | None:
        """From the moment at which Temporal took the signal to the terminal event."""
        signals = [
            event
            for event in self.history.events
            if event.workflow_execution_signaled_event_attributes.signal_name == "cancel"
        ]
        return self.facts.last_at - signals[0].event_time.ToDatetime(UTC) if signals else None


async def gather(runs: RunsFacade, client: Client, run_id: str, facts: Facts, checkpoints: Path) -> Evidence:
    """Ask the store, the bridge, the checkpointer and Temporal."""
    record = await runs.get_run(run_id)
    if record is None:
        raise DemoError(f"the run {run_id} has no record")
    return Evidence(
        facts=facts,
        record=record,
        read_again=[event async for event in await runs.join_stream(run_id)],
        saved=await _saved(checkpoints, record.thread_id),
        history=await client.get_workflow_handle(f"run-{run_id}").fetch_history(),
    )


async def _saved(database: Path, thread_id: str) -> list[int]:
    async with AsyncSqliteSaver.from_conn_string(str(database)) as saver:
        checkpoints = saver.alist({"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}})
        steps = [checkpoint.metadata.get("step", 0) async for checkpoint in checkpoints]
    return sorted(step for step in steps if step > 0)


def checks_of_survivor(run: Evidence) -> list[Check]:
    """What must be true of a run whose worker was killed once."""
    facts, steps = run.facts, [*range(1, run.record.steps + 1)]
    return [
        Check("the run ended as success", _ended(run, "end", "success")),
        _all_events(run),
        Check(
            f"two workers had it: attempts {facts.attempts} in the stream, {run.record.attempt} in its record",
            facts.attempts == [1, 2] and run.record.attempt == 2,
        ),
        Check(f"the stream reports supersteps 1 to {len(steps)}, each once and in order", facts.done == steps),
        Check("the thread's checkpoints in the database: one for each superstep", run.saved == steps),
        Check("no token came from a superstep that was done already", not facts.spoke_again),
    ]


def checks_of_cancelled(run: Evidence) -> list[Check]:
    """What must be true of a run that was cancelled."""
    # The superstep that was cut may have been saved, too: a cancel can fall between a save and its announcement.
    saved_once = run.saved == [*range(1, len(run.saved) + 1)] and set(run.facts.done) <= set(run.saved)
    return [
        Check("the run ended as interrupted", _ended(run, "cancel", "interrupted")),
        _all_events(run),
        Check(f"supersteps 1 to {len(run.facts.done)}, done before the cancel, are saved, each once", saved_once),
    ]


def _ended(run: Evidence, event: str, status: str) -> bool:
    return run.facts.events[-1].event == event and run.record.status == status


def _all_events(run: Evidence) -> Check:
    events = run.facts.events
    dense = [event.id for event in events] == [str(number) for number in range(1, len(events) + 1)]
    return Check(
        f"{len(events)} events came, numbered 1 to {len(events)} without a gap; read again they are the same",
        dense and run.read_again == events,
    )
