"""`perdure api-keys`, and `perdure serve` where it is asked who calls."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from support.servers import until

from .conftest import LIMIT, CommandLine

AUTH = """
from langgraph_sdk import Auth
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

auth = Auth()

@auth.authenticate
async def authenticate(authorization: str | None) -> str:
    if authorization != "Bearer open":
        raise Auth.exceptions.HTTPException(detail="say the word")
    return "ann"

async def hello(request):
    return PlainTextResponse("hello")

app = Starlette(routes=[Route("/hello", hello)])
"""


@asynccontextmanager
async def serving(command: CommandLine, *words: str) -> AsyncGenerator[dict[str, Any]]:
    """`perdure serve`, and what it says first."""
    out = command.folder / "serve.out"
    with out.open("wb") as file:
        process = await command.start("serve", "--port", "0", "--json", *words, stdout=file, stderr=file)
    await until(lambda: '"url"' in out.read_text() or process.returncode is not None, LIMIT)
    assert process.returncode is None, out.read_text()
    yield json.loads(next(line for line in out.read_text().splitlines() if '"url"' in line))
    process.terminate()
    assert await process.wait() == 0, out.read_text()
    assert "Traceback" not in out.read_text()


async def asked(url: str, **headers: str) -> int:
    async with httpx.AsyncClient(headers=headers) as http:
        return (await http.post(f"{url}/threads/count", json={})).status_code


async def test_a_key_from_its_creation_to_its_end(lonely: CommandLine) -> None:
    made = (await lonely("api-keys", "create", "ann", "--label", "laptop", "--expires", "90d", "--json")).document
    bare = await lonely("api-keys", "create", "bob")
    assert bare.out.strip().startswith("perdure_")
    listed = await lonely("api-keys", "list")
    assert [line.split()[0] for line in listed.out.splitlines()][-1] == made["key_id"]
    assert made["key"] not in listed.out
    async with serving(lonely.having(PERDURE_GATEWAY__API_KEYS="true"), "--host", "0.0.0.0") as said:
        assert said["asks"] is True
        url = said["url"].replace("0.0.0.0", "127.0.0.1")
        assert (await asked(url), await asked(url, **{"X-Api-Key": made["key"]})) == (401, 200)
        assert (await lonely("api-keys", "revoke", made["key_id"], "--json")).document["revoked"] is True

        async def is_out() -> bool:
            return await asked(url, **{"X-Api-Key": made["key"]}) == 401

        await until(is_out)
    assert (await lonely("api-keys", "list", "--json")).document[1]["revoked_at"] is not None
    unknown = await lonely("api-keys", "revoke", "nothing", "--json")
    assert (unknown.code, "no API key 'nothing'" in unknown.failure["message"]) == (3, True)
    wrong = await lonely("api-keys", "create", "ann", "--expires", "soon", "--json")
    assert (wrong.code, "--expires" in wrong.failure["message"]) == (2, True)


async def test_where_nobody_is_asked_only_this_machine_may_call(lonely: CommandLine) -> None:
    ended = await lonely("serve", "--host", "0.0.0.0", "--port", "0", "--json")
    assert ended.code == 2
    for way in ("gateway.api_keys", "perdure api-keys create USER", "gateway.oidc", "langgraph.json"):
        assert way in ended.failure["message"]


async def test_the_auth_and_the_routes_of_langgraph_json(lonely: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "door.py").write_text(AUTH)
    content = json.loads((lonely.folder / "langgraph.json").read_text())
    content |= {"auth": {"path": "./door.py:auth"}, "http": {"app": "./door.py:app", "mount_prefix": "/v1"}}
    (tmp_path / "langgraph.json").write_text(json.dumps(content))
    command = lonely.having(PERDURE_GRAPHS=str(tmp_path / "langgraph.json"))
    async with serving(command) as said:
        url = f"{said['url']}/v1"
        assert (await asked(url), await asked(url, Authorization="Bearer open")) == (401, 200)
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{url}/hello")).text == "hello"
    content["auth"]["path"] = "./door.py:app"
    (tmp_path / "langgraph.json").write_text(json.dumps(content))
    ended = await command("serve", "--port", "0", "--json")
    assert (ended.code, "is a Starlette, and no langgraph_sdk.Auth" in ended.failure["message"]) == (2, True)
