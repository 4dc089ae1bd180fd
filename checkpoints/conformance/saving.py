"""What a saver behind the fence promises: the same as the plain one, and no write of an older attempt."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Collection, Sequence
from typing import Annotated, Any, TypedDict, cast

import pytest
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from ...contracts.errors import FencedError, UnavailableError
from ..contract import Checkpoints
from ..memory.checkpoints import MemoryCheckpoints
from ..saver import FencedSaver
from ..sqlite.checkpoints import SqliteCheckpoints
from .making import CompiledGraph, Hooks

CONFIG: Any = {"configurable": {"thread_id": "thread"}, "metadata": {"run_id": "run"}}


def appended(state: Any, writes: Sequence[list[str]]) -> list[str]:
    return [*(state or []), *(word for write in writes for word in write)]


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]
    told: Annotated[list[str], DeltaChannel(appended)]
    kept: Any


def graph(saver: BaseCheckpointSaver[Any]) -> CompiledGraph:
    """A subgraph with a question, a parallel question, a delta channel, and a step after them."""

    async def first(state: State) -> dict[str, Any]:
        return {"log": ["first"], "told": ["first"]}

    async def asks(state: State) -> dict[str, Any]:
        answer = interrupt("asks?")
        return {"log": [answer], "told": [answer]}

    async def inner_asks(state: State) -> dict[str, Any]:
        return {"log": [interrupt("inner?")]}

    async def last(state: State) -> dict[str, Any]:
        return {"log": ["last"], "told": ["last"]}

    inner = StateGraph(State)
    inner.add_node("first", first)
    inner.add_node("inner_asks", inner_asks)
    inner.add_edge(START, "first")
    inner.add_edge("first", "inner_asks")
    outer = StateGraph(State)
    outer.add_node("first", first)
    outer.add_node("asks", asks)
    outer.add_node("inner", inner.compile())
    outer.add_node("last", last)
    outer.add_edge(START, "first")
    outer.add_edge("first", "asks")
    outer.add_edge("first", "inner")
    outer.add_edge(["asks", "inner"], "last")
    return outer.compile(checkpointer=saver)


async def fenced(checkpoints: Checkpoints, hooks: Hooks, *, fence: int = 1) -> FencedSaver:
    await checkpoints.take("run", "thread", fence=fence)
    return FencedSaver(checkpoints, "run", fence=fence, hooks=hooks)


async def told(compiled: CompiledGraph) -> dict[str, Any]:
    """Everything that can be read of the thread, without ids and times."""
    state = await compiled.aget_state(CONFIG, subgraphs=True)
    history = [snapshot async for snapshot in compiled.aget_state_history(CONFIG)]
    return {
        "values": state.values,
        "next": state.next,
        "questions": [(task.name, [one.value for one in task.interrupts]) for task in state.tasks],
        "inner": [cast("Any", task.state).values for task in state.tasks if task.state is not None],
        "history": [(one.values, one.next, (one.metadata or {}).get("step")) for one in history],
    }


async def lived(saver: BaseCheckpointSaver[Any]) -> list[dict[str, Any]]:
    """A run with questions, answers and a state update, looked at after each."""
    compiled, seen = graph(saver), list[dict[str, Any]]()
    await compiled.ainvoke({"log": ["in"], "told": ["in"]}, CONFIG, durability="sync")
    seen.append(await told(compiled))
    state = await compiled.aget_state(CONFIG)
    given = {question.id: f"to {question.value}" for question in state.interrupts}
    await compiled.ainvoke(Command(resume=given), CONFIG, durability="sync")
    seen.append(await told(compiled))
    await compiled.aupdate_state(CONFIG, {"log": ["updated"]})
    await compiled.ainvoke({"log": ["again"], "told": ["again"]}, CONFIG, durability="sync")
    seen.append(await told(compiled))
    return seen


class StrictSaver(InMemorySaver):
    """A saver that reads only what it is allowed to, and is told more by each graph."""

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> StrictSaver:
        clone = StrictSaver(serde=JsonPlusSerializer(allowed_msgpack_modules=list(extra_allowlist)))
        clone.storage, clone.writes, clone.blobs = self.storage, self.writes, self.blobs
        return clone


class StrictCheckpoints(MemoryCheckpoints):
    def __init__(self) -> None:
        super().__init__()
        self._saver = StrictSaver(serde=JsonPlusSerializer(allowed_msgpack_modules=[]))


class SavingPromises:
    """`FencedSaver` is the plain saver behind a fence: the same states and histories."""

    async def test_a_graph_lives_the_same_on_the_plain_saver(self, checkpoints: Checkpoints, hooks: Hooks) -> None:
        seen = await lived(await fenced(checkpoints, hooks))
        assert seen == await lived(InMemorySaver())
        assert seen[0]["questions"][0] == ("asks", ["asks?"])
        assert [word for word in seen[1]["values"]["told"] if word.startswith("to")] == ["to asks?"]

    async def test_what_was_saved_behind_the_fence_is_read_with_the_plain_saver(
        self, checkpoints: Checkpoints, hooks: Hooks
    ) -> None:
        saver = await fenced(checkpoints, hooks)
        await lived(saver)
        assert await told(graph(saver)) == await told(graph(checkpoints.saver))
        ids = [found.checkpoint["id"] async for found in saver.alist(CONFIG)]
        assert ids == [found.checkpoint["id"] async for found in checkpoints.saver.alist(CONFIG)]
        assert len([one async for one in saver.alist(CONFIG, limit=2)]) == 2

    async def test_every_save_is_announced(self, checkpoints: Checkpoints, hooks: Hooks) -> None:
        saver = await fenced(checkpoints, hooks)
        await graph(saver).ainvoke({"log": []}, CONFIG, durability="sync")
        await graph(saver).ainvoke({"log": []}, CONFIG, durability="sync")
        saves = {"before writes", "saved writes", "before checkpoint", "saved checkpoint"}
        assert set(hooks.calls) == saves | {"loaded"}
        assert hooks.calls.count("before writes") == hooks.calls.count("saved writes")
        assert hooks.calls.count("before checkpoint") == hooks.calls.count("saved checkpoint")

    async def test_an_older_attempts_writes_are_refused(self, checkpoints: Checkpoints, hooks: Hooks) -> None:
        saver = await fenced(checkpoints, hooks, fence=1)
        await graph(saver).ainvoke({"log": []}, CONFIG)
        head = await saver.aget_tuple(CONFIG)
        assert head is not None
        await checkpoints.take("run", "thread", fence=2)
        with pytest.raises(FencedError):
            await saver.aput_writes(head.config, [("log", ["late"])], "task")
        with pytest.raises(FencedError):
            await saver.aput(head.config, head.checkpoint, head.metadata, {})
        assert isinstance(saver.failure, FencedError)
        assert hooks.calls[-3:] == ["lost writes", "before checkpoint", "lost checkpoint"]
        again = await saver.aget_tuple(CONFIG)
        assert again is not None
        assert again.pending_writes == head.pending_writes

    async def test_the_run_of_an_older_attempt_fails(self, checkpoints: Checkpoints, hooks: Hooks) -> None:
        saver = await fenced(checkpoints, hooks)
        compiled = graph(saver)
        await compiled.ainvoke({"log": []}, CONFIG)
        before = await told(compiled)
        await checkpoints.take("run", "thread", fence=2)
        given = {question.id: "late" for question in (await compiled.aget_state(CONFIG)).interrupts}
        with pytest.raises(FencedError):
            await compiled.ainvoke(Command(resume=given), CONFIG, durability="sync")
        assert isinstance(saver.failure, FencedError)
        assert await told(compiled) == before

    async def test_a_refusal_that_the_graph_swallows_is_known_all_the_same(
        self, checkpoints: Checkpoints, hooks: Hooks
    ) -> None:
        saver = await fenced(checkpoints, hooks)

        async def swallow(state: State) -> dict[str, Any]:
            await checkpoints.take("run", "thread", fence=2)
            try:
                await inner.ainvoke({"log": []})
            except Exception:  # noqa: BLE001 – as a careless node does
                return {"log": ["swallowed"]}
            return {"log": ["done"]}

        async def step(state: State) -> dict[str, Any]:
            return {"log": ["step"]}

        builder = StateGraph(State)
        builder.add_node("step", step)
        builder.add_edge(START, "step")
        inner = builder.compile()
        outer = StateGraph(State)
        outer.add_node("swallow", swallow)
        outer.add_edge(START, "swallow")
        with pytest.raises(FencedError):
            await outer.compile(checkpointer=saver).ainvoke({"log": []}, CONFIG, durability="sync")
        assert isinstance(saver.failure, FencedError)

    async def test_an_error_of_the_graph_is_no_failure_of_the_saver(
        self, checkpoints: Checkpoints, hooks: Hooks
    ) -> None:
        saver = await fenced(checkpoints, hooks)

        async def fail(state: State) -> None:
            raise ValueError("no")

        builder = StateGraph(State)
        builder.add_node("fail", fail)
        builder.add_edge(START, "fail")
        with pytest.raises(ValueError, match="no"):
            await builder.compile(checkpointer=saver).ainvoke({"log": []}, CONFIG)
        assert saver.failure is None

    async def test_what_cannot_be_serialised_is_no_failure_of_the_saver(
        self, checkpoints: Checkpoints, hooks: Hooks
    ) -> None:
        saver = await fenced(checkpoints, hooks)

        async def odd(state: State) -> dict[str, Any]:
            return {"kept": lambda: None}

        builder = StateGraph(State)
        builder.add_node("odd", odd)
        builder.add_edge(START, "odd")
        with pytest.raises(TypeError):
            await builder.compile(checkpointer=saver).ainvoke({"log": []}, CONFIG, durability="sync")
        assert saver.failure is None
        await builder.compile(checkpointer=saver).aupdate_state(CONFIG, {"log": ["well"]})

    async def test_a_state_can_be_read_from_a_thread(self, checkpoints: Checkpoints, hooks: Hooks) -> None:
        saver = await fenced(checkpoints, hooks)
        compiled = graph(saver)
        await compiled.ainvoke({"log": [], "told": ["in"]}, CONFIG)
        expected = await compiled.aget_state(CONFIG)
        found = await asyncio.to_thread(compiled.get_state, CONFIG)
        assert (found.values, found.next) == (expected.values, expected.next)
        history = await asyncio.to_thread(lambda: list(compiled.get_state_history(CONFIG)))
        assert [one.next for one in history] == [one.next async for one in compiled.aget_state_history(CONFIG)]

    async def test_a_node_may_invoke_a_graph_synchronously(self, checkpoints: Checkpoints, hooks: Hooks) -> None:
        saver = await fenced(checkpoints, hooks)

        def step(state: State) -> dict[str, Any]:
            return {"log": ["step"], "told": ["step"]}

        builder = StateGraph(State)
        builder.add_node("one", step)
        builder.add_node("two", step)
        builder.add_edge(START, "one")
        builder.add_edge("one", "two")
        inner = builder.compile()

        def call(state: State) -> dict[str, Any]:
            return {"log": inner.invoke({"log": [], "told": []})["log"]}

        outer = StateGraph(State)
        outer.add_node("call", call)
        outer.add_edge(START, "call")
        compiled = outer.compile(checkpointer=saver)
        async with asyncio.timeout(10):
            found = await compiled.ainvoke({"log": []}, CONFIG, durability="sync")
        assert found["log"] == ["step", "step"]
        namespaces = {found.config.get("configurable", {}).get("checkpoint_ns") async for found in saver.alist(CONFIG)}
        assert len(namespaces) >= 1
        assert saver.failure is None

    async def test_a_synchronous_save_of_an_older_attempt_is_refused(
        self, checkpoints: Checkpoints, hooks: Hooks
    ) -> None:
        saver = await fenced(checkpoints, hooks)
        await graph(saver).ainvoke({"log": []}, CONFIG)
        head = await saver.aget_tuple(CONFIG)
        assert head is not None
        await checkpoints.take("run", "thread", fence=2)
        with pytest.raises(FencedError):
            await asyncio.to_thread(saver.put_writes, head.config, [("log", ["late"])], "task")
        with pytest.raises(FencedError):
            await asyncio.to_thread(saver.put, head.config, head.checkpoint, head.metadata, {})

    async def test_a_strict_saver_is_told_the_types_of_the_graph(self, hooks: Hooks) -> None:
        checkpoints = StrictCheckpoints()
        saver = await fenced(checkpoints, hooks)
        clone = saver.with_allowlist([("somewhere", "Thing")])
        assert clone is not saver
        assert clone.serde is not saver.serde
        assert clone.config_specs == saver.config_specs
        await checkpoints.take("run", "thread", fence=2)
        with pytest.raises(FencedError):
            await clone.aput_writes(
                {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "c"}}, [("log", [])], "task"
            )

    def test_an_outage_is_told_from_an_error_of_the_graph(self) -> None:
        import sqlite3

        sqlite = SqliteCheckpoints(cast("Any", "nowhere"))
        assert sqlite.outage(sqlite3.OperationalError("database is locked"))
        assert sqlite.outage(OSError("no space"))
        assert not sqlite.outage(ValueError("the graph's"))
        assert not MemoryCheckpoints().outage(ValueError("the graph's"))
        assert issubclass(UnavailableError, Exception)
