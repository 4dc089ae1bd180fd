"""The state of a thread on which nothing happens is read once, and never shown as it was before."""

from __future__ import annotations

from typing import Any

import pytest
from support.gateways import Served
from support.servers import until

from perdure import RunScope, RunSpec, RunStatus


@pytest.fixture
def readings(api: Served, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads whose states a worker was asked for."""
    found: list[str] = []
    read = api.env.runs.get_state

    async def counted(thread_id: str, *args: Any, **kwargs: Any) -> Any:
        found.append(thread_id)
        return await read(thread_id, *args, **kwargs)

    monkeypatch.setattr(api.env.runs, "get_state", counted)
    return found


async def values(api: Served, thread: str) -> Any:
    return (await api.http.get(f"/threads/{thread}/state")).json()["values"]


async def test_a_state_is_read_again_when_something_has_happened(api: Served, readings: list[str]) -> None:
    thread = (await api.client.threads.create())["thread_id"]
    await api.client.runs.wait(thread, "steps", input={"tag": "one"})
    assert [(await values(api, thread))["tag"] for _ in range(3)] == ["one"] * 3
    assert readings == [thread]
    await api.client.threads.update_state(thread, {"tag": "two"})
    assert (await values(api, thread))["tag"] == "two"
    await api.client.runs.wait(thread, "steps", input={"tag": "three"})
    assert (await values(api, thread))["tag"] == "three"
    run = await api.client.runs.create(thread, "steps", input={"tag": "four", "wait": 30})
    await until(lambda: is_begun(api, thread))
    await api.client.runs.cancel(thread, run["run_id"], action="rollback", wait=True)
    assert (await values(api, thread))["tag"] == "three"
    assert (await api.http.get(f"/threads/{thread}/state", params={"subgraphs": True})).json()["values"][
        "tag"
    ] == "three"
    await api.client.threads.delete(thread)
    assert (await api.http.get(f"/threads/{thread}/state")).status_code == 404


async def is_begun(api: Served, thread: str) -> bool:
    """Asked while the run goes: what it has done is there at once."""
    return (await values(api, thread))["tag"] == "four"


async def test_a_held_question_is_read_each_time(api: Served, readings: list[str]) -> None:
    scope = RunScope(thread_id=(await api.client.threads.create())["thread_id"])
    run = await api.env.runs.create_background(RunSpec(assistant_id="ask", scope=scope, input={"question": "q"}))
    assert (await api.env.runs.join_wait(run.run_id)).status is RunStatus.AWAITING_INPUT
    for _ in range(2):
        await values(api, run.thread_id)
    assert readings == [run.thread_id] * 2
    await api.env.runs.resume(run.run_id, "a")
    await api.env.runs.join_wait(run.run_id)
    assert (await values(api, run.thread_id))["answer"] == "a"
