"""What a reader of the documents has: a server, a worker, and graphs of the names in the examples."""

from __future__ import annotations

import operator
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from support.servers import local_settings, started

from perdure import RunsFacade, Settings, Worker, connect


class Approval(TypedDict, total=False):
    topic: str
    log: Annotated[list[Any], operator.add]


def talking() -> StateGraph[MessagesState]:
    """Stands in for an agent: it answers."""

    async def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [("ai", f"You asked: {state['messages'][-1].content}")]}

    graph = StateGraph(MessagesState)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    return graph


def approving() -> StateGraph[Approval]:
    """Stands in for the approval example: it asks."""

    async def review(state: Approval) -> dict[str, Any]:
        return {"log": [interrupt("Publish this?")]}

    graph = StateGraph(Approval)
    graph.add_node("review", review)
    graph.add_edge(START, "review")
    return graph


@pytest.fixture(scope="session")
async def house(needs_server: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Settings]:
    """One server, home and worker for all examples, as a reader has them.

    The server is not that of the other tests, because the examples name their threads, and these belong to a server.
    """
    settings = local_settings(tmp_path_factory.mktemp("documents"))
    graphs = {"agent": talking(), "research": talking(), "approval": approving()}
    async with started(settings), Worker(graphs=graphs, settings=settings):
        yield settings


@pytest.fixture
async def runs(house: Settings) -> AsyncIterator[RunsFacade]:
    """A facade over the house."""
    async with connect(settings=house) as runs:
        yield runs


@pytest.fixture
def at_home(house: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is started finds the house by its environment."""
    _work_with(house, tmp_path, monkeypatch)


@pytest.fixture
def elsewhere(house: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same server, and a task queue that nobody serves."""
    queue = house.temporal.model_copy(update={"task_queue": f"elsewhere-{tmp_path.name}-{os.getpid()}"})
    _work_with(house.model_copy(update={"home": tmp_path, "temporal": queue}), tmp_path, monkeypatch)


def _work_with(settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PERDURE_HOME", str(settings.home))
    monkeypatch.setenv("PERDURE_SERVER__PORT", str(settings.server.port))
    monkeypatch.setenv("PERDURE_TEMPORAL__TASK_QUEUE", settings.temporal.task_queue)
