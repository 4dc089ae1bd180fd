from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest
from support.servers import free_port, local_settings, running, started, until
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest

from perdure.contracts.errors import DevServerError, TemporalUnreachableError
from perdure.contracts.settings import Settings
from perdure.runtime.connection import connect_temporal, ensure_search_attributes
from perdure.runtime.dev_server import DevServer
from perdure.runtime.server_lock import place_of_own_server

pytestmark = pytest.mark.usefixtures("needs_server")

OWNER = """
import asyncio, sys
from perdure.contracts.settings import Settings
from perdure.runtime.dev_server import DevServer
from perdure.runtime.server_lock import place_of_own_server

async def main():
    async with DevServer(Settings.model_validate_json(sys.argv[1])) as server:
        print(server.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
EXEC = """
import asyncio, sys
from perdure.contracts.settings import Settings
from perdure.runtime.dev_server import exec_server

asyncio.run(exec_server(Settings.model_validate_json(sys.argv[1])))
"""


async def run_script(script: str, settings: Settings) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, settings.model_dump_json()),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def fake_cli(path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PERDURE_TEMPORAL_CLI", str(path))


async def test_it_is_usable_at_once_and_gone_afterwards(tmp_path: Path) -> None:
    async with DevServer(local_settings(tmp_path / "new" / "home")) as server:
        client = await server.connect()
        answer = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace="default"))
        assert {"ThreadId", "AssistantId", "RunStatus", "UserId"} <= set(answer.custom_attributes)
        assert await client.count_workflows("RunStatus = 'running'")
        pid = server.pid
        assert pid is not None
    assert not running(pid)
    assert server.pid is None


async def test_its_state_outlives_a_restart(tmp_path: Path) -> None:
    settings = local_settings(tmp_path)
    async with started(settings) as server:
        handle = await (await server.connect()).start_workflow("Nothing", id="kept", task_queue="nobody")
    async with started(settings) as server:
        description = await (await server.connect()).get_workflow_handle("kept").describe()
    assert description.run_id == handle.result_run_id


async def test_with_its_ui(tmp_path: Path) -> None:
    settings = local_settings(tmp_path, ui=True, ui_port=free_port(), db_filename=None)
    async with started(settings) as server:
        assert server.ui_url == f"http://127.0.0.1:{settings.server.ui_port}"

        async def answers() -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", settings.server.ui_port)
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            line = await reader.readline()
            writer.close()
            return line

        assert b" 200 " in await answers()


async def test_temporal_variables_do_not_divert_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("TEMPORAL_API_KEY", "of-another-server")
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "mine")
    async with started(local_settings(tmp_path, db_filename=None)) as server:
        client = await server.connect()
        assert client.namespace == "mine"
        await ensure_search_attributes(client)


async def test_clients_find_a_server_on_another_port(server: DevServer, tmp_path: Path) -> None:
    settings = local_settings(tmp_path, port=int(server.address.rpartition(":")[2]))
    assert (await connect_temporal(settings)).service_client.config.target_host == server.address


async def test_an_occupied_port_is_named_with_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as occupant:
        port = occupant.getsockname()[1]
        with pytest.raises(DevServerError, match=rf"port {port} .* set server\.port \(PERDURE_SERVER__PORT\)"):
            await DevServer(local_settings(tmp_path, port=port)).start()


async def test_an_occupied_ui_port_is_named_with_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as occupant:
        port = occupant.getsockname()[1]
        with pytest.raises(DevServerError, match=rf"port {port} .* set server\.ui_port \(PERDURE_SERVER__UI_PORT\)"):
            await DevServer(local_settings(tmp_path, ui=True, ui_port=port)).start()


async def test_a_temporal_server_on_the_port_is_recognised(server: DevServer, tmp_path: Path) -> None:
    port = int(server.address.rpartition(":")[2])
    with pytest.raises(DevServerError, match=r"a Temporal server \(1\.\d+\.\d+.*\) answers there"):
        await DevServer(local_settings(tmp_path, port=port)).start()


async def test_an_address_of_another_machine_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DevServerError, match=r"set server\.ip"):
        await DevServer(local_settings(tmp_path, ip="192.0.2.1")).start()


async def test_a_database_belongs_to_one_server(tmp_path: Path) -> None:
    async with started(local_settings(tmp_path)) as server:
        with pytest.raises(DevServerError, match=f"is in use by another development server .process {server.pid}"):
            await DevServer(local_settings(tmp_path)).start()


async def test_a_home_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DevServerError, match="home"):
        await DevServer(local_settings(tmp_path / "file" / "home")).start()


async def test_a_server_that_dies_at_once_shows_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cli(tmp_path / "temporal", monkeypatch, "echo no such luck; exit 3")
    with pytest.raises(DevServerError, match="no such luck"):
        await DevServer(local_settings(tmp_path)).start()


async def test_a_server_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cli(tmp_path / "temporal", monkeypatch, f"echo $$ >{tmp_path}/pid; echo busy; exec sleep 60")
    with pytest.raises(DevServerError, match=r"(?s)does not answer after 1\.5 s.*busy"):
        await DevServer(local_settings(tmp_path), start_limit=1.5).start()
    assert not running(int((tmp_path / "pid").read_text()))


async def test_a_cancelled_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cli(tmp_path / "temporal", monkeypatch, f"echo $$ >{tmp_path}/pid; exec sleep 60")
    start = asyncio.create_task(DevServer(local_settings(tmp_path)).start())
    await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert not running(int((tmp_path / "pid").read_text()))


async def test_a_death_in_service_is_noticed(tmp_path: Path) -> None:
    async with started(local_settings(tmp_path, db_filename=None)) as server:
        watch = asyncio.create_task(server.wait())
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(DevServerError, match="ended by itself with status -9"):
            await watch


async def test_a_stop_is_no_death(tmp_path: Path) -> None:
    server = DevServer(local_settings(tmp_path, db_filename=None))
    await server.start()
    watch = asyncio.create_task(server.wait())
    await asyncio.sleep(0)
    await server.stop()
    await watch
    await server.stop()


async def test_a_frozen_server_is_stopped_by_force(tmp_path: Path) -> None:
    server = DevServer(local_settings(tmp_path, db_filename=None))
    await server.start()
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    await server.stop(limit=0.1)
    assert not running(pid)


async def test_a_cancelled_stop_still_stops(tmp_path: Path) -> None:
    server = DevServer(local_settings(tmp_path, db_filename=None))
    await server.start()
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    stop = asyncio.create_task(server.stop())
    await asyncio.sleep(0)
    stop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stop
    assert not running(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="the tie to the parent is Linux's")
async def test_a_killed_owner_takes_it_along(tmp_path: Path) -> None:
    owner = await run_script(OWNER, local_settings(tmp_path))
    assert owner.stdout is not None
    pid = int(await owner.stdout.readline())
    assert running(pid)
    owner.kill()
    await owner.wait()
    try:
        await until(lambda: not running(pid))
    finally:
        if running(pid):
            os.kill(pid, signal.SIGKILL)


async def test_a_server_that_was_left_behind_is_ended_and_named(tmp_path: Path) -> None:
    settings = local_settings(tmp_path)
    async with started(settings) as left:
        assert left.pid is not None
        lock = tmp_path / "temporal.db.lock"
        lock.write_text(f"process {left.pid}, 127.0.0.1:{settings.server.port}, started by process 999999999\n")
        async with DevServer(settings) as server:
            assert not running(left.pid)
            (note,) = server.notes
            assert f"(process {left.pid}, 127.0.0.1:{settings.server.port}) had been left behind" in note
            assert place_of_own_server(settings, server.address) == str(lock)
            assert place_of_own_server(settings, "127.0.0.1:1") is None
        assert place_of_own_server(settings, server.address) is None


async def test_exec_becomes_the_server(tmp_path: Path) -> None:
    settings = local_settings(tmp_path)
    process = await run_script(EXEC, settings)
    try:
        await until(lambda: reachable(settings))
        with pytest.raises(DevServerError, match=f"process {process.pid}"):
            await DevServer(local_settings(tmp_path)).start()
    finally:
        process.terminate()
    assert await process.wait() == 0


async def reachable(settings: Settings) -> bool:
    try:
        await connect_temporal(settings)
    except TemporalUnreachableError:
        return False
    return True
