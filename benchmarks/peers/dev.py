"""LangGraph's own development server: in memory, with ten places for runs."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from langgraph_sdk import get_client
from langgraph_sdk.schema import Config

from ..api import until_up
from ..figures import DEV
from ..ours import RECURSION_LIMIT
from ..processes import child, free_port, script
from ..systems import Moments, Stopwatch

_GRAPHS = Path(__file__).parents[1] / "graphs.py"


class Dev:
    """Nothing in it is durable."""

    name = DEV
    streams = True

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self._client = get_client(url=url)
        self.pids: Mapping[str, int] = {"server": pid}

    async def follow(self, steps: int, delay: float = 0.0) -> Moments:
        watch = Stopwatch()
        thread = await self._client.threads.create()
        given = {"total": 0, "steps": steps, "delay": delay}
        limit = Config(recursion_limit=RECURSION_LIMIT)
        parts = self._client.runs.stream(thread["thread_id"], "count", input=given, stream_mode="values", config=limit)
        async for part in parts:
            watch.tick()
            if part.event == "error":
                raise RuntimeError(f"a run of the LangGraph dev server failed: {part.data}")
        return watch.moments


@asynccontextmanager
async def dev(home: Path) -> AsyncGenerator[Dev]:
    """Started in a folder of its own, where it leaves its files."""
    folder = home / "dev"
    folder.mkdir()
    listed = {"dependencies": ["."], "graphs": {"count": f"{_GRAPHS}:graph", "tokens": f"{_GRAPHS}:tokens"}}
    (folder / "langgraph.json").write_text(json.dumps(listed), "utf-8")
    port = free_port()
    options = ["--no-browser", "--no-reload", "--port", str(port), "--n-jobs-per-worker", "10"]
    command = [script("langgraph"), "dev", *options, "--server-log-level", "WARNING"]
    async with child(command, home / "dev.log", folder=folder) as server:
        url = f"http://127.0.0.1:{port}"
        await until_up(url, server)
        system = Dev(url, server.pid)
        await system.follow(1)
        yield system
