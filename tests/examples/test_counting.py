"""The counting example."""

# LangGraph is only partly typed.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph

THREAD: RunnableConfig = {"configurable": {"thread_id": "t"}}


async def test_one_superstep_for_each_number(counting: CompiledStateGraph[Any, Any, Any, Any]) -> None:
    updates = [update async for update in counting.astream({"steps": 5}, THREAD, stream_mode="updates")]
    assert [update["count"]["numbers"] for update in updates] == [[1], [2], [3], [4], [5]]
    assert (await counting.aget_state(THREAD)).values["numbers"] == [1, 2, 3, 4, 5]


async def test_no_steps_are_no_supersteps(counting: CompiledStateGraph[Any, Any, Any, Any]) -> None:
    assert [update async for update in counting.astream({"steps": 0}, THREAD, stream_mode="updates")] == []


async def test_an_empty_input_counts_to_ten(counting: CompiledStateGraph[Any, Any, Any, Any]) -> None:
    assert (await counting.ainvoke({}, THREAD))["numbers"] == list(range(1, 11))


async def test_a_second_run_on_the_thread_counts_on(counting: CompiledStateGraph[Any, Any, Any, Any]) -> None:
    await counting.ainvoke({"steps": 2}, THREAD)
    assert (await counting.ainvoke({"steps": 3}, THREAD))["numbers"] == [1, 2, 3, 4, 5]


async def test_a_cut_off_run_goes_on_and_logs_each_step_once(
    counting: CompiledStateGraph[Any, Any, Any, Any], tmp_path: Path
) -> None:
    log = tmp_path / "steps.log"
    log.write_text("from before\n")
    given = {"steps": 6, "log": str(log)}
    stream = counting.astream(given, THREAD, stream_mode="values", durability="sync")
    async with aclosing(cast("AsyncGenerator[dict[str, Any], None]", stream)) as run:
        async for values in run:
            if values["numbers"] == [1, 2, 3]:
                break
    assert (await counting.aget_state(THREAD)).next == ("count",)
    await counting.ainvoke(None, THREAD)
    assert log.read_text().splitlines() == ["from before", *(f"step {number} {os.getpid()}" for number in range(1, 7))]
