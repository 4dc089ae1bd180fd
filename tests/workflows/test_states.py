"""`get_state`, `history` and `update_state` show a thread as its graph does: as bare LangGraph on the SQLite saver."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any, cast

import pytest
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import StateGraph
from langgraph.types import Interrupt, StateSnapshot

from perdure import RunInterrupt, RunsFacade, RunSpec, RunStatus, Settings, ThreadSnapshot, Worker
from perdure.contracts.serialization.serializer import from_json, to_json

from .state_graphs import WORLDS

Spec = Callable[..., RunSpec]
UPDATES: tuple[tuple[str, Any, str | None], ...] = (
    ("delta channel", {"notes": ["more"], "log": ["edit"]}, None),
    ("delta channel", {"notes": ["more"]}, "one"),
    ("delta channel, asking", {"notes": ["more"]}, None),
    ("deferred", {"log": ["edit"]}, "longer"),
    ("never written", {"never": ["now"]}, "one"),
    ("topics", {"kept": ["edit"], "fleeting": ["edit"]}, "one"),
    ("an error beside others", {"log": ["edit"]}, "bad"),
    ("a question beside others", {"log": ["edit"]}, "ask"),
    ("a question beside others", {"log": ["edit"]}, "first"),
    ("a question in a subgraph", {"log": ["edit"]}, "first"),
    ("sends", {"log": ["edit"]}, "plan"),
    ("a function that remembers", 5, "remember"),
    ("pydantic", {"size": 9}, "one"),
    ("dataclass", {"log": ["edit"]}, "one"),
)


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    async with Worker(graphs={name: graph for name, (graph, _) in WORLDS.items()}, settings=settings) as worker:
        yield worker


def _plain(value: Any) -> Any:
    return from_json(to_json(value))


def _asked(questions: Sequence[Interrupt | RunInterrupt]) -> list[Any]:
    return [one.value for one in questions]


def _seen(state: StateSnapshot | ThreadSnapshot | None) -> dict[str, Any] | None:
    """A state without its ids, which differ from thread to thread."""
    if not isinstance(state, StateSnapshot | ThreadSnapshot) or state.metadata is None:
        return None
    parent = state.parent_config if isinstance(state, StateSnapshot) else state.parent_checkpoint_id
    return {
        "values": _plain(state.values),
        "next": state.next,
        "interrupts": _asked(state.interrupts),
        "source": state.metadata.get("source"),
        "step": state.metadata.get("step"),
        "has a parent": parent is not None,
        "tasks": [
            {
                "name": task.name,
                "path": _plain(task.path),
                "error": None if task.error is None else str(task.error),
                "interrupts": _asked(task.interrupts),
                "result": _plain(task.result),
                "state": _seen(task.state) if isinstance(task.state, StateSnapshot | ThreadSnapshot) else None,
            }
            for task in state.tasks
        ],
    }


Seen = tuple[dict[str, Any] | None, list[dict[str, Any] | None]]


async def _bare(name: str, *updates: tuple[Any, str | None]) -> Seen:
    """The state now, and the history."""
    graph, given = WORLDS[name]
    async with AsyncSqliteSaver.from_conn_string(":memory:") as saver:
        compiled: Any = cast("Any", graph).compile() if isinstance(graph, StateGraph) else graph
        compiled, config = compiled.copy({"checkpointer": saver}), {"configurable": {"thread_id": "t"}}
        with suppress(ValueError):  # of the node that fails
            await compiled.ainvoke(given, config, durability="sync")
        for values, as_node in updates:
            await compiled.aupdate_state(config, values, as_node=as_node)
        state = await compiled.aget_state(config, subgraphs=True)
        return _seen(state), [_seen(one) async for one in compiled.aget_state_history(config)]


async def _run(runs: RunsFacade, spec: Spec, name: str) -> str:
    record, result = await runs.create_and_wait(spec(name, input=WORLDS[name][1], on_interrupt="finish"))
    assert result.status in (RunStatus.SUCCESS, RunStatus.INTERRUPTED, RunStatus.ERROR), result
    if result.status is not RunStatus.ERROR:
        state = await runs.get_state(record.thread_id)
        assert state is not None
        assert result.values == state.values, "the record has the same"
        assert [one.id for one in result.interrupts if "breakpoint" not in one.value] == [
            one.id for one in state.interrupts
        ]
    return record.thread_id


@pytest.mark.parametrize("name", WORLDS)
async def test_as_bare_langgraph_shows_it(runs: RunsFacade, worker: Worker, spec: Spec, name: str) -> None:
    thread_id = await _run(runs, spec, name)
    state, history = await _bare(name)
    assert _seen(await runs.get_state(thread_id)) == state
    assert [_seen(one) for one in await runs.history(thread_id)] == history


@pytest.mark.parametrize(("name", "values", "as_node"), UPDATES)
async def test_a_change_answers_with_what_it_has_made(
    runs: RunsFacade, worker: Worker, spec: Spec, name: str, values: Any, as_node: str | None
) -> None:
    thread_id = await _run(runs, spec, name)
    changed = await runs.update_state(thread_id, values, as_node=as_node)
    state, history = await _bare(name, (values, as_node))
    assert _seen(changed) == state
    assert changed == await runs.get_state(thread_id)
    assert [_seen(one) for one in await runs.history(thread_id)] == history
