"""Secrets are planted wherever users' data can be. With keys, no file of the home and no line of the log shows one."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from support.keys import K1
from support.secrets import GRAPH, PLANTED, found_in, say_everything
from support.servers import free_port, until

import perdure
from perdure import Settings
from perdure.contracts.settings import ServerSettings

from .conftest import LIMIT, CommandLine, environment


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
        await say_everything(runs)
    dev.send_signal(signal.SIGTERM)
    async with asyncio.timeout(LIMIT):
        await dev.wait()
    found = found_in(alone.folder)
    assert "the graph raised" in log.read_text()
    if keys:
        assert found == {}
    else:
        assert PLANTED - {*found} == set(), "what is searched for can be found"
