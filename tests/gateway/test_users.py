"""Two users: what is the one's is not there for the other."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.gateways import Served, served

from perdure import ActorContext
from perdure.gateway import Gateway


async def by_key(headers: Mapping[str, str]) -> ActorContext | None:
    key = headers.get("x-api-key", "")
    return ActorContext(user_id=key.removeprefix("key-")) if key.startswith("key-") else None


@pytest.fixture(scope="module")
async def guarded(temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Served, Gateway]]:
    home: Path = tmp_path_factory.mktemp("users")
    async with served(temporal, home) as api, guarding(api) as gateway:
        yield api, gateway


def guarding(api: Served) -> Gateway:
    return Gateway(api.env.runs, host="127.0.0.1", port=0, authenticate=by_key)


def of(gateway: Gateway, user: str | None) -> httpx.AsyncClient:
    headers = {} if user is None else {"x-api-key": f"key-{user}"}
    return httpx.AsyncClient(base_url=gateway.url, headers=headers, timeout=30)


async def test_nobody_is_let_in(guarded: tuple[Served, Gateway]) -> None:
    async with of(guarded[1], None) as nobody:
        for path in ("/ok", "/info", "/docs", "/openapi.json"):
            assert (await nobody.get(path)).status_code == 200
        for method, path in (("POST", "/threads"), ("POST", "/runs/stream"), ("GET", f"/threads/{uuid.uuid4()}")):
            answer = await nobody.request(method, path, json={})
            assert (answer.status_code, answer.json()) == (401, {"detail": "Unauthorized"})


async def test_another_users_things_are_not_found(guarded: tuple[Served, Gateway]) -> None:
    async with of(guarded[1], "ann") as ann, of(guarded[1], "bob") as bob:
        thread = (await ann.post("/threads", json={"metadata": {"secret": 1}})).json()["thread_id"]
        body: dict[str, Any] = {"assistant_id": "steps", "input": {"tag": "ann"}}
        run = (await ann.post(f"/threads/{thread}/runs", json=body)).json()["run_id"]
        assert (await ann.get(f"/threads/{thread}/runs/{run}/join")).json()["tag"] == "ann"
        place = f"/threads/{thread}"
        made = (await ann.post("/assistants", json={"graph_id": "steps"})).json()["assistant_id"]
        crons = {"assistant_id": "steps", "schedule": "0 0 1 1 *"}
        cron = (await ann.post(f"{place}/runs/crons", json=crons)).json()["cron_id"]
        tried: list[tuple[str, str, Any]] = [
            ("GET", place, None),
            ("PATCH", place, {"metadata": {"mine": True}}),
            ("DELETE", place, None),
            ("GET", f"{place}/state", None),
            ("POST", f"{place}/state", {"values": {"tag": "bob"}}),
            ("POST", f"{place}/history", {}),
            ("GET", f"{place}/stream", None),
            ("GET", f"{place}/runs", None),
            ("POST", f"{place}/runs", body),
            ("POST", f"{place}/runs/stream", {**body, "if_not_exists": "create"}),
            ("GET", f"{place}/runs/{run}", None),
            ("GET", f"{place}/runs/{run}/join", None),
            ("GET", f"{place}/runs/{run}/stream", None),
            ("GET", f"/runs/{run}/stream", None),
            ("POST", f"{place}/runs/{run}/cancel", {}),
            ("POST", "/runs/cancel", {"thread_id": thread, "run_ids": [run]}),
            ("DELETE", f"{place}/runs/{run}", None),
            ("POST", f"{place}/copy", None),
            ("POST", f"{place}/runs/crons", crons),
            ("POST", "/runs/crons", {**crons, "assistant_id": made}),
            ("GET", f"/runs/crons/{cron}", None),
            ("PATCH", f"/runs/crons/{cron}", {"enabled": False}),
            ("DELETE", f"/runs/crons/{cron}", None),
            ("GET", f"/assistants/{made}", None),
            ("GET", f"/assistants/{made}/graph", None),
            ("PATCH", f"/assistants/{made}", {"name": "mine"}),
            ("DELETE", f"/assistants/{made}", None),
            ("POST", f"/assistants/{made}/versions", {}),
            ("POST", f"/assistants/{made}/latest", {"version": 1}),
            ("POST", "/runs", {"assistant_id": made, "input": {}}),
            ("POST", "/threads", {"thread_id": thread}),
            ("POST", "/threads", {"thread_id": thread, "if_exists": "do_nothing"}),
        ]
        for method, path, content in tried:
            answer = await bob.request(method, path, json=content)
            assert answer.status_code == 404, (method, path, answer.text)
        assert (await bob.post("/threads/prune", json={"thread_ids": [thread]})).json() == {"pruned_count": 0}
        for search in ({}, {"metadata": {"secret": 1}}, {"values": {"tag": "ann"}}, {"ids": [thread]}):
            found = await bob.post("/threads/search", json=search)
            assert (found.json(), found.headers["x-pagination-total"]) == ([], "0")
        assert (await bob.post("/threads/count", json={})).json() == 0
        assert (await bob.post("/runs/crons/search", json={})).json() == []
        names = [one["assistant_id"] for one in (await bob.post("/assistants/search", json={"limit": 100})).json()]
        assert made not in names
        taken = await bob.post(
            "/assistants", json={"graph_id": "steps", "assistant_id": made, "if_exists": "do_nothing"}
        )
        assert taken.status_code == 409
        assert (await ann.post("/threads/search", json={})).json()[0]["thread_id"] == thread
        assert (await ann.get(place)).json()["values"]["tag"] == "ann"


async def test_the_same_key_of_two_users_is_two_runs(guarded: tuple[Served, Gateway]) -> None:
    body, headers = {"assistant_id": "steps", "input": {"tag": "k"}}, {"Idempotency-Key": "k"}
    async with of(guarded[1], "ann") as ann, of(guarded[1], "bob") as bob:
        runs = [(await user.post("/runs", json=body, headers=headers)).json()["run_id"] for user in (ann, bob, ann)]
    assert runs[0] == runs[2] != runs[1]
