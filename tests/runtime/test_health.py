"""What probes are told of a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest
from support.graphs import count_to, counting
from support.servers import free_port, until

from perdure import ConfigError, RunScope, RunSpec, Settings, Worker, connect
from perdure.contracts.worker_settings import HealthSettings, WorkerSettings, split_address
from perdure.runtime import health
from perdure.runtime.health import Readiness, serving_health

Probe = httpx.AsyncClient


@pytest.fixture
def address() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
async def probe(address: str) -> AsyncGenerator[Probe]:
    async with Probe(base_url=f"http://{address}") as probe:
        yield probe


def probed(settings: Settings, address: str) -> Settings:
    return settings.model_copy(update={"worker": WorkerSettings(health=HealthSettings(address=address))})


async def status(probe: Probe, path: str) -> tuple[int, str]:
    answer = await probe.get(path)
    return answer.status_code, answer.text.strip()


async def test_a_worker_from_its_start_to_its_end(settings: Settings, address: str, probe: Probe) -> None:
    loading, load = asyncio.Event(), asyncio.Event()

    async def late() -> object:
        loading.set()
        await load.wait()
        return counting()

    worker = Worker(graphs={"counting": late}, settings=probed(settings, address))
    serving = asyncio.create_task(worker.run())
    await loading.wait()
    assert await status(probe, "/healthz") == (200, "alive")
    assert await status(probe, "/readyz") == (503, "starting: it loads its graphs and connects to Temporal")
    load.set()

    async def ready() -> bool:
        return await status(probe, "/readyz") == (200, "serving")

    await until(ready)
    async with connect(settings=settings) as runs:
        spec = RunSpec(assistant_id="counting", scope=RunScope(kind="stateless"), input=count_to(3, 0.2))
        _, stream = await runs.create_and_stream(spec)
        await anext(aiter(stream))
        worker.stop()
        assert await status(probe, "/readyz") == (503, "draining: it stops, and its runs go on elsewhere")
        assert await status(probe, "/healthz") == (200, "alive")
    await serving
    with pytest.raises(httpx.ConnectError):
        await probe.get("/healthz")


async def test_a_port_that_is_taken_is_named(settings: Settings, address: str) -> None:
    host, port = split_address(address)
    async with await asyncio.start_server(lambda _r, w: w.close(), host, port):
        with pytest.raises(ConfigError, match=rf"worker.health.address: {address} cannot be used"):
            await Worker(graphs={"counting": counting()}, settings=probed(settings, address)).run()


# HTTP, as probes and strangers speak it.


@pytest.fixture
async def served(address: str) -> AsyncGenerator[None]:
    async with serving_health(HealthSettings(address=address), Readiness(asyncio.Event())):
        yield


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("method", "path", "code", "body"),
    [
        ("GET", "/healthz", 200, "alive"),
        ("GET", "/healthz?verbose", 200, "alive"),
        ("HEAD", "/healthz", 200, ""),
        ("GET", "/", 404, "there are /healthz and /readyz"),
        ("POST", "/healthz", 405, "only GET and HEAD are answered"),
    ],
)
async def test_an_answer(probe: Probe, method: str, path: str, code: int, body: str) -> None:
    answer = await probe.request(method, path)
    assert answer.status_code == code
    assert answer.text.strip() == body


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("said", [b"", b"GET /healthz", b"x" * 100_000, b"\x16\x03\x01\r\n\r\n"])
async def test_a_stranger_is_hung_up(said: bytes, address: str, probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_PATIENCE", 0.2)
    reader, writer = await asyncio.open_connection(*split_address(address))
    writer.write(said)
    try:
        answer = await reader.read()
    except ConnectionResetError:  # it had not read all of it
        answer = b""
    assert answer[:12] in (b"", b"HTTP/1.1 405")
    writer.close()
    assert await status(probe, "/healthz") == (200, "alive")


@pytest.mark.parametrize(
    ("address", "parts"),
    [("127.0.0.1:81", ("127.0.0.1", 81)), ("[::1]:81", ("::1", 81)), (":81", ("", 81)), ("a.b:81", ("a.b", 81))],
)
def test_an_address_is_read(address: str, parts: tuple[str, int]) -> None:
    assert split_address(address) == parts


@pytest.mark.parametrize("address", ["8081", "127.0.0.1", "127.0.0.1:", "::1:81", "a:0", "a:70000", "http://a:81"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(ValueError, match="is no host:port, like"):
        HealthSettings(address=address)
