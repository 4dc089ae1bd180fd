"""What is answered without FastAPI is answered as FastAPI answers it. A query that means nothing takes the long way."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from support.gateways import Served

_NOBODY = str(uuid.uuid4())
_LONG_WAY = {"nothing": "1"}


@pytest.fixture(scope="module")
async def names(api: Served) -> dict[str, str]:
    """A thread with a run, and another one."""
    thread = (await api.client.threads.create(metadata={"kind": "quick", "n": 2}))["thread_id"]
    metadata = {"deep": {"b": 1, "a": ["ü", None]}}
    run = await api.client.runs.create(thread, "steps", input={"tag": "one"}, metadata=metadata)
    await api.client.runs.join(thread, run["run_id"])
    other = (await api.client.threads.create(metadata={"kind": "quick"}))["thread_id"]
    return {"thread": thread, "run": run["run_id"], "other": other, "nobody": _NOBODY}


@pytest.mark.parametrize(
    "path",
    [
        "/threads/{thread}",
        "/threads/{other}",
        "/threads/{nobody}",
        "/threads/none",
        "/threads/{thread}/state",
        "/threads/{other}/state",
        "/threads/{nobody}/state",
        "/threads/{thread}/runs",
        "/threads/{other}/runs",
        "/threads/{nobody}/runs",
        "/threads/none/runs",
        "/threads/{thread}/runs/{run}",
        "/threads/{other}/runs/{run}",
        "/threads/{thread}/runs/none",
        "/threads/",
        "/threads//runs",
    ],
)
async def test_reads(api: Served, names: dict[str, str], path: str) -> None:
    quick = await api.http.get(path.format_map(names))
    long = await api.http.get(path.format_map(names), params=_LONG_WAY)
    assert (quick.status_code, quick.content) == (long.status_code, long.content)
    again = await api.http.get(path.format_map(names))  # what it has kept
    assert again.content == quick.content


@pytest.mark.parametrize(
    "body",
    [
        b'{"metadata": {"kind": "quick"}}',
        b'{"metadata": {"kind": "quick"}, "limit": 1}',
        b'{"metadata": {"kind": "quick", "n": 2.0}, "select": ["thread_id"], "extract": {"n": "metadata.n"}}',
        b'{"metadata": {"n": 1180591620717411303424}}',
        b'{"metadata": {"n": NaN}}',
        b'{"metadata": {"a": [1]}}',
        b'{"status": "idle", "metadata": {"kind": "none"}}',
        b'{"status": "nothing"}',
        b'{"limit": 0}',
        b'{"limit": null, "unknown": 1}',
        b'{"ids": ["none"]}',
        b'{"a": ' * 5000 + b"1" + b"}" * 5000,
        b"[]",
        b"{",
        b"",
        b"\xff",
    ],
)
@pytest.mark.parametrize("path", ["/threads/search", "/threads/count"])
async def test_searches(api: Served, names: dict[str, str], path: str, body: bytes) -> None:
    assert names
    quick = await api.http.post(path, content=body)
    long = await api.http.post(path, content=body, params=_LONG_WAY)
    assert (quick.status_code, quick.content) == (long.status_code, long.content)
    assert quick.status_code < 500
    assert _paging(quick) == _paging(long)


def _paging(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("x-pagination")}


async def test_what_was_written_a_moment_ago_is_read(api: Served, names: dict[str, str]) -> None:
    for n in range(5):
        await api.client.threads.update(names["other"], metadata={"n": n})
        assert (await api.http.get(f"/threads/{names['other']}")).json()["metadata"]["n"] == n
        found = (await api.http.post("/threads/search", json={"metadata": {"n": n}, "select": ["thread_id"]})).json()
        assert {"thread_id": names["other"]} in found
