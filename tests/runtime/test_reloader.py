"""Changed graphs are loaded anew while a worker serves: new runs get the new code, those in flight go over."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.servers import until

from perdure import RunScope, RunsFacade, RunSpec, Settings, Worker
from perdure.runtime.reloader import Reload

AGENT = """
import asyncio
import operator
from typing import Annotated, TypedDict
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from reload_words import WORD

class State(TypedDict, total=False):
    said: Annotated[list[str], operator.add]
    steps: int
    delay: float

async def say(state):
    await asyncio.sleep(state.get("delay", 0))
    return {"said": [WORD]}

def more(state):
    return END if len(state["said"]) >= state.get("steps", 1) else "say"

builder = StateGraph(State)
builder.add_node(say)
builder.add_edge(START, "say")
builder.add_conditional_edges("say", more, ["say", END])
"""


class Project:
    """A folder with graphs, which a worker serves and reloads."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings.model_copy(update={"graphs": folder / "langgraph.json"})
        self.reloads: list[Reload] = []
        self.write("reload_words.py", "WORD = 'old'\n")
        self.write("reload_agent.py", AGENT)
        self.serve(agent="./reload_agent.py:builder")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def serve(self, **graphs: str) -> None:
        self.write("langgraph.json", json.dumps({"graphs": graphs}))

    async def next(self) -> Reload:
        """What becomes of the change that was made last."""
        await until(lambda: bool(self.reloads))
        return self.reloads.pop(0)

    @asynccontextmanager
    async def served(self) -> AsyncGenerator[None]:
        async with Worker(settings=self.settings, on_reload=self.reloads.append):
            yield


@pytest.fixture
def project(tmp_path: Path, settings: Settings) -> Iterator[Project]:
    path, modules = list(sys.path), set(sys.modules)
    folder = tmp_path / "project"
    folder.mkdir()
    yield Project(folder, settings)
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if "reload_" in name:
            del sys.modules[name]


def spec(**input: Any) -> RunSpec:
    scope = RunScope(kind="stateless")
    return RunSpec(assistant_id="agent", scope=scope, input=input, stream_modes=("updates",))


async def said(runs: RunsFacade, **input: Any) -> list[str]:
    _, result = await runs.create_and_wait(spec(**input))
    assert result.status == "success", result.error
    return result.values["said"]


async def test_new_runs_get_the_new_code_of_a_local_import(project: Project, runs: RunsFacade) -> None:
    async with project.served():
        assert await said(runs) == ["old"]
        project.write("reload_words.py", "WORD = 'new'\n")  # of the same size, in the same second
        assert await project.next() == Reload(("reload_words.py",), ("agent",))
        assert await said(runs) == ["new"]
        os.utime(project.folder / "reload_words.py")  # no change
        project.write("reload_agent.py", AGENT.replace("[WORD]", "[WORD * 2]"))
        assert await project.next() == Reload(("reload_agent.py",), ("agent",))
        assert await said(runs) == ["newnew"]
        assert project.reloads == []


@pytest.mark.parametrize("budget", [0.0, 0.25, 3600.0])
async def test_a_run_in_flight_goes_on_with_the_new_code_at_its_next_boundary(
    project: Project, runs: RunsFacade, budget: float
) -> None:
    limits = project.settings.runs.model_copy(update={"slice_budget": budget})
    project.settings = project.settings.model_copy(update={"runs": limits})
    async with project.served():
        record, stream = await runs.create_and_stream(spec(steps=6, delay=0.4))
        events = [await anext(stream) for _ in range(3)]
        project.write("reload_words.py", "WORD = 'new'\n")
        assert (await project.next()).runs == (record.run_id,)
        events += [event async for event in stream]
    words = [event.data["say"]["said"][0] for event in events if event.event == "updates"]
    assert len(words) == 6
    assert words == sorted(words, reverse=True)  # never back to the old code
    assert words[1] == "old"
    assert words[-2:] == ["new", "new"]
    ended = await runs.get_run(record.run_id)
    assert ended is not None
    assert (ended.status, ended.steps, ended.trouble) == ("success", 6, None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("WORD = (\n", "reload_words.py, line 1: SyntaxError: '(' was never closed"),
        ("\nWORD = 1 / 0\n", "reload_words.py, line 2: ZeroDivisionError: division by zero"),
        ("WOLD = 1\n", "reload_agent.py, line 7: ImportError: cannot import name 'WORD' from 'reload_words'"),
        ("import sys\nsys.exit(3)\n", "reload_words.py, line 2: SystemExit: 3"),
        ("from reload_more import WORD\n", "reload_words.py, line 1: ModuleNotFoundError: No module named"),
        (None, "reload_agent.py, line 7: ModuleNotFoundError: No module named 'reload_words'"),
    ],
)
async def test_a_broken_file_keeps_the_old_code_until_it_is_mended(
    project: Project, runs: RunsFacade, text: str | None, told: str
) -> None:
    async with project.served():
        if text is None:
            (project.folder / "reload_words.py").unlink()
        else:
            project.write("reload_words.py", text)
        broken = await project.next()
        assert broken.changed == ("reload_words.py",)
        assert (broken.error or "").startswith(told)
        assert await said(runs) == ["old"]
        if text and "reload_more" in text:
            project.write("reload_more.py", "WORD = 'new'\n")
        else:
            project.write("reload_words.py", "WORD = 'new'\n")
        assert (await project.next()).error is None
        assert await said(runs) == ["new"]


async def test_a_change_back_is_no_reload_and_several_at_once_are_one(project: Project, runs: RunsFacade) -> None:
    async with project.served():
        project.write("reload_words.py", "")  # as an editor that empties a file before it writes
        project.write("reload_words.py", "WORD = 'new'\n")
        project.write("reload_agent.py", AGENT.replace("[WORD]", "[WORD * 3]"))
        assert (await project.next()).changed == ("reload_agent.py", "reload_words.py")
        assert await said(runs) == ["newnewnew"]
        assert project.reloads == []


async def test_a_graph_comes_and_goes_with_langgraph_json(project: Project, runs: RunsFacade) -> None:
    async with project.served():
        project.serve(agent="./reload_agent.py:builder", other="./reload_agent.py:builder")
        assert (await project.next()).graphs == ("agent", "other")
        _, result = await runs.create_and_wait(spec().model_copy(update={"assistant_id": "other"}))
        assert result.status == "success"
        project.write("langgraph.json", "{")
        assert "cannot be read as JSON" in ((await project.next()).error or "")
        assert await said(runs) == ["old"]


async def test_a_worker_does_not_reload_by_itself(project: Project, runs: RunsFacade) -> None:
    async with Worker(settings=project.settings):
        project.write("reload_words.py", "WORD = 'new'\n")
        assert await said(runs) == ["old"]


async def test_a_start_reads_the_file_once(project: Project, temporal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what is warned of, watched and given to nodes is what is served."""
    reads: list[Path] = []
    read_text = Path.read_text

    def counted(path: Path, *args: Any, **options: Any) -> str:
        reads.append(path)
        return read_text(path, *args, **options)

    monkeypatch.setattr(Path, "read_text", counted)
    async with project.served():
        assert [path.name for path in reads].count("langgraph.json") == 1
