"""What a reader of the documents has: a server, a worker, and graphs of the names in the examples."""

from __future__ import annotations

import operator
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt

from perdure import RunsFacade, Settings, Worker, connect
from perdure.contracts.settings import TemporalSettings


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
async def house(temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Settings]:
    """One home, task queue and worker for all examples, as a reader has them: they use the same threads."""
    settings = Settings(
        home=tmp_path_factory.mktemp("documents"), temporal=TemporalSettings(address=temporal, task_queue="documents")
    )
    graphs = {"agent": talking(), "research": talking(), "approval": approving()}
    async with Worker(graphs=graphs, settings=settings):
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
def elsewhere(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for a task queue that nobody serves."""
    _work_with(settings, tmp_path, monkeypatch)


def _work_with(settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PERDURE_HOME", str(settings.home))
    monkeypatch.setenv("PERDURE_TEMPORAL__ADDRESS", settings.temporal.address or "")
    monkeypatch.setenv("PERDURE_TEMPORAL__TASK_QUEUE", settings.temporal.task_queue)
