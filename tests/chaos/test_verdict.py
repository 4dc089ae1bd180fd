"""The judge sees what is wrong with a run, and only that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from perdure import CancelAction, RunRecord, RunStatus, StreamEvent, WaitResult
from perdure.activities.graphs.run_config import run_config
from perdure.contracts.serialization.serializer import from_json, to_json

from .journal import Received
from .reference import Reference, load_graphs, reference
from .verdict import finished_tasks, wrong_end, wrong_story
from .wild import INPUT, WildRun
from .work import Line, read_work

NOW = datetime.now(UTC)


@dataclass
class Told:
    """All that is told of a run: here of one that went well, by LangGraph itself."""

    journal: list[Received]
    work: list[Line]
    record: RunRecord
    result: WaitResult
    right: Reference

    def wrong(self) -> list[str]:
        ended = wrong_end(self.journal, self.record, self.result)
        return ended + wrong_story([self.journal], self.work, self.result.values, self.right)

    def at(self, mode: str, number: int) -> int:
        """Where the n-th event of a mode stands."""
        return [i for i, one in enumerate(self.journal) if one.event.event.partition("|")[0] == mode][number]

    def number_again(self) -> None:
        """Give the events dense ids."""
        self.journal = [
            Received(one.at, StreamEvent(id=str(number + 1), event=one.event.event, data=one.event.data))
            for number, one in enumerate(self.journal)
        ]


@pytest.fixture
async def told(tmp_path: Path) -> Told:
    run = WildRun(seed="judge", run_id="run", thread_id="thread", folder=tmp_path)
    config = run_config(run.spec(runnable_config=run.config(run.effects, 0.0)), run.run_id, run.thread_id)
    graph = load_graphs().make(config).copy({"checkpointer": InMemorySaver()})
    chunks = graph.astream(INPUT, config, stream_mode=[*run.modes, "checkpoints"], subgraphs=True, durability="sync")
    raw = [
        ("|".join((mode, *ns)), from_json(to_json(data))) async for ns, mode, data in chunks if mode != "checkpoints"
    ]
    end = {"status": "success", "steps": 3, "attempt": 1, "cancel_action": None}
    events = [("metadata", {"attempt": 1}), *raw, ("end", end)]
    work = read_work(run.effects)
    journal = [
        Received(work[-1].at, StreamEvent(id=str(i + 1), event=e, data=data)) for i, (e, data) in enumerate(events)
    ]
    record = RunRecord(
        run_id="run", thread_id="thread", assistant_id="wild", status=RunStatus.SUCCESS, attempt=1, steps=3,
        created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    right = await reference(run)
    result = WaitResult(run_id="run", thread_id="thread", status=RunStatus.SUCCESS, values=right.values)
    return Told(journal, work, record, result, right)


def _lose(mode: str) -> Callable[[Told], None]:
    def change(told: Told) -> None:
        del told.journal[told.at(mode, 1)]
        told.number_again()

    return change


def _double(mode: str) -> Callable[[Told], None]:
    def change(told: Told) -> None:
        at = told.at(mode, 0)
        told.journal.insert(at, told.journal[at])
        told.number_again()

    return change


def _swap_states(told: Told) -> None:
    first, second = told.at("values", 0), told.at("values", 1)
    told.journal[first], told.journal[second] = told.journal[second], told.journal[first]
    told.number_again()


def _skip_an_id(told: Told) -> None:
    del told.journal[told.at("custom", 0)]


def _end_twice(told: Told) -> None:
    told.journal.append(told.journal[-1])
    told.number_again()


def _say_more_after_the_end(told: Told) -> None:
    told.journal.append(told.journal[told.at("custom", 0)])
    told.number_again()


def _another_status(told: Told) -> None:
    told.record = told.record.model_copy(update={"status": RunStatus.INTERRUPTED})


def _a_cancel(told: Told) -> None:
    told.record = told.record.model_copy(update={"cancel_action": CancelAction.INTERRUPT})


def _other_steps(told: Told) -> None:
    told.record = told.record.model_copy(update={"steps": 4})


def _another_attempt(told: Told) -> None:
    told.record = told.record.model_copy(update={"attempt": 2})


def _other_values(told: Told) -> None:
    told.result = told.result.model_copy(update={"values": {"log": []}})


def _repeat_a_superstep(told: Told) -> None:
    first = next(line for line in told.work if line.begins)
    told.work.append(first)


def _repeat_a_finished_task(told: Told) -> None:
    last = next(line for line in reversed(told.work) if line.begins and line.tasks[-1] in finished_tasks(told.journal))
    told.work.append(replace(last, at=told.journal[-1].at + 1))


def _skip_a_node(told: Told) -> None:
    skipped = told.work[-1].ns
    told.work = [line for line in told.work if line.ns != skipped]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        *((_lose(mode), "missing") for mode in ("values", "updates", "tasks", "messages", "custom")),
        *((_double(mode), "too many") for mode in ("values", "updates", "tasks", "messages", "custom")),
        (_swap_states, "out of order"),
        (_skip_an_id, "ids are not dense"),
        (_end_twice, "terminal events"),
        (_say_more_after_the_end, "terminal events"),
        (_another_status, "it should have ended as success"),
        (_a_cancel, "cancelled by None"),
        (_other_steps, "steps and attempt"),
        (_another_attempt, "attempts announced"),
        (_other_values, "final state"),
        (_repeat_a_superstep, "again after"),
        (_repeat_a_finished_task, "again"),
        (_skip_a_node, "never executed"),
    ],
)
def test_what_is_wrong_is_seen(told: Told, change: Callable[[Told], None], words: str) -> None:
    change(told)
    assert any(words in text for text in told.wrong()), told.wrong()


def test_nothing_is_wrong_with_bare_langgraph(told: Told) -> None:
    assert told.wrong() == []


def _cut(told: Told, announced: dict[str, Any] | None) -> None:
    """The node that says something first was cut, and has said it again."""
    at = told.at("custom", 0)
    again = [Received(0.0, StreamEvent(id="", event="metadata", data=announced))] if announced else []
    told.journal[at + 1 : at + 1] = [*again, told.journal[at]]
    told.number_again()
    ended = told.journal[-1]
    end = ended.event.model_copy(update={"data": {**ended.event.data, "attempt": 2}})
    told.journal[-1] = replace(ended, event=end)
    told.record = told.record.model_copy(update={"attempt": 2})


def test_tokens_may_come_again_in_another_attempt(told: Told) -> None:
    _cut(told, {"attempt": 2})
    assert told.wrong() == []


def test_tokens_may_not_come_again_in_the_same_attempt(told: Told) -> None:
    _cut(told, None)
    assert any("doubled within an attempt" in text for text in told.wrong())


def _beside(told: Told, log: list[str], after: str) -> list[str]:
    """What is wrong when a run that went on has reported a state with this log, and an event behind it."""
    middle = told.at("values", 1)
    state = StreamEvent(id="", event="values", data={"log": log, "messages": []})
    behind = StreamEvent(id="", event=after, data={"interrupts": []})
    second = [Received(0.0, state), Received(0.0, behind), *told.journal[middle:]]
    return wrong_story([told.journal[:middle], second], told.work, told.result.values, told.right)


def test_a_run_that_went_on_may_stand_between_two_answers(told: Told) -> None:
    known = told.right.values["log"]
    assert _beside(told, known[:1] + known[-1:], "awaiting_input") == []
    assert any("unknown: values" in text for text in _beside(told, known[:1] + known[-1:], "metadata"))
    for log in ([*known, "something else"], [*known, known[0]]):
        assert any("unknown: values" in text for text in _beside(told, log, "awaiting_input"))
