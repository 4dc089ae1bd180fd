"""Secrets are planted wherever users' data can be. With keys, no file of the home and no line of the log shows one."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from graphs.secrets import planted
from support.keys import K1
from support.servers import free_port, until

import perdure
from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings
from perdure.contracts.settings import ServerSettings

from .conftest import LIMIT, CommandLine, environment

GRAPH = Path(__file__).parents[1] / "graphs" / "secrets.py"
BY_THE_CLIENT = ("input", "configurable", "config-metadata", "context", "answer", "update")
BY_THE_GRAPH = {*re.findall(r'planted\("([a-z-]+)"\)', GRAPH.read_text())}
PLANTED = {*BY_THE_CLIENT, *BY_THE_GRAPH}


@pytest.fixture
def alone(tmp_path: Path) -> CommandLine:
    """A home of its own, a folder of its graph beside it, and a port that nobody uses."""
    home, graphs = tmp_path / "home", tmp_path / "langgraph.json"
    home.mkdir()
    graphs.write_text(json.dumps({"graphs": {"whole": f"{GRAPH}:whole"}}))
    more = {
        "PERDURE_GRAPHS": str(graphs),
        "PERDURE_SERVER__PORT": str(free_port()),
        "PERDURE_SERVER__UI": "false",
        "PERDURE_GATEWAY__PORT": "0",
    }
    return CommandLine(environment(home, **more), home)


def found_in(folder: Path) -> dict[str, set[str]]:
    """What can be read, and in which files."""
    found: dict[str, set[str]] = {}
    for file in (file for file in folder.rglob("*") if file.is_file()):
        for what in re.findall(rb"SECRET-([a-z-]+)-SECRET", file.read_bytes()):
            found.setdefault(what.decode(), set()).add(file.name)
    return found


async def _say_everything(runs: RunsFacade) -> None:
    config = {"configurable": {"token": planted("configurable")}, "metadata": {"note": planted("config-metadata")}}
    for thread, fails in (("good", False), ("bad", True)):
        spec = RunSpec(
            assistant_id="whole",
            scope=RunScope(thread_id=thread),
            input={"messages": [], "given": planted("input"), "fails": fails},
            runnable_config=config,
            context={"key": planted("context")},
            stream_modes=("values", "messages", "custom", "updates", "tasks", "checkpoints", "debug"),
            stream_subgraphs=True,
        )
        record, asked = await runs.create_and_wait(spec)
        assert asked.interrupts[0].value == {"question": planted("question")}, asked
        await runs.resume(record.run_id, planted("answer"))
        result = await runs.join_wait(record.run_id)
        assert result.status is (RunStatus.ERROR if fails else RunStatus.SUCCESS)
        assert result.error is None or planted("error") in result.error.message
        assert result.values["kept"] == planted("state")
        await runs.update_state(thread, {"given": planted("update")})
        state = await runs.get_state(thread)
        assert state is not None
        assert state.values["given"] == planted("update")
        streamed = [event async for event in await runs.join_stream(record.run_id)]
        assert planted("token") in f"{streamed}"
        assert planted("tool-argument") in f"{await runs.list_events(record.run_id, limit=1000)}"


@pytest.mark.usefixtures("needs_server")
@pytest.mark.parametrize("keys", [False, True], ids=["without keys", "with keys"])
async def test_they_are_found_only_where_there_are_no_keys(alone: CommandLine, keys: bool) -> None:
    encryption: Any = {"key_id": "k1", "keys": {"k1": K1}} if keys else {}
    variables = {"PERDURE_ENCRYPTION": json.dumps(encryption)} if keys else {}
    log = alone.folder / "dev.log"
    with log.open("wb") as file:
        dev = await alone.having(**variables).start("dev", stdout=file, stderr=file)
    await until(lambda: "serving" in log.read_text() or dev.returncode is not None, LIMIT)
    assert dev.returncode is None, log.read_text()
    server = ServerSettings(port=int(alone.environment["PERDURE_SERVER__PORT"]))
    settings = Settings.model_validate({"home": alone.folder, "server": server, "encryption": encryption})
    async with perdure.connect(settings=settings) as runs:
        await _say_everything(runs)
    dev.send_signal(signal.SIGTERM)
    async with asyncio.timeout(LIMIT):
        await dev.wait()
    found = found_in(alone.folder)
    assert "the graph raised" in log.read_text()
    if keys:
        assert found == {}
    else:
        assert PLANTED - {*found} == set(), "what is searched for can be found"
