"""`dev`, `server` and the help."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import pytest
from support.servers import free_port, running, until

import perdure
from perdure import RunScope, RunsFacade, RunSpec, Settings
from perdure.cli.options import StreamMode
from perdure.contracts.settings import ServerSettings
from perdure.contracts.types import STREAM_MODES

from .conftest import LIMIT, CommandLine, environment


def _children(pid: int) -> list[int]:
    found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*found, *(grandchild for child in found for grandchild in _children(child))]


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[CommandLine]:
    """A home and ports that nobody uses yet."""
    ports = {
        "PERDURE_SERVER__PORT": str(free_port()),
        "PERDURE_SERVER__UI_PORT": str(free_port()),
        "PERDURE_GATEWAY__PORT": "0",
    }
    command = CommandLine(environment(tmp_path, **ports), tmp_path)
    yield command
    await command.stop()


async def test_a_worker_spares_its_runs_the_long_pauses_of_the_garbage_collector(facade: RunsFacade) -> None:
    spec = RunSpec(assistant_id="collector", scope=RunScope(thread_id="collector"), input={})
    values = (await facade.create_and_wait(spec))[1].values
    assert values is not None
    assert values["said"]["set aside"] > 10_000
    assert values["said"]["threshold"] == 10_000


@pytest.mark.usefixtures("needs_server")
async def test_dev_is_all_that_a_run_needs_and_leaves_no_process(alone: CommandLine) -> None:
    dev = await alone.start("dev", stderr=asyncio.subprocess.STDOUT)
    assert dev.stdout is not None
    said = ""
    async with asyncio.timeout(LIMIT):
        while "serving" not in said:
            line = (await dev.stdout.readline()).decode()
            assert line, said
            said += line
    assert f"http://127.0.0.1:{alone.environment['PERDURE_SERVER__UI_PORT']}" in said
    ran = await alone("run", "count", "--wait", "--json")
    assert (ran.code, ran.document["values"]["done"]) == (0, [0])
    collector = await alone("run", "collector", "--wait", "--json")
    assert collector.document["values"]["said"]["set aside"] > 10_000

    children = _children(dev.pid)
    assert children
    dev.send_signal(signal.SIGTERM)
    async with asyncio.timeout(LIMIT):
        rest, _ = await dev.communicate()
    assert dev.returncode == 0, rest.decode()
    assert rest.decode().splitlines()[-1] == "stopped: worker and server"
    assert [child for child in children if running(child)] == []


@pytest.fixture
async def dev(needs_server: None, alone: CommandLine) -> tuple[asyncio.subprocess.Process, Path]:
    """`perdure dev`, and the file with its output. A graceful stop takes at most a second."""
    out = alone.folder / "dev.out"
    with out.open("wb") as file:
        patience = {"PERDURE_WORKER__GRACEFUL_SHUTDOWN": "1s"}
        process = await alone.having(**patience).start("dev", stdout=file, stderr=file)
    await until(lambda: "serving" in out.read_text() or process.returncode is not None, LIMIT)
    assert process.returncode is None, out.read_text()
    return process, out


async def _begin(alone: CommandLine, graph: str, **input: Any) -> None:
    """Start a run, and return when its first step is under way."""
    server = ServerSettings(port=int(alone.environment["PERDURE_SERVER__PORT"]))
    async with perdure.connect(settings=Settings(home=alone.folder, server=server)) as runs:
        spec = RunSpec(assistant_id=graph, scope=RunScope(thread_id="t"), input=input, stream_modes=("tasks",))
        _, stream = await runs.create_and_stream(spec)
        assert [(await anext(stream)).event for _ in range(2)] == ["metadata", "tasks"]


async def test_a_tool_that_hangs_does_not_hold_a_stop_up(
    alone: CommandLine, dev: tuple[asyncio.subprocess.Process, Path]
) -> None:
    process, out = dev
    await _begin(alone, "hang")
    process.terminate()
    async with asyncio.timeout(20):
        assert await process.wait() == 0, out.read_text()


async def test_a_second_signal_stops_at_once(alone: CommandLine, dev: tuple[asyncio.subprocess.Process, Path]) -> None:
    process, out = dev
    await _begin(alone, "count", steps=2, delay=60)
    children = _children(process.pid)
    process.send_signal(signal.SIGINT)
    await until(lambda: "stopping in good order" in out.read_text())
    await asyncio.sleep(0.4)  # a second signal sooner than that is taken for the same one
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(5):
        assert await process.wait() == 130
    await until(lambda: not any(running(child) for child in children))


@pytest.mark.usefixtures("needs_server")
async def test_dev_tells_what_it_reloads_and_what_it_does_not_know(alone: CommandLine) -> None:
    graph = "from langgraph.graph import START, MessagesState, StateGraph\n\n\ndef word(state):\n    return {}\n\n\n"
    graph += "graph = StateGraph(MessagesState).add_node(word).add_edge(START, 'word').compile()\n"
    (alone.folder / "mine.py").write_text(graph)
    content = {"graphs": {"mine": "./mine.py:graph"}, "ui": {}}
    (alone.folder / "langgraph.json").write_text(json.dumps(content))
    out = alone.folder / "dev.out"
    with out.open("wb") as file:
        process = await alone.start("dev", stdout=file, stderr=file)
    await until(lambda: "serving" in out.read_text() or process.returncode is not None, LIMIT)
    await until(lambda: "without effect here: ui (no pages are served)" in out.read_text())
    (alone.folder / "mine.py").write_text(graph + "graph = graph.nope\n")
    await until(lambda: "not reloaded: mine.py, line 9: AttributeError: " in out.read_text())
    (alone.folder / "mine.py").write_text(graph + "# better\n")
    await until(lambda: "\nreloaded: mine.py (mine)\n" in out.read_text())
    process.terminate()
    async with asyncio.timeout(LIMIT):
        assert await process.wait() == 0, out.read_text()


async def test_a_taken_port_is_named(temporal: str, alone: CommandLine) -> None:
    ended = await alone.having(PERDURE_SERVER__PORT=temporal.rpartition(":")[2])("dev", "--json")
    assert (ended.code, ended.out, ended.failure["type"]) == (69, "", "DevServerError")
    assert f"port {temporal.rpartition(':')[2]}" in ended.failure["message"]


async def test_a_graph_that_cannot_be_loaded_stops_the_worker(temporal: str, alone: CommandLine) -> None:
    (alone.folder / "langgraph.json").write_text(json.dumps({"graphs": {"x": "./nowhere.py:graph"}}))
    ended = await alone.having(PERDURE_TEMPORAL__ADDRESS=temporal)("worker")
    assert ended.code == 2
    assert "nowhere.py does not exist" in ended.err


@pytest.mark.usefixtures("needs_server")
async def test_server_becomes_temporal(alone: CommandLine) -> None:
    server = await alone.start("server", "--json")
    assert server.stdout is not None
    first = json.loads(await server.stdout.readline())
    assert first["address"] == f"127.0.0.1:{alone.environment['PERDURE_SERVER__PORT']}"
    assert server.stderr is not None
    async with asyncio.timeout(LIMIT):
        while b"Temporal Server" not in await server.stderr.readline():
            pass
    server.send_signal(signal.SIGTERM)
    async with asyncio.timeout(LIMIT):
        out, _ = await server.communicate()
    assert (server.returncode, out) == (0, b"")


async def test_help_is_grouped_and_has_examples(lonely: CommandLine) -> None:
    endings = await lonely.all({"help": ["--help"], "nothing": [], "run": ["run", "--help"]})
    for name in ("help", "nothing"):
        assert endings[name].code == 0
        assert re.findall("─ ([A-Z].*?) ─", endings[name].out) == [
            "Options", "Start here", "Run a graph", "Steer a run", "Look back", "Serve",
        ]  # fmt: skip
        assert "perdure run research" in endings[name].out
        assert "69 Temporal" in " ".join(endings[name].out.split())
    assert "PERDURE_CONFIG" in endings["run"].out


def test_help_names_every_stream_mode() -> None:
    told = str(get_args(StreamMode)[1].help)
    assert [mode for mode in STREAM_MODES if mode not in told] == []


async def test_help_loads_nothing_heavy() -> None:
    code = "import sys; from perdure.cli.app import run_command; run_command(); print(*sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, "--help", stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    loaded = {name.partition(".")[0] for name in out.decode().splitlines()[-1].split()}
    assert loaded.isdisjoint({"langgraph", "langchain_core", "temporalio", "sqlalchemy", "alembic"})


async def test_version(lonely: CommandLine) -> None:
    assert re.fullmatch(r"perdure \d+\.\d+\.\d+\n", (await lonely("--version")).out)
