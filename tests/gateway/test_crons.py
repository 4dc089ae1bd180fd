"""Crons by the client of LangGraph."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from langgraph_sdk.errors import NotFoundError
from support.gateways import Client, Served
from support.servers import until

NEVER = "0 0 1 1 *"
STEPS = str(uuid.uuid5(uuid.NAMESPACE_DNS, "steps"))


async def test_a_cron_is_made_changed_and_removed(client: Client) -> None:
    end = datetime(2100, 1, 1, tzinfo=UTC)
    made = await client.crons.create(
        "steps", schedule=NEVER, input={"tag": "t"}, metadata={"of": "x"}, end_time=end, timezone="Europe/Berlin"
    )
    told = {"assistant_id": STEPS, "thread_id": None, "schedule": NEVER, "timezone": "Europe/Berlin", "enabled": True}
    assert {**made, **told, "metadata": {"of": "x"}, "on_run_completed": "delete", "user_id": None} == made
    assert datetime.fromisoformat(made["end_time"]) == end
    assert datetime.fromisoformat(made["next_run_date"]).astimezone(UTC).strftime("%m-%d %H:%M") == "12-31 23:00"
    assert made["payload"]["input"] == {"tag": "t"}
    assert made["payload"]["config"]["configurable"]["cron_id"] == made["cron_id"]
    changed = await client.crons.update(
        made["cron_id"], schedule="0 0 2 1 *", input={"tag": "u"}, metadata={"and": 1}, end_time=None, enabled=False
    )
    told = {"schedule": "0 0 2 1 *", "end_time": None, "enabled": False, "metadata": {"of": "x", "and": 1}}
    assert {**changed, **told, "timezone": "Europe/Berlin", "created_at": made["created_at"]} == changed
    assert (changed["payload"]["input"], changed["updated_at"] > made["updated_at"]) == ({"tag": "u"}, True)
    (found,) = await client.crons.search(metadata={"and": 1})
    assert found == changed
    await client.crons.delete(made["cron_id"])
    with pytest.raises(NotFoundError):
        await client.crons.delete(made["cron_id"])


async def test_its_runs_are_as_its_client_has_said(api: Served, client: Client) -> None:
    thread = (await client.threads.create())["thread_id"]
    made = await client.crons.create_for_thread(thread, "steps", schedule=NEVER, input={"tag": "t"}, metadata={"m": 1})
    assert (made["thread_id"], made["on_run_completed"]) == (thread, None)
    await api.env.runs.crons.trigger(made["cron_id"])

    async def has_run() -> bool:
        return [run["status"] for run in await client.runs.list(thread)] == ["success"]

    await until(has_run)
    (run,) = await client.runs.list(thread)
    assert await client.runs.get(thread, run["run_id"]) == run
    assert run["kwargs"]["config"]["configurable"]["cron_id"] == made["cron_id"]
    assert (run["metadata"]["m"], run["assistant_id"]) == (1, STEPS)
    assert (await client.threads.get(thread))["values"]["log"] == ["a:t", "b:t", "c:t"]
    assert [part.event async for part in client.runs.join_stream(thread, run["run_id"], last_event_id="-1")]
    await client.crons.delete(made["cron_id"])


async def test_crons_are_found_in_order_and_in_pages(client: Client, http: httpx.AsyncClient) -> None:
    thread = (await client.threads.create())["thread_id"]
    later, sooner = "0 0 1 1 *", f"0 0 {(datetime.now(UTC) + timedelta(days=2)).day} * *"
    first = await client.crons.create_for_thread(thread, "steps", schedule=later)
    second = await client.crons.create_for_thread(thread, "ask", schedule=sooner, enabled=False)
    found = await client.crons.search(thread_id=thread)
    assert [one["cron_id"] for one in found] == [second["cron_id"], first["cron_id"]]
    by_time = await client.crons.search(
        thread_id=thread, sort_by="next_run_date", sort_order="asc", select=["schedule"]
    )
    assert by_time == [{"schedule": sooner}, {"schedule": later}]
    assert [one["cron_id"] for one in await client.crons.search(thread_id=thread, enabled=True)] == [first["cron_id"]]
    assert await client.crons.count(assistant_id=STEPS, thread_id=thread) == 1
    page = await http.post("/runs/crons/search", json={"thread_id": thread, "limit": 1})
    assert (page.headers["x-pagination-total"], page.headers["x-pagination-next"]) == ("2", "1")
    for cron in found:
        await client.crons.delete(cron["cron_id"])


async def test_what_is_wrong_is_said(client: Client, http: httpx.AsyncClient) -> None:
    made = (await client.crons.create("steps", schedule=NEVER))["cron_id"]
    thread = (await client.threads.create())["thread_id"]
    of_steps = {"assistant_id": "steps", "schedule": NEVER}
    tried: list[tuple[str, str, Any, int, str]] = [
        ("POST", "/runs/crons", {**of_steps, "schedule": "nope"}, 422, "schedule"),
        ("POST", "/runs/crons", {**of_steps, "timezone": "Nowhere"}, 422, "timezone"),
        ("POST", "/runs/crons", {**of_steps, "assistant_id": "nope"}, 404, "nope"),
        ("POST", "/runs/crons", {**of_steps, "after_seconds": 1}, 422, "after_seconds"),
        ("POST", "/runs/crons", {**of_steps, "command": {"resume": 1}}, 422, "command"),
        ("POST", "/runs/crons", {"assistant_id": "steps"}, 422, "schedule"),
        ("POST", f"/threads/{uuid.UUID(int=1)}/runs/crons", of_steps, 404, "Thread"),
        ("POST", f"/threads/{thread}/runs/crons", {**of_steps, "on_run_completed": "keep"}, 422, "on_run_completed"),
        ("PATCH", f"/runs/crons/{made}", {}, 400, "No fields"),
        ("PATCH", f"/runs/crons/{made}", {"schedule": "nope"}, 422, "schedule"),
        ("PATCH", f"/runs/crons/{made}", {"stream_mode": "nope"}, 422, "stream_mode"),
        ("PATCH", f"/runs/crons/{uuid.UUID(int=1)}", {"enabled": True}, 404, "not found"),
        ("GET", f"/runs/crons/{uuid.UUID(int=1)}", None, 404, "not found"),
        ("GET", "/runs/crons/nope", None, 422, "UUID"),
        ("POST", "/runs/crons/search", {"assistant_id": "steps"}, 422, "UUID"),
    ]
    for method, path, body, status, told in tried:
        answer = await http.request(method, path, json=body)
        assert (answer.status_code, [*answer.json()]) == (status, ["detail"]), (path, body, answer.text)
        assert told in answer.json()["detail"], (path, body, answer.text)
    assert (await http.get(f"/runs/crons/{made}")).json()["schedule"] == NEVER
    await client.crons.delete(made)


async def test_what_is_measured(http: httpx.AsyncClient, client: Client) -> None:
    thread = (await client.threads.create())["thread_id"]
    for _ in range(2):
        await client.runs.create(thread, "steps", input={"tag": "t", "wait": 60})

    async def counted() -> bool:
        queue = (await http.get("/metrics?format=json")).json()["queue"]
        return (queue["n_running"], queue["n_pending"]) == (1, 1) and queue["pending_runs_wait_time_max_secs"] >= 0

    await until(counted)
    text = (await http.get("/metrics")).text
    assert "lg_api_num_running_runs 1.0" in text
    assert "process_resident_memory_bytes" in text
    await client.threads.delete(thread)
