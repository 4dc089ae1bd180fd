"""`environment`: all that a test of a graph needs, and nothing of it left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.graphs import asking, count_to, counting

from perdure import RunScope, RunSpec, RunStatus, Settings, connect
from perdure.contracts.settings import BridgeSettings, CheckpointerSettings, TemporalSettings
from perdure.runtime.connection import connect as connect_temporal
from perdure.runtime.target import Target
from perdure.testing import environment, server


def spec(graph: str = "counting") -> RunSpec:
    return RunSpec(assistant_id=graph, scope=RunScope(thread_id="t"), input=count_to(3) | {"log": []})


@pytest.mark.usefixtures("needs_server")
async def test_a_server_of_its_own_and_nothing_left(monkeypatch: pytest.MonkeyPatch) -> None:
    # What a developer's shell says.
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example:7233")
    monkeypatch.setenv("TEMPORAL_API_KEY", "secret")
    monkeypatch.setenv("PERDURE_TEMPORAL__NAMESPACE", "elsewhere")
    async with environment({"counting": counting()}) as env:
        _, result = await env.runs.create_and_wait(spec())
        assert (result.status, result.values["log"]) == (RunStatus.SUCCESS, [0, 1, 2])
        home, address = env.settings.home, env.settings.temporal.address
        assert home.is_dir()
    assert not home.exists()
    assert address is not None
    with pytest.raises(Exception, match="refused"):
        await connect_temporal(Target(address, "default"), Settings(), timeout=5)


async def test_environments_on_one_server_do_not_meet(temporal: str, tmp_path: Path) -> None:
    graphs = {"counting": counting()}
    async with environment(graphs, address=temporal, home=tmp_path / "a") as one:
        async with environment(graphs, address=temporal) as other:
            record, _ = await one.runs.create_and_wait(spec())
            assert await other.runs.get_run(record.run_id) is None
        async with connect(settings=one.settings) as late:
            assert await late.get_run(record.run_id) is not None
        described = await one.client.get_workflow_handle(f"run-{record.run_id}").describe()
        assert described.task_queue == one.settings.temporal.task_queue
    assert (tmp_path / "a" / "store.db").exists(), "a home that is given stays"


async def test_what_else_is_set_is_kept_and_can_be_in_memory(temporal: str) -> None:
    settings = Settings(
        home=Path("/nonexistent"),
        temporal=TemporalSettings(address="127.0.0.1:1", namespace="nowhere", task_queue="q", submit_timeout=7),
        bridge=BridgeSettings(url="memory://"),
        checkpointer=CheckpointerSettings(url="memory://"),
    )
    async with environment({"asking": asking("Sure?")}, address=temporal, settings=settings) as env:
        record, asked = await env.runs.create_and_wait(spec("asking"))
        assert [question.value for question in asked.interrupts] == ["Sure?"]
        await env.runs.resume(record.run_id, "yes")
        assert (await env.runs.join_wait(record.run_id)).values["log"] == ["yes", "after"]
        assert env.settings.temporal.submit_timeout == 7
        assert {path.name for path in env.settings.home.iterdir()}.isdisjoint({"bridge.db", "checkpoints.db"})


@pytest.mark.usefixtures("needs_server")
async def test_the_server_is_gone_with_its_block() -> None:
    async with server() as address:
        await connect_temporal(Target(address, "default"), Settings(), timeout=5)
    with pytest.raises(Exception, match="refused"):
        await connect_temporal(Target(address, "default"), Settings(), timeout=5)


def test_no_pytest_is_needed() -> None:
    program = "import sys; sys.modules['pytest'] = None; import perdure.testing"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


CONFTEST = """
import pytest
from typing import TypedDict
from langgraph.graph import START, StateGraph

pytest_plugins = ["perdure.testing.fixtures"]


class State(TypedDict):
    words: str


async def shout(state):
    return {"words": state["words"].upper()}


@pytest.fixture
def perdure_graphs():
    return {"shout": StateGraph(State).add_node(shout).add_edge(START, "shout")}
"""

TESTS = """
import pytest
from perdure import RunScope, RunSpec

SPEC = RunSpec(assistant_id="shout", scope=RunScope(thread_id="t"), input={"words": "hello"})
addresses = set()


@pytest.mark.asyncio
@pytest.mark.parametrize("time", [1, 2])
async def test_a_run(time, perdure_runs, perdure_server):
    assert await perdure_runs.list_runs("t") == [], "the thread is new in each test"
    _, result = await perdure_runs.create_and_wait(SPEC)
    assert result.values["words"] == "HELLO"
    addresses.add(perdure_server)
    assert len(addresses) == 1


def test_without_a_loop(perdure_server):
    assert perdure_server in addresses
"""


@pytest.mark.usefixtures("needs_server")
@pytest.mark.parametrize("mode", [pytest.param("strict", marks=pytest.mark.whole), "auto"])
def test_the_fixtures_serve_a_project_of_ones_own(mode: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_mine.py").write_text(TESTS)
    settings = ["[pytest]", f"asyncio_mode = {mode}", "asyncio_default_fixture_loop_scope = function"]
    (tmp_path / "pytest.ini").write_text("\n".join([*settings, "filterwarnings = error"]))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
