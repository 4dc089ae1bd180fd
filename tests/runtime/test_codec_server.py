"""The codec server: for who has a token, of pages of configured origins, in its namespace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import uvicorn
from google.protobuf import json_format
from pydantic import SecretStr
from support.keys import encrypted
from support.servers import free_port, temporal_command, until
from temporalio.api.common.v1 import Payloads

from perdure import ConfigError, Settings
from perdure.contracts.encryption_settings import CodecServerSettings
from perdure.runtime.codec_server import codec_server
from perdure.runtime.connection import connect_temporal, data_converter

TOKEN = "a token of the tests"
UI = "http://localhost:8233"
BEARER = {"authorization": f"Bearer {TOKEN}"}


def with_server(settings: Settings, **more: Any) -> Settings:
    server = CodecServerSettings(origins=(UI,), tokens=(SecretStr(TOKEN),), **more)
    return encrypted(settings).model_copy(update={"codec_server": server})


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(codec_server(with_server(Settings())))
    async with httpx.AsyncClient(transport=transport, base_url="http://codec") as http:
        yield http


async def body(value: Any, settings: Settings) -> str:
    payloads = Payloads(payloads=await data_converter(settings).encode([value]))
    return json_format.MessageToJson(payloads)


async def test_there_and_back(http: httpx.AsyncClient) -> None:
    plain = await body("secret", Settings())
    sealed = await http.post("/encode", content=plain, headers=BEARER)
    payloads = json_format.Parse(sealed.text, Payloads()).payloads
    assert await data_converter(encrypted(Settings())).decode(payloads) == ["secret"]
    opened = await http.post("/decode", content=sealed.text, headers={**BEARER, "x-namespace": "default"})
    assert json_format.Parse(opened.text, Payloads()) == json_format.Parse(plain, Payloads())
    again = await http.post("/decode", content=plain, headers=BEARER)
    assert again.status_code == 200, "what was never sealed is handed back"


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({}, None, 401),
        ({"authorization": "Bearer no token of the tests"}, None, 401),
        ({"authorization": f"Basic {TOKEN}"}, None, 401),
        ({**BEARER, "x-namespace": "another"}, None, 403),
        (BEARER, "no JSON", 400),
    ],
)
async def test_who_and_what_is_refused(
    http: httpx.AsyncClient, headers: dict[str, str], content: str | None, status: int
) -> None:
    content = content or await body("secret", encrypted(Settings()))
    answer = await http.post("/decode", content=content, headers=headers)
    assert answer.status_code == status
    assert "secret" not in answer.text


async def test_a_key_that_it_does_not_have_is_named(http: httpx.AsyncClient) -> None:
    sealed = await body("secret", encrypted(Settings(), "k3", keys={"k3": "A" * 43 + "="}))
    answer = await http.post("/decode", content=sealed, headers=BEARER)
    assert (answer.status_code, "sealed with the key 'k3'" in answer.text) == (422, True)


@pytest.mark.parametrize(("origin", "allowed"), [(UI, True), ("http://evil.example", False)])
async def test_only_pages_of_the_configured_origins_may_ask(
    http: httpx.AsyncClient, origin: str, allowed: bool
) -> None:
    asks = {"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": "x-namespace"}
    answer = await http.options("/decode", headers=asks)
    assert (answer.headers.get("access-control-allow-origin") == origin) is allowed


@pytest.mark.parametrize(
    ("settings", "said"),
    [(Settings(), r"encryption\.key_id is not set"), (encrypted(Settings()), r"codec_server\.tokens is empty")],
)
def test_it_does_not_start_without_keys_or_tokens(settings: Settings, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        codec_server(settings)


@pytest.mark.parametrize(
    "wrong", [{"origins": ["*"]}, {"origins": ["http://ui/path"]}, {"tokens": ["short"]}], ids=["any", "path", "short"]
)
def test_wrong_settings(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"no origin|at least 16"):
        CodecServerSettings.model_validate(wrong)


async def test_the_command_line_of_temporal_reads_by_it(settings: Settings, temporal: str) -> None:
    settings = with_server(settings, port=free_port())
    client = await connect_temporal(settings)
    await client.start_workflow("Nobody", "tell me", id=f"codec-{settings.temporal.task_queue}", task_queue="nobody")
    server = uvicorn.Server(uvicorn.Config(codec_server(settings), port=settings.codec_server.port, log_level="error"))
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        show: Callable[..., Awaitable[str]] = lambda *more: temporal_command(  # noqa: E731
            temporal, "show", "--detailed", "-w", f"codec-{settings.temporal.task_queue}", *more
        )
        assert "tell me" not in await show()
        url = f"http://127.0.0.1:{settings.codec_server.port}"
        assert "tell me" in await show("--codec-endpoint", url, "--codec-auth", f"Bearer {TOKEN}")
    finally:
        server.should_exit = True
        await serving
