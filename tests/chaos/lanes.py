"""Whether the runs of a thread have executed one after the other, each once, in the order of their admission."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from perdure import MultitaskStrategy, RunRecord, RunStatus

NODES = ("first", "tool", "walk", "last")
"""Of `graphs/lane.py`, in their order."""
_ENDS = {
    MultitaskStrategy.INTERRUPT: RunStatus.INTERRUPTED,
    MultitaskStrategy.ROLLBACK: RunStatus.ROLLED_BACK,
}


@dataclass(frozen=True, slots=True)
class Step:
    """A node of a run entered the lane, or left it."""

    run_id: str
    node: str
    what: str


def read_lane(file: Path) -> list[Step]:
    """Every step of the runs of a thread, in the order in which they happened."""
    return [Step(*line.split()) for line in file.read_text().splitlines()] if file.exists() else []


def wrong_lane(steps: Sequence[Step], records: Sequence[RunRecord], values: Any, *, killed: bool) -> Iterator[str]:
    """What is wrong with a thread. `values`: its state in the end; `killed`: workers died on the way."""
    records = sorted(records, key=lambda record: record.sequence or 0)
    # A synchronous tool of a cancelled run cannot be stopped: it may leave late, but it may not come late.
    ordered = [step.run_id for step in steps if (step.node, step.what) != ("tool", "leaves")]
    blocks = [run_id for run_id, _ in groupby(ordered)]
    if sorted(set(blocks)) != sorted(blocks):
        yield f"runs overlap: {[run_id for run_id in blocks if blocks.count(run_id) > 1]}"
    elif blocks != [record.run_id for record in records if record.run_id in blocks]:
        yield f"not in the order of admission: {blocks}"
    yield from _wrong_ends(records)
    for earlier, later in pairwise(record for record in records if record.started_at):
        if not (earlier.ended_at and later.started_at and earlier.ended_at <= later.started_at):
            yield f"{later.run_id} has started before the end of {earlier.run_id}"
    kept = list(values["log"]) if values else []
    entered = {record.run_id: _entered(steps, record.run_id) for record in records}
    for record in records:
        yield from _wrong_execution(record, entered[record.run_id], kept, killed=killed)
    if kept != [entry for record in records for entry in kept if entry.split()[0] == record.run_id]:
        yield f"the thread's state is not in the order of its runs: {kept}"


def _wrong_ends(records: Sequence[RunRecord]) -> Iterator[str]:
    for position, record in enumerate(records):
        later = {_ENDS[one.multitask_strategy] for one in records[position + 1 :] if one.multitask_strategy in _ENDS}
        if record.status is not RunStatus.SUCCESS and record.status not in later:
            yield f"{record.run_id} has ended as {record.status}: {record.error}"


def _entered(steps: Sequence[Step], run_id: str) -> list[str]:
    return [step.node for step in steps if step.run_id == run_id and step.what == "enters"]


def _wrong_execution(record: RunRecord, entered: list[str], kept: Sequence[str], *, killed: bool) -> Iterator[str]:
    nodes = [node for node, _ in groupby(entered)] if killed else entered
    mine = [entry.split()[1] for entry in kept if entry.split()[0] == record.run_id]
    if nodes != list(NODES[: len(nodes)]):
        yield f"{record.run_id} has executed {entered}"
    match record.status:
        case RunStatus.SUCCESS:
            right = [*NODES] == nodes == mine
        case RunStatus.ROLLED_BACK:
            right = not mine
        case _:  # what was complete is kept: all but, perhaps, the last one
            right = mine in (nodes, nodes[:-1])
    if not right:
        yield f"{record.run_id} ({record.status}) has executed {entered}, and its thread kept {mine}"
