from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from support.servers import free_port, local_settings, started, until
from temporalio import workflow
from temporalio.api.taskqueue.v1 import PollerInfo
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from perdure.contracts.errors import ConfigError, TemporalUnreachableError
from perdure.contracts.settings import ServerSettings, Settings, TemporalSettings
from perdure.contracts.wire import RunInput
from perdure.runtime.connection import connect_temporal
from perdure.runtime.dev_server import DevServer
from perdure.runtime.pollers import POLLER_LIFETIME, any_recent, workers_polling
from perdure.runtime.target import server_address, temporal_target


def at(address: str, namespace: str = "default", timeout: float = 2.0) -> Settings:
    return Settings(temporal=TemporalSettings(address=address, namespace=namespace, connect_timeout=timeout))


async def cause(settings: Settings) -> str:
    with pytest.raises(TemporalUnreachableError) as caught:
        await connect_temporal(settings)
    assert caught.value.address == settings.temporal.address
    assert caught.value.__cause__ is not None
    return str(caught.value)


async def cause_of(handler: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> str:
    async with await asyncio.start_server(handler, "127.0.0.1", 0) as other:
        return await cause(at(f"127.0.0.1:{other.sockets[0].getsockname()[1]}"))


async def test_values_are_pydantic_models(server: DevServer) -> None:
    converter = (await connect_temporal(at(server.address))).data_converter
    sent = RunInput(run_id="r", thread_id="t", assistant_id="a")
    assert await converter.decode(await converter.encode([sent]), [RunInput]) == [sent]


async def test_nobody_listens() -> None:
    assert "(connection refused)" in await cause(at(f"127.0.0.1:{free_port()}"))


async def test_a_silent_port_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        text = await cause(at(f"127.0.0.1:{silent.getsockname()[1]}", timeout=0.3))
    assert "(no answer within 0.3 s)" in text
    assert time.monotonic() - began < 3


async def test_a_server_that_is_not_temporal() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)  # all of it: a socket that is closed over what it has not read is reset
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
        await reader.read()
        writer.close()

    assert "does not speak gRPC)" in await cause_of(answer)


async def test_a_server_that_hangs_up() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.close()

    assert "(it ended the connection before it answered" in await cause_of(hang_up)


async def test_an_unknown_namespace_is_named(server: DevServer) -> None:
    assert "the namespace 'nowhere' does not exist there" in await cause(at(server.address, "nowhere"))


@pytest.mark.parametrize("address", ["no spaces:7233", "127.0.0.1:99999"])
async def test_an_address_that_is_none(address: str) -> None:
    assert "(invalid target URL" in await cause(at(address))


async def test_tls_that_the_server_does_not_speak(server: DevServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_API_KEY", "secret")
    text = await cause(at(server.address))
    assert "does not speak TLS" in text
    assert "secret" not in text


def test_the_environment_fills_what_the_settings_leave_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "env:1")
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "env")
    target = temporal_target(Settings(temporal=TemporalSettings(namespace="own")))
    assert (target.address, target.namespace) == ("env:1", "own")


def test_an_explicit_address_wins_even_if_it_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "env:1")
    assert temporal_target(at("127.0.0.1:7233")).address == "127.0.0.1:7233"


def test_a_profile_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text('[profile.cloud]\naddress = "cloud:7233"\nnamespace = "jobs"\napi_key = "k"\n')
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(file))
    monkeypatch.setenv("TEMPORAL_PROFILE", "cloud")
    target = temporal_target(Settings())
    assert (target.address, target.namespace, target.api_key) == ("cloud:7233", "jobs", "k")
    assert target.tls


def test_with_nothing_said_it_is_the_development_server() -> None:
    assert temporal_target(Settings(server=ServerSettings(port=7300))).address == "127.0.0.1:7300"


@pytest.mark.parametrize(
    ("ip", "address"),
    [("127.0.0.1", "127.0.0.1:7233"), ("0.0.0.0", "127.0.0.1:7233"), ("::", "[::1]:7233"), ("::1", "[::1]:7233")],
)
def test_the_address_of_a_server_for_clients(ip: str, address: str) -> None:
    assert server_address(ServerSettings(ip=ip)) == address


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("=[", "TOML"),
        ('[profile.other]\naddress = "x:1"', "'default' not found"),
        ('[profile.default.tls]\nserver_ca_cert_path = "/nonexistent.pem"', "nonexistent"),
    ],
)
def test_an_unusable_environment_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, match: str
) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text(text)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(file))
    monkeypatch.setenv("TEMPORAL_PROFILE", "default")
    with pytest.raises(ConfigError, match=match):
        temporal_target(Settings())


@workflow.defn
class Idle:
    @workflow.run
    async def run(self) -> None: ...


async def test_a_worker_that_polls_is_seen(server: DevServer) -> None:
    client = await server.connect()
    assert not await workers_polling(client, "watched")
    async with Worker(client, task_queue="watched", workflows=[Idle], workflow_runner=UnsandboxedWorkflowRunner()):
        await until(lambda: workers_polling(client, "watched"))


def test_a_worker_that_has_not_polled_lately_does_not_count() -> None:
    seen = Timestamp()
    seen.FromDatetime(datetime(2026, 1, 1, tzinfo=UTC))
    poller = PollerInfo(last_access_time=seen)
    assert any_recent([poller], seen.seconds + POLLER_LIFETIME)
    assert not any_recent([poller], seen.seconds + POLLER_LIFETIME + 1)
    assert not any_recent([], seen.seconds)


@pytest.mark.usefixtures("needs_server")
async def test_a_server_that_has_gone_is_unreachable(tmp_path: Path) -> None:
    async with started(local_settings(tmp_path, db_filename=None)) as server:
        client = await server.connect()
    with pytest.raises(TemporalUnreachableError, match=server.address):
        await workers_polling(client, "q")
