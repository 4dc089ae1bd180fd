"""A run whose graph tells more than its stream may have ends as an error, which its stream and its record say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from support.graphs import Shelf
from support.keys import encrypted
from support.redis_servers import any_server

import perdure
from perdure import RunsFacade, RunSpec, RunStatus, Settings, StreamEvent, WaitResult, Worker
from perdure.contracts.settings import BridgeSettings, LimitSettings
from perdure.contracts.types import RetryPolicy

Spec = Callable[..., RunSpec]
WORD = "x" * 98
"""100 bytes as JSON."""


class Talker:
    """Asks how much it is to say, and says so many words."""

    def __init__(self) -> None:
        self.calls = 0

    def graph(self) -> Any:
        graph = StateGraph(Shelf)
        graph.add_node("ask", self._ask)
        graph.add_node("talk", self._talk)
        graph.add_edge(START, "ask")
        graph.add_edge("ask", "talk")
        return graph.compile()

    async def _ask(self, state: Shelf) -> dict[str, Any]:
        return {"log": [interrupt("how much?")]}

    async def _talk(self, state: Shelf) -> dict[str, Any]:
        self.calls += 1
        write = get_stream_writer()
        for _ in range(state["log"][-1]):
            write(WORD)
            await asyncio.sleep(0.0005)
        return {"log": ["end"]}


@asynccontextmanager
async def served(settings: Settings, talker: Talker, **limits: int) -> AsyncGenerator[RunsFacade]:
    own = settings.model_copy(update={"limits": LimitSettings(**limits)})
    async with Worker(graphs={"talk": talker.graph()}, settings=own), perdure.connect(settings=own) as runs:
        yield runs


async def told(runs: RunsFacade, spec: Spec, words: int) -> tuple[WaitResult, list[StreamEvent]]:
    """How a run ended that said so much, and its stream."""
    modes = {"stream_modes": ("custom", "updates"), "retry": RetryPolicy(max_attempts=3)}
    _, waiting = await runs.create_and_wait(spec("talk", f"{words} words", input={"log": []}, **modes))
    await runs.resume(waiting.run_id, words)
    result = await runs.join_wait(waiting.run_id)
    return result, [event async for event in await runs.join_stream(waiting.run_id)]


def check_full(result: WaitResult, events: list[StreamEvent], why: str) -> None:
    """In the record and in the last event, and nothing is missing before it."""
    assert result.status is RunStatus.ERROR
    assert result.error is not None
    assert result.error.type.endswith("StreamFullError")
    assert why in result.error.message
    assert [int(event.id) for event in events] == [*range(1, len(events) + 1)]
    assert (events[-1].event, events[-1].data["error"]["message"]) == ("error", result.error.message)
    assert events[-2].event == "custom"  # the last that fitted
    assert result.values == {"log": [result.values["log"][0]]}  # as it was before the superstep that said too much


@pytest.fixture(params=["sqlite", "sealed sqlite", "redis", "postgresql"])
def bridged(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Any:
    """The settings, with each bridge that lasts."""
    if request.param == "redis":
        with any_server(tmp_path / "redis") as server:
            yield settings.model_copy(update={"bridge": BridgeSettings(url=server.url)})
    elif request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        yield settings.model_copy(update={"bridge": BridgeSettings(url=url)})
    else:
        yield encrypted(settings) if request.param == "sealed sqlite" else settings


async def test_of_events(bridged: Settings, spec: Spec) -> None:
    talker = Talker()
    async with served(bridged, talker) as runs:
        result, events = await told(runs, spec, 10)
        assert result.status is RunStatus.SUCCESS
    own = len(events) - 1  # but for the last, which always has room
    async with served(bridged, talker, stream_events=own) as runs:
        result, again = await told(runs, spec, 10)
        assert (result.status, len(again)) == (RunStatus.SUCCESS, own + 1)
        calls = talker.calls
        result, events = await told(runs, spec, 3000)
        check_full(result, events, f"which holds {own} events of ")
        assert f"and limits.stream_events is {own}: " in str(result.error)
    assert (len(events), talker.calls - calls) == (own + 1, 1)  # it is not tried again


async def test_of_bytes(bridged: Settings, spec: Spec) -> None:
    async with served(bridged, Talker(), stream_size=20_000) as runs:
        result, events = await told(runs, spec, 30)
        assert result.status is RunStatus.SUCCESS
        result, events = await told(runs, spec, 3000)
        check_full(result, events, "and limits.stream_size is 20000: ")
        words = sum(event.event == "custom" for event in events)
        sealed = bridged.encryption.key_id is not None
        assert (60 if sealed else 180) < words < (200 if not sealed else 170)
