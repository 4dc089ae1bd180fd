"""Assistants that clients make: by the client of LangGraph, and what runs of them are given."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from graphs.talk import talking
from langgraph_sdk.errors import ConflictError, NotFoundError
from support.gateways import Client, Served, served
from support.servers import until

TONE = str(uuid.uuid5(uuid.NAMESPACE_DNS, "tone"))


@pytest.fixture(scope="module")
async def api(temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with served(temporal, tmp_path_factory.mktemp("assistants"), talking()) as api:
        yield api


async def heard(client: Client, assistant: str, **wanted: Any) -> Any:
    return (await client.runs.wait(None, assistant, input={}, **wanted))["heard"]


async def test_an_assistant_is_made_changed_and_removed(client: Client) -> None:
    made = await client.assistants.create("tone", context={"tone": "grim"}, metadata={"team": "a"}, name="Grim")
    told = {"graph_id": "tone", "name": "Grim", "description": None, "metadata": {"team": "a"}, "version": 1}
    assert {**made, **told, "context": {"tone": "grim"}, "config": {"configurable": {"tone": "grim"}}} == made
    assert await client.assistants.get(made["assistant_id"]) == made
    changed = await client.assistants.update(made["assistant_id"], name="Grimmer", metadata={"more": 1})
    assert (changed["version"], changed["name"], changed["metadata"]) == (2, "Grimmer", {"team": "a", "more": 1})
    assert (changed["context"], changed["created_at"]) == (made["context"], made["created_at"])
    versions = await client.assistants.get_versions(made["assistant_id"])
    assert [(one["version"], one["name"]) for one in versions] == [(2, "Grimmer"), (1, "Grim")]
    assert [one["version"] for one in await client.assistants.get_versions(made["assistant_id"], limit=1)] == [2]
    older = await client.assistants.set_latest(made["assistant_id"], 1)
    assert {**older, "updated_at": made["updated_at"]} == made
    assert (await client.assistants.update(made["assistant_id"], description="said"))["version"] == 3
    await client.assistants.delete(made["assistant_id"])
    with pytest.raises(NotFoundError):
        await client.assistants.get(made["assistant_id"])


async def test_assistants_are_found_and_counted(client: Client) -> None:
    for name in ("Found one", "found TWO"):
        await client.assistants.create("tone", metadata={"in": {"test": name}}, name=name)
    found = await client.assistants.search(name="found", sort_by="name", sort_order="asc")
    assert [one["name"] for one in found] == ["Found one", "found TWO"]
    assert await client.assistants.count(metadata={"in": {"test": "found TWO"}}) == 1
    newest = await client.assistants.search(graph_id="tone", limit=2)
    assert [one["name"] for one in newest] == ["found TWO", "Found one"]
    own = await client.assistants.search(graph_id="tone", metadata={"created_by": "system"}, select=["name"])
    assert own == [{"name": "tone"}]


async def test_what_a_run_has_comes_over_what_its_assistant_has(client: Client) -> None:
    config: Any = {"recursion_limit": 7, "tags": ["t"], "configurable": {"tone": "grim", "more": 1}}
    made = await client.assistants.create("tone", config=config, metadata={"team": "a", "level": 1})
    assert await heard(client, made["assistant_id"]) == "grim"
    assert await heard(client, made["assistant_id"], context={"tone": "mild"}) == "mild"
    assert await heard(client, "tone") is None
    assert await heard(client, "tone", config={"configurable": {"tone": "older", "unknown": 1}}) == "older"
    thread = (await client.threads.create())["thread_id"]
    wanted = {"config": {"tags": ["own"]}, "metadata": {"level": 2}}
    run = await client.runs.create(thread, made["assistant_id"], input={}, **wanted)
    assert run["assistant_id"] == made["assistant_id"]
    metadata = run["metadata"]
    assert (metadata["team"], metadata["level"], metadata["assistant_id"]) == ("a", 2, made["assistant_id"])
    asked = run["kwargs"]["config"]
    assert (asked["recursion_limit"], asked["tags"]) == (7, ["own"])
    assert asked["configurable"].items() >= {"tone": "grim", "more": 1, "assistant_id": made["assistant_id"]}.items()
    await client.runs.join(thread, run["run_id"])
    (found,) = await client.threads.search(metadata={"assistant_id": made["assistant_id"]})
    assert (found["thread_id"], found["metadata"]["graph_id"]) == (thread, "tone")


async def test_an_assistant_that_goes_takes_its_work_with_it(client: Client) -> None:
    made = (await client.assistants.create("steps"))["assistant_id"]
    thread = (await client.threads.create())["thread_id"]
    run = (await client.runs.create(thread, made, input={"tag": "t", "wait": 60}))["run_id"]
    other = (await client.threads.create())["thread_id"]
    kept = (await client.runs.create(other, "steps", input={"tag": "t"}))["run_id"]
    cron = (await client.crons.create(made, schedule="0 0 1 1 *"))["cron_id"]
    await client.assistants.delete(made, delete_threads=True)
    with pytest.raises(NotFoundError):
        await client.threads.get(thread)
    with pytest.raises(NotFoundError):
        await client.runs.get(thread, run)
    assert cron not in [one["cron_id"] for one in await client.crons.search(limit=100)]

    async def has_ended() -> bool:
        return (await client.runs.get(other, kept))["status"] == "success"

    await until(has_ended)


WRONG: list[tuple[str, str, Any, int]] = [
    ("POST", "/assistants", {"graph_id": "nope"}, 404),
    ("POST", "/assistants", {}, 422),
    ("POST", "/assistants", {"graph_id": "tone", "assistant_id": "x"}, 422),
    ("POST", "/assistants", {"graph_id": "tone", "assistant_id": TONE}, 409),
    ("POST", "/assistants", {"graph_id": "tone", "config": {"configurable": {"a": 1}}, "context": {"b": 1}}, 400),
    ("POST", "/assistants", {"graph_id": "tone", "config": {"recursion_limit": 0}}, 422),
    ("PATCH", f"/assistants/{TONE}", {"name": "x"}, 409),
    ("PATCH", f"/assistants/{uuid.UUID(int=1)}", {"name": "x"}, 404),
    ("DELETE", f"/assistants/{TONE}", None, 409),
    ("DELETE", f"/assistants/{uuid.UUID(int=1)}", None, 404),
    ("POST", f"/assistants/{TONE}/latest", {"version": 2}, 404),
    ("POST", f"/assistants/{uuid.UUID(int=1)}/versions", {}, 404),
    ("POST", "/assistants/search", {"metadata": {"a": [1]}}, 422),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), WRONG)
async def test_what_is_wrong_is_said(http: httpx.AsyncClient, method: str, path: str, body: Any, status: int) -> None:
    answer = await http.request(method, path, json=body)
    assert (answer.status_code, [*answer.json()]) == (status, ["detail"]), answer.text


async def test_one_of_the_same_id_is_a_conflict_or_the_same(client: Client) -> None:
    made = await client.assistants.create("tone", name="first")
    with pytest.raises(ConflictError):
        await client.assistants.create("tone", assistant_id=made["assistant_id"])
    again = await client.assistants.create("tone", assistant_id=made["assistant_id"], if_exists="do_nothing")
    assert again == made
    assert (await client.assistants.set_latest(TONE, 1))["name"] == "tone"
