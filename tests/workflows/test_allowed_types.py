"""What is read back builds only what is allowed; what is refused, or cannot be stored, is told by node, key, type."""

from __future__ import annotations

import operator
import threading
from collections.abc import AsyncIterator, Callable
from importlib import import_module
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Send, interrupt
from pydantic import BaseModel, Field
from support import foreign, own_types
from support.servers import until

from perdure import ConfigError, InvalidRunError, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.settings import CheckpointerSettings

Spec = Callable[..., RunSpec]
FOREIGN = "support." + "foreign"  # found by no graph: nothing that one refers to names it


class State(TypedDict, total=False):
    given: Any
    log: Annotated[list[str], operator.add]


def write(make: Callable[[], Any]) -> Any:
    """A graph that writes a value, asks, and says of what type it is then."""

    def first(state: State) -> State:
        return {"given": make()}

    def second(state: State) -> State:
        interrupt("go on?")
        return {"log": [type(state.get("given")).__name__]}

    graph = StateGraph(State)
    graph.add_sequence([first, second])
    graph.add_edge(START, "first")
    return graph.compile()


def own() -> Any:
    return own_types.Order(parts=[own_types.Part(color=own_types.Color.RED)])


def unknown() -> Any:
    return import_module(FOREIGN).Unknown(7)


def named() -> Any:
    return import_module(FOREIGN).Named(7)


def bad_state(*, sends: bool = False) -> Any:
    class Bad(TypedDict, total=False):
        deep: dict[str, Any]
        log: Annotated[list[str], operator.add]

    def plain(state: Any) -> dict[str, Any]:
        return {"log": ["here"]}

    def sent(state: Any) -> list[Send]:
        return [Send("lock", {"log": []})]

    def lock(state: Any) -> dict[str, Any]:
        return {"deep": {"items": [1, threading.Lock()]}}

    graph: Any = StateGraph(Bad)
    graph.add_node("start", plain)
    graph.add_node("lock", lock)
    graph.add_node("other", plain)
    graph.add_edge(START, "start")
    graph.add_edge("start", "other")
    if sends:
        graph.add_conditional_edges("start", sent, ["lock"])
    else:
        graph.add_edge("start", "lock")
    return graph.compile()


class Outer(BaseModel):
    """A state that is a model, and a nested graph with the value below it."""

    order: own_types.Order | None = None
    log: Annotated[list[str], operator.add] = Field(default_factory=list[str])


def nested() -> Any:
    def inner_first(state: Outer) -> dict[str, Any]:
        return {"order": own()}

    def inner_second(state: Outer) -> dict[str, Any]:
        interrupt("inside?")
        return {"log": [type(state.order).__name__]}

    inner = StateGraph(Outer)
    inner.add_sequence([inner_first, inner_second])
    inner.add_edge(START, "inner_first")
    graph = StateGraph(Outer)
    graph.add_node("inner", inner.compile())
    graph.add_edge(START, "inner")
    return graph.compile()


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    foreign.BUILT.clear()
    graphs = {
        "own": write(own),
        "unknown": write(unknown),
        "named": write(named),
        "nested": nested(),
        "bad": bad_state(),
        "bad-sent": bad_state(sends=True),
    }
    async with Worker(graphs=graphs, settings=settings) as worker:
        yield worker


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("graph", ["own", "nested"])
async def test_a_graphs_own_types_need_no_setting(runs: RunsFacade, spec: Spec, graph: str) -> None:
    record, result = await runs.create_and_wait(spec(graph, input={}))
    assert result.status is RunStatus.AWAITING_INPUT
    await runs.resume(record.run_id, "yes")
    result = await runs.join_wait(record.run_id)
    assert (result.status, result.values["log"]) == (RunStatus.SUCCESS, ["Order"]), result.error


@pytest.mark.usefixtures("worker")
async def test_a_type_that_is_not_allowed_leaves_the_question_open_and_is_told(
    runs: RunsFacade, spec: Spec, caplog: pytest.LogCaptureFixture
) -> None:
    record, result = await runs.create_and_wait(spec("unknown", input={}))
    assert result.status is RunStatus.AWAITING_INPUT
    assert result.values["given"] == {"number": 7}  # shown as its data
    assert f"run {record.run_id}: first wrote into given what may not be built" in caplog.text
    assert foreign.BUILT == [7]  # by the graph itself
    await runs.resume(record.run_id, "yes")

    async def refused() -> bool:
        found = await runs.get_run(record.run_id)
        return found is not None and found.error is not None

    await until(refused)
    asking = await runs.get_run(record.run_id)
    assert asking is not None
    assert asking.error is not None
    assert asking.status is RunStatus.AWAITING_INPUT  # mended, it can be answered
    for named in (record.run_id, f"{FOREIGN}.Unknown", "checkpointer.allowed_types"):
        assert named in asking.error.message
    assert foreign.BUILT == [7]
    for stored in (False, True):
        snapshot = await runs.get_state(record.thread_id, stored=stored)
        assert snapshot is not None
        assert snapshot.values["given"] == {"number": 7}


@pytest.mark.usefixtures("worker")
async def test_a_run_that_finds_it_in_its_thread_ends(runs: RunsFacade, spec: Spec) -> None:
    record, _ = await runs.create_and_wait(spec("unknown", input={}))
    await runs.cancel(record.run_id)
    await runs.join_wait(record.run_id)
    record, result = await runs.create_and_wait(spec("own", input={}))
    assert result.status is RunStatus.ERROR
    assert result.error is not None
    assert result.error.type.endswith("TypeNotAllowedError")
    for named in (record.run_id, f"{FOREIGN}.Unknown", "checkpointer.allowed_types"):
        assert named in result.error.message
    assert foreign.BUILT == [7]


@pytest.mark.usefixtures("worker")
async def test_a_spec_that_names_it_ends_its_run(runs: RunsFacade, spec: Spec) -> None:
    _, result = await runs.create_and_wait(spec("own", input={"given": unknown()}))
    assert result.status is RunStatus.ERROR
    assert result.error is not None
    assert f"{FOREIGN}.Unknown" in result.error.message
    assert foreign.BUILT == [7]


@pytest.mark.usefixtures("worker")
async def test_a_change_of_the_state_that_names_it_is_refused(runs: RunsFacade, spec: Spec) -> None:
    record, _ = await runs.create_and_wait(spec("own", input={}))
    await runs.cancel(record.run_id)
    await runs.join_wait(record.run_id)
    with pytest.raises(InvalidRunError, match=r"foreign\.Unknown"):
        await runs.update_state(record.thread_id, {"given": unknown()}, as_node="first")
    assert foreign.BUILT == [7]


async def test_the_setting_allows_it(settings: Settings, runs: RunsFacade, spec: Spec) -> None:
    checkpointer = CheckpointerSettings(allowed_types=(f"{FOREIGN}.Named",))
    allowing = settings.model_copy(update={"checkpointer": checkpointer})
    async with Worker(graphs={"named": write(named)}, settings=allowing):
        record, _ = await runs.create_and_wait(spec("named", input={}))
        await runs.resume(record.run_id, "yes")
        result = await runs.join_wait(record.run_id)
        assert (result.status, result.values["log"]) == (RunStatus.SUCCESS, ["Named"]), result.error


async def test_a_setting_that_cannot_be_imported_keeps_a_worker_from_starting(settings: Settings) -> None:
    checkpointer = CheckpointerSettings(allowed_types=("nowhere.Thing",))
    wrong = settings.model_copy(update={"checkpointer": checkpointer})
    with pytest.raises(ConfigError, match=r"checkpointer\.allowed_types: 'nowhere\.Thing'"):
        async with Worker(graphs={"own": write(own)}, settings=wrong):
            pass


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
@pytest.mark.parametrize("graph", ["bad", "bad-sent"])
async def test_what_cannot_be_stored_is_told_by_node_key_and_type(
    runs: RunsFacade, spec: Spec, graph: str, durability: str
) -> None:
    record, result = await runs.create_and_wait(spec(graph, input={}, durability=durability))
    assert result.status is RunStatus.ERROR
    assert result.error is not None
    assert "Type is not msgpack serializable" in result.error.message
    for told in (f"run {record.run_id!r}", "node 'lock'", "deep['items'][1]", "_thread.lock"):
        assert told in result.error.message, result.error.message
