"""The worker of `temporalio-langgraph`: a program of its own."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from importlib import import_module
from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from benchmarks.graphs import Count, counting

    # By name, because only `make bench` installs it.
    peer = import_module("temporalio.langgraph")


@workflow.defn
class Counting:
    def __init__(self) -> None:
        self._graph: Any = peer.graph("count").compile()

    @workflow.run
    async def run(self, given: Count) -> int:
        found = await self._graph.ainvoke(given, {"recursion_limit": 100_000})
        return found["total"]


async def main(address: str, queue: str) -> None:
    """Serve until killed."""
    client = await Client.connect(address)
    options = {"start_to_close_timeout": timedelta(minutes=1)}
    graphs = {"count": counting({"execute_in": "activity"})}
    plugin = peer.LangGraphPlugin(graphs=graphs, default_activity_options=options)
    await Worker(client, task_queue=queue, workflows=[Counting], plugins=[plugin], build_id="bench").run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
